"""Methods, paths, queries and headers: right ones, and all that somebody could make of them."""

from __future__ import annotations

import random
import re
from urllib.parse import quote

from contract.operations import Operation
from faults.generated.memory import Memory
from faults.generated.values import CANARY, TEXTS, a_text, a_uuid, bitten

Lines = list[tuple[str, str]]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "LINK")
SEGMENTS = (
    "%00", "%", "%zz", "%FF%FE", "%C0%AE", "%ED%A0%80", "..", ".", "", "a%2Fb", CANARY, "tasks",
    "sync",
    "toggle", "0" * 36, "a" * 300, "%E2%80%AE", "a" * 17_000, "~", "*", "$", "%0D%0AX:%201",
    "{task_id}",
)  # fmt: skip
WORDS = (
    "",
    " ",
    "*",
    ",",
    '"',
    "\\",
    "\t",
    "\x7f",
    "\xff",
    "\xe9",
    ";",
    "=",
    "q=0",
    CANARY,
    "a" * 9000,
)


def a_path(operation: Operation, chance: random.Random, memory: Memory) -> str:
    code = chance.choice(("validation-failed", "not-found", CANARY))
    names = {"user_id": memory.user_id, "task_id": memory.some_id(chance), "code": code}
    path = re.sub(r"{(\w+)}", lambda found: quote(names[found[1]], safe=""), operation.path)
    if chance.random() < 0.08:
        segments = path.split("/")
        place = chance.randrange(1, len(segments) + 1)
        segments[place : place + 1] = [chance.choice(SEGMENTS)]
        path = "/".join(segments)
    return path


def a_query(operation: Operation, chance: random.Random, memory: Memory) -> str:
    known = operation.parameters("query")
    if not known:
        return "" if chance.random() < 0.95 else f"?{quote(chance.choice(TEXTS[:6]))}"
    if "cursor" in known and chance.random() < 0.25:
        return _followed(chance, memory)
    asked = []
    for name, parameter in known.items():
        if parameter["required"] or chance.random() < 0.3:
            asked.append(
                f"{name}={quote(_asked(name, parameter['schema'], chance, memory), safe='')}"
            )
    if chance.random() < 0.03:
        asked.append(
            chance.choice(("&&", "=", "a=b=c", "%00=%00", "q=%ff", "limit=1", "+", "[]=1"))
        )
    return f"?{'&'.join(asked)}" if asked else ""


def _followed(chance: random.Random, memory: Memory) -> str:
    """A cursor as it was given, or nearly so."""
    query = "?" + chance.choice(memory.links).partition("?")[2]
    if chance.random() < 0.5:
        bytes_of_it = bitten(query[1:].encode(), chance)
        query = "?" + quote(bytes_of_it, safe="=&%")
    return query


def _asked(name: str, schema: dict[str, object], chance: random.Random, memory: Memory) -> str:
    if chance.random() < 0.2:
        return _unencodable_as_question_mark(chance.choice(TEXTS))
    choices = schema.get("enum")
    if isinstance(choices, list):
        return str(chance.choice(choices))
    if name == "limit":
        return str(chance.choice((1, 2, 3, 10, 50, 0, -1, 1001, 10**20)))
    if name == "since":
        return memory.some_sync_cursor(chance)
    return a_text(chance)[:600]


