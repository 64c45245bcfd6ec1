"""Methods, paths and headers."""

from __future__ import annotations

from contract.attacks import ABSENT, JSON, MINE, Attack
from contract.wire import Headers

_BODY = b'{"text": "canary"}'
_TASK = f"/tasks/{MINE}"


def _path(name: str, path: str, code: str = "task-not-found", method: str = "GET") -> Attack:
    return Attack(f"path: {name}, {method}", 404, code, method, path)


_IDS = {
    "no UUID": "canary",
    "a UUID without hyphens": ABSENT.replace("-", ""),
    "a UUID in braces": f"%7B{ABSENT}%7D",
    "a UUID and a line end": f"{ABSENT}%0A",
    "an absent UUID": ABSENT,
    "NUL": "%00",
    "NUL after a UUID": f"{ABSENT}%00",
    "no UTF-8": "%FF%FE",
    "overlong UTF-8": "%C0%AE%C0%AE",
    "surrogates in UTF-8": "%ED%A0%80",
    "an unfinished escape": "%",
    "an escape of no number": "%zz",
    "8000 characters": "a" * 8000,
    "a line end and a header": "%0D%0AX-Canary:%201",
    "SQL": "1'%20OR%20'1'='1",
}

PATHS = [
    *(_path(name, f"/tasks/{path}", method="GET") for name, path in _IDS.items()),
    *(_path(name, f"/tasks/{path}", method="DELETE") for name, path in _IDS.items()),
    *(_path(name, f"/tasks/{path}/toggle", method="PATCH") for name, path in _IDS.items()),
    _path("a slash at the end", "/tasks/", "not-found"),
    _path("a slash within", "/tasks/a%2Fb", "not-found"),
    _path("dots", "/tasks/..%2F..%2Fetc%2Fpasswd", "not-found"),
    _path("more than there is", f"{_TASK}/canary", "not-found"),
    _path("capitals", "/tasks".upper(), "not-found"),
    _path("a line end", "/tasks%0A", "not-found"),
    _path("a line end after a verb", f"{_TASK}/toggle%0A", "not-found", "PATCH"),
]


def _method(name: str, method: str, path: str = "/tasks") -> Attack:
    return Attack(f"method: {name}", 405, "method-not-allowed", method, path, sends_token=False)


METHODS = [
    _method("PUT on the list", "PUT"),
    _method("PATCH on the list", "PATCH"),
    _method("POST on a task", "POST", _TASK),
    _method("GET on a verb", "GET", f"{_TASK}/toggle"),
    _method("POST on a verb", "POST", f"{_TASK}/complete"),
    _method("TRACE", "TRACE"),
    _method("PROPFIND", "PROPFIND"),
    _method("PURGE", "PURGE", _TASK),
    Attack("method: HEAD on the list", 200, None, "HEAD"),
    Attack("method: HEAD on a task", 200, None, "HEAD", _TASK),
    Attack("method: HEAD on an absent task", 404, None, "HEAD", f"/tasks/{ABSENT}"),
    Attack("method: HEAD without a token", 401, None, "HEAD", without=("authorization",)),
    Attack("method: HEAD on a verb", 405, None, "HEAD", f"{_TASK}/toggle"),
    Attack(
        "method: OPTIONS from a foreign origin",
        204,
        None,
        "OPTIONS",
        headers=(
            ("Origin", "https://evil.example"),
            ("Access-Control-Request-Method", "DELETE"),
        ),
    ),
    Attack("method: OPTIONS without anything", 204, None, "OPTIONS", without=("authorization",)),
]


def _tokens(name: str, code: str, *values: str) -> list[Attack]:
    headers: Headers = tuple(("Authorization", value) for value in values)
    return [
        Attack(
            f"token: {name}, {method}",
            401,
            code,
            method,
            path,
            headers=(*headers, *JSON),
            body=_BODY,
            without=("authorization",),
        )
        for method, path in (("POST", "/tasks"), ("PUT", _TASK), ("DELETE", _TASK))
    ]


TOKENS = [
    *_tokens("none", "token-missing"),
    *_tokens("empty", "token-missing", ""),
    *_tokens("no scheme", "token-invalid", "{token}"),
    *_tokens("another scheme", "token-invalid", "Basic {token}"),
    *_tokens("the scheme alone", "token-missing", "Bearer"),
    *_tokens("two words", "token-invalid", "Bearer {token} {token}"),
    *_tokens("twice", "token-invalid", "Bearer {token}", "Bearer {token}"),
    *_tokens("right and wrong", "token-invalid", "Bearer {token}", "Bearer canary"),
    *_tokens("two in one", "token-invalid", "Bearer {token}, Bearer {token}"),
    *_tokens("10 KB", "token-invalid", "Bearer " + "a" * 10_240),
    *_tokens("10 KB of dots", "token-invalid", "Bearer " + "." * 10_240),
    *_tokens("10 KB after a good one", "token-invalid", "Bearer {token}" + "a" * 10_240),
    *_tokens("beyond ASCII", "token-invalid", "Bearer \xe9\xff"),
    *_tokens("quoted", "token-invalid", 'Bearer "{token}"'),
]


