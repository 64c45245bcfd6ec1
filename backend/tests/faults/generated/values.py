"""Values as nobody means them, and JSON as no serialiser writes it."""

from __future__ import annotations

import json
import random
from typing import Any
from uuid import UUID

# In each text that is made up: no refusal may repeat it.
CANARY = "zq7canary"

TEXTS = [
    "", " ", "\t\n", CANARY, f"{CANARY}\0", "\0", "\ud800", "\udc00\ud800", f"{CANARY}\ud83d",
    "\U0001d518" * 40, "\N{GRINNING FACE}" * 501, "a" * 500, "a" * 501, "a" * 5000, "null", "true",
    "1", "1e9", "-0", "2026-11-21T08:30:00Z", "0001-01-01T00:00:00+23:59", "infinity", "%", "_",
    "\\",
    "%00", "'; DROP TABLE task; --", "{{7*7}}", "${jndi:ldap://x}", "../../etc/passwd",
    "<script>alert(1)</script>", "\u202eabc", "\ufeff", "\uffff", "e\u0301" * 30,
    "\u0130\u0131\xdf",
    "first", "last", "all", "completed", "pending", "deleted", "create", "update",
    "taskwell-export-1",
]  # fmt: skip

NUMBERS: list[Any] = [
    0, -0.0, 1, -1, 1.0, 1.5, 500, 501, 1000, 1001, 1024, 2**31, 2**53 - 1, 2**53, -(2**53),
    2**63, 2**64,
    10**30, 1e308, 5e-324,
]  # fmt: skip

OTHERS: list[Any] = [None, True, False, [], {}, [None], {"": ""}, [[[]]], {CANARY: CANARY}]

# As they stand; what no serialiser gives.
LITERALS = [
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1E+3", "1.0e0", "01", "+1", ".5", "1.",
    "0x10",
    "1_000", "9" * 400, "9" * 5000, "[" * 800 + "]" * 800, "[" * 60_000,
    '{"a":' * 300 + "1" + "}" * 300,
    '{"a": 1, "a": 2}', '"\\ud800"', '"\\u0000"', '"\\x41"', '"\t"', "'a'", "undefined", "/**/1",
    "",
]  # fmt: skip

_MARK = "@@literal@@"


def made_up(chance: random.Random) -> Any:
    kind = chance.random()
    if kind < 0.45:
        return chance.choice(TEXTS)
    if kind < 0.65:
        return chance.choice(NUMBERS)
    if kind < 0.85:
        return chance.choice(OTHERS)
    if kind < 0.95:
        return a_uuid(chance)
    return chance.randbytes(chance.randrange(40)).decode("latin-1")


def a_uuid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


def a_text(chance: random.Random) -> str:
    """One that may be stored."""
    letters = "abc \xe9\u03a9\u0416\u5b57\N{GRINNING FACE}%_\\'\""
    length = chance.choice((1, 3, 8, 40, 499))
    return CANARY[:3] + "".join(chance.choices(letters, k=length))


def spoiled(value: Any, chance: random.Random) -> bytes:
    """The same as JSON, but for something that was changed at a place of chance."""
    if chance.random() < 0.7:
        return dumped(changed(value, chance))
    literal = chance.choice(LITERALS)
    return dumped(changed(value, chance, _MARK)).replace(f'"{_MARK}"'.encode(), literal.encode(), 1)


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def changed(value: Any, chance: random.Random, into: Any = ...) -> Any:
    deeper = isinstance(value, (dict, list)) and value and chance.random() < 0.85
    if not deeper:
        return made_up(chance) if into is ... else into
    if isinstance(value, list):
        place = chance.randrange(len(value))
        if chance.random() < 0.1:
            return value[:place] + value[place + 1 :] + [value[place]] * chance.choice((0, 2))
        return [*value[:place], changed(value[place], chance, into), *value[place + 1 :]]
    name = chance.choice(list(value))
    kind = chance.random()
    rest = {each: found for each, found in value.items() if each != name}
    if kind < 0.15:
        return rest
    if kind < 0.25:
        return {**value, str(made_up(chance)): made_up(chance) if into is ... else into}
    if kind < 0.3:
        return {**rest, name + chance.choice(("", "\0", "s", " ")): value[name]}
    return {**value, name: changed(value[name], chance, into)}


def bitten(raw: bytes, chance: random.Random) -> bytes:
    """Some bytes are others, are missing, are there twice, or are of another encoding."""
    place = chance.randrange(len(raw) + 1)
    kind = chance.random()
    if kind < 0.3:
        return raw[:place] + chance.randbytes(chance.choice((1, 1, 2, 8))) + raw[place + 1 :]
    if kind < 0.5:
        return raw[:place]
    if kind < 0.6:
        return raw[:place] + raw
    if kind < 0.7:
        return raw[:place] + raw[place + chance.choice((1, 3)) :]
    if kind < 0.8:
        return raw + chance.choice((b"\0", b" ", b"{}", b",", b"\n\n", b"]"))
    return chance.choice((b"\xef\xbb\xbf", b"\xff\xfe", b" ", b"\0", b"\xc0\x80")) + raw