def _unencodable_as_question_mark(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def authorization(chance: random.Random, memory: Memory) -> Lines:
    token = memory.token
    kind = chance.random()
    if kind < 0.92:
        return [("Authorization", f"Bearer {token}")]
    if kind < 0.96:
        return [("Authorization", f"Bearer {_visible(bitten(token.encode(), chance))}")]
    values: tuple[tuple[str, ...], ...] = (
        (), ("",), ("Bearer",), ("Bearer ",), (token,), (f"Basic {token}",), (f"bearer {token}",),
        (f"Bearer {token}", f"Bearer {token}"), (f"Bearer  {token}",), (f"Bearer {token},",),
        (f"Bearer {token}.{token}",), ("Bearer " + "." * 9000,), (f"Bearer \xff{token}",),
        ("Bearer ..",),
        ("Bearer e30.e30.e30",),
    )  # fmt: skip
    return [("Authorization", value) for value in chance.choice(values)]


def _visible(raw: bytes) -> str:
    """As it can stand in a header."""
    return re.sub(rb"[\0-\x08\x0a-\x1f\x7f]", b"?", raw).decode("latin-1")


def _tags(chance: random.Random, memory: Memory) -> str:
    tag = chance.choice(memory.tags)
    return chance.choice(
        (tag, tag, tag, "*", f"W/{tag}", f'{tag}, "{CANARY}"', tag[:-1], f'"{CANARY}"', "",
        f",{tag},",
         f"{tag} {tag}", f"*, {tag}", tag * 200, '"\xe9"', "w/" + tag, ", \t" * 2000 + "x"),
    )  # fmt: skip


def preconditions(chance: random.Random, memory: Memory) -> Lines:
    found: Lines = []
    if chance.random() < 0.15:
        found.append(("If-Match", _tags(chance, memory)))
    if chance.random() < 0.15:
        found.append(("If-None-Match", _tags(chance, memory)))
    if chance.random() < 0.12:
        key = chance.choice(
            (f"key-{chance.randrange(30)}", a_uuid(chance), "", CANARY, "k" * 256, "a b")
        )
        found += [("Idempotency-Key", key)] * chance.choice((1, 1, 1, 1, 2))
    return found


def others(chance: random.Random) -> Lines:
    found: Lines = []
    if chance.random() < 0.1:
        prefer = (
            "count=exact",
            'count="exact"; a',
            f"count={CANARY}",
            "return=minimal",
            ";;,,=",
            "count",
        )
        found.append(("Prefer", chance.choice(prefer)))
    if chance.random() < 0.05:
        parent = f"00-{chance.getrandbits(128):032x}-{chance.getrandbits(64):016x}-01"
        found.append(
            ("traceparent", chance.choice((parent, parent.upper(), f"00-{CANARY}", "0" * 32)))
        )
    if chance.random() < 0.05:
        found.append(
            ("Range", chance.choice(("bytes=0-1", "bytes=-1", "tasks=0-9", "bytes=a", "")))
        )
    if chance.random() < 0.05:
        origin = chance.choice(
            ("https://app.example.com", "https://evil.example", "null", "", "\xe9")
        )
        found += [("Origin", origin), ("Access-Control-Request-Method", chance.choice(METHODS))]
    if chance.random() < 0.05:
        name = chance.choice(
            ("Accept", "Accept-Encoding", "Forwarded", "X-Forwarded-For", "Cookie", "Last-Event-ID",
             "If-Modified-Since", "If-Range", "X-HTTP-Method-Override", "Via", "TE", "Upgrade",
             "Expect",
             f"X-{CANARY}"),
        )  # fmt: skip
        words = (
            *WORDS,
            "for=1.2.3.4",
            "h2c",
            "100-continue",
            "text/html",
            "DELETE",
            "127.0.0.1",
            "a=b",
        )
        found.append((name, chance.choice(words)))
    return found


def content_type(media_type: str, chance: random.Random) -> Lines:
    if chance.random() < 0.95:
        return [("Content-Type", media_type)]
    values = (
        (), ("",), ("text/plain",), ("application/json; charset=utf-8",), (media_type, media_type),
        ("application/json; charset=utf-16",), ("multipart/form-data; boundary=x",), (CANARY,),
        ("APPLICATION/JSON",), ("application/json;",), ("\xe9/json",),
        ("application/json, text/html",),
    )  # fmt: skip
    found = [("Content-Type", value) for value in chance.choice(values)]
    encoding = chance.choice((None, None, "gzip", "identity", "br, gzip"))
    return found if encoding is None else [*found, ("Content-Encoding", encoding)]