def _tags(name: str, status: int, code: str, header: str, *values: str) -> list[Attack]:
    headers: Headers = tuple((header, value) for value in values)
    return [
        Attack(
            f"{header}: {name}, {method} {path.count('/')}",
            status,
            code,
            method,
            path,
            headers=(*headers, *(JSON if body is not None else ())),
            body=body,
        )
        for method, path, body in (
            ("PUT", _TASK, _BODY),
            ("PATCH", _TASK, _BODY),
            ("DELETE", _TASK, None),
            ("PATCH", f"{_TASK}/toggle", None),
            ("DELETE", "/tasks?status=completed", None),
        )
    ]


_GARBLED = {
    "garbled": "canary",
    "an open quote": '"canary',
    "small w": 'w/"canary"',
    "a space in it": 'W/ "canary"',
    "a star among tags": '"canary", *',
    "two stars": "*, *",
    "no comma": '"a" "b"',
    "empty": "",
    "8 KB of commas and a word": "," * 8000 + "a",
    "8 KB of open quotes": '"' * 8001,
}

TAGS = [
    *_tags("stale", 412, "precondition-failed", "If-Match", '"canary.1"'),
    *_tags("weak", 412, "precondition-failed", "If-Match", 'W/"canary.1"'),
    *_tags("an empty tag", 412, "precondition-failed", "If-Match", '""'),
    *_tags("many", 412, "precondition-failed", "If-Match", '"a", W/"b"', '"c"'),
    *_tags("beyond ASCII", 412, "precondition-failed", "If-Match", '"\xe9"'),
    *(
        attack
        for name, value in _GARBLED.items()
        for attack in _tags(name, 400, "malformed-header", "If-Match", value)
    ),
    *(
        Attack(
            f"If-None-Match: {name}, {method} {path.count('/')}",
            400,
            "malformed-header",
            method,
            path,
            headers=(("If-None-Match", value), *JSON),
            body=_BODY if method == "POST" else None,
        )
        for name, value in _GARBLED.items()
        for method, path in (("GET", "/tasks"), ("GET", _TASK), ("POST", "/tasks"))
    ),
]


def _ignored(name: str, *headers: tuple[str, str], path: str = _TASK) -> Attack:
    return Attack(f"header: {name}", 200, None, "GET", path, headers=headers)


IGNORED = [
    _ignored("Range", ("Range", "bytes=0-1")),
    _ignored("Range of a list", ("Range", "bytes=0-1"), path="/tasks"),
    _ignored("If-Range", ("If-Range", '"a"'), ("Range", "bytes=5-")),
    _ignored("If-Modified-Since", ("If-Modified-Since", "Sat, 21 Nov 2099 08:30:00 GMT")),
    _ignored("If-Unmodified-Since", ("If-Unmodified-Since", "Sat, 21 Nov 2020 08:30:00 GMT")),
    _ignored("Accept", ("Accept", "text/canary")),
    _ignored("Accept-Encoding", ("Accept-Encoding", "identity;q=0, *;q=0")),
    _ignored("Prefer", ("Prefer", "count=canary, ;;;,,="), path="/tasks"),
    _ignored("traceparent", ("traceparent", "00-canary")),
    _ignored("X-Forwarded-User", ("X-Forwarded-User", "canary"), ("X-User-Id", "canary")),
    _ignored("X-HTTP-Method-Override", ("X-HTTP-Method-Override", "DELETE")),
    _ignored("an origin that is not listed", ("Origin", "https://evil.example")),
    _ignored("an upgrade", ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")),
]

_REQUEST_IDS = {
    "8 KB": "a" * 8192,
    "129 characters": "a" * 129,
    "a quote": '"canary',
    "JSON": '","level":"fatal","x":"canary',
    "an escape": "%0D%0Acanary",
    "a backslash": "\\ncanary",
    "beyond ASCII": "\xe9\x85canary",
    "a tab": "canary\tcanary",
    "empty": "",
}

REQUEST_IDS = [
    Attack(f"request id: {name}", 200, None, "GET", _TASK, headers=(("X-Request-ID", value),))
    for name, value in _REQUEST_IDS.items()
]

ATTACKS_ON_HEADS = [*PATHS, *METHODS, *TOKENS, *TAGS, *IGNORED, *REQUEST_IDS]
