"""Queries and cursors."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

from contract.attacks import Attack
from taskwell.services.lists import ListQuery, SortKey

_ID = "01975b3e-8f2a-7c41-9d0e-000000000000"


def _query(name: str, query: str, flaw: str) -> Attack:
    path = f"/tasks?{query}"
    return Attack(f"query: {name}", 422, "validation-failed", "GET", path, flaw=flaw)


QUERIES = [
    _query("NUL in q", "q=%00", "nul-character"),
    _query("NUL within q", "q=can%00ary", "nul-character"),
    _query("q of 501 code points", "q=" + "a" * 501, "too-long"),
    _query("q of 501 astral code points", "q=" + quote("\N{GRINNING FACE}") * 501, "too-long"),
    _query("NUL in status", "status=%00", "not-a-choice"),
    _query("an unknown status", "status=canary", "not-a-choice"),
    _query("an empty status", "status=", "not-a-choice"),
    _query("an unknown sort", "sort=canary", "not-a-choice"),
    _query("a sort twice descending", "sort=--text", "not-a-choice"),
    _query("NUL in sort", "sort=text%00", "not-a-choice"),
    _query("an empty sort", "sort=", "not-a-choice"),
    _query("limit 0", "limit=0", "out-of-range"),
    _query("limit -1", "limit=-1", "out-of-range"),
    _query("limit 1001", "limit=1001", "out-of-range"),
    _query("limit 10^500", "limit=1" + "0" * 500, "out-of-range"),
    _query("limit of 5000 digits", "limit=" + "9" * 5000, "out-of-range"),
    _query("no number as limit", "limit=canary", "wrong-type"),
    _query("a fraction as limit", "limit=1.5", "wrong-type"),
    _query("infinity as limit", "limit=inf", "wrong-type"),
    _query("an empty limit", "limit=", "wrong-type"),
    _query("NUL in limit", "limit=1%00", "wrong-type"),
    _query("a cursor of 8193 characters", "cursor=" + "a" * 8193, "too-long"),
]


def encoded(content: object) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def bound(query: ListQuery) -> str:
    """The first member of each cursor of this query."""
    cursor = query.continued("1", _ID)
    binding: str = json.loads(base64.urlsafe_b64decode(cursor + "=="))[0]
    return binding


_PLAIN, _TIMES, _TEXTS, _DONE = (
    ListQuery(sort=sort)
    for sort in (SortKey.ORDER, SortKey.CREATED_AT, SortKey.TEXT, SortKey.COMPLETED_AT)
)
_TAMPERED: dict[str, tuple[ListQuery, object]] = {
    "no list": (_PLAIN, {}),
    "an object of three": (_PLAIN, {bound(_PLAIN): 1, "1": 2, _ID: 3}),
    "a string of three": (_PLAIN, "abc"),
    "null": (_PLAIN, None),
    "a number": (_PLAIN, 1),
    "NaN": (_PLAIN, b"NaN"),
    "two members": (_PLAIN, [bound(_PLAIN), "1"]),
    "four members": (_PLAIN, [bound(_PLAIN), "1", _ID, 1]),
    "deep": (_PLAIN, b"[" * 3000 + b"]" * 3000),
    "UTF-16": (_PLAIN, json.dumps([bound(_PLAIN), "1", _ID]).encode("utf-16")),
    "no UTF-8": (_PLAIN, b"\xff\xfe\xfd"),
    "a binding of a list": (_PLAIN, [[bound(_PLAIN)], "1", _ID]),
    "a binding of another sort": (_PLAIN, [bound(_TIMES), "1", _ID]),
    "a binding in capitals": (_PLAIN, [bound(_PLAIN).upper() + "A", "1", _ID]),
    "a number as key": (_PLAIN, [bound(_PLAIN), 1, _ID]),
    "a list as key": (_PLAIN, [bound(_PLAIN), ["1"], _ID]),
    "no key where there must be one": (_PLAIN, [bound(_PLAIN), None, _ID]),
    "an empty key": (_PLAIN, [bound(_PLAIN), "", _ID]),
    "a word as key": (_PLAIN, [bound(_PLAIN), "canary", _ID]),
    "a fraction as key": (_PLAIN, [bound(_PLAIN), "1.5", _ID]),
    "a spaced key": (_PLAIN, [bound(_PLAIN), " 1", _ID]),
    "a key with an underscore": (_PLAIN, [bound(_PLAIN), "1_0", _ID]),
    "a key in other digits": (_PLAIN, [bound(_PLAIN), "\u0661", _ID]),
    "an order out of range": (_PLAIN, [bound(_PLAIN), str(2**53), _ID]),
    "an order far out of range": (_PLAIN, [bound(_PLAIN), "9" * 5000, _ID]),
    "a time out of range": (_TIMES, [bound(_TIMES), str(3 * 10**17 + 1), _ID]),
    "a time before all time": (_TIMES, [bound(_TIMES), "-" + "9" * 18, _ID]),
    "a time of words": (_DONE, [bound(_DONE), "infinity", _ID]),
    "NUL in a text": (_TEXTS, [bound(_TEXTS), "can\0ary", _ID]),
    "half a surrogate pair in a text": (_TEXTS, [bound(_TEXTS), "\ud83d", _ID]),
    "no text": (_TEXTS, [bound(_TEXTS), None, _ID]),
    "no id": (_PLAIN, [bound(_PLAIN), "1", None]),
    "a number as id": (_PLAIN, [bound(_PLAIN), "1", 1]),
    "no UUID as id": (_PLAIN, [bound(_PLAIN), "1", "canary"]),
    "NUL after the id": (_PLAIN, [bound(_PLAIN), "1", _ID + "\0"]),
    "a line end after the id": (_PLAIN, [bound(_PLAIN), "1", _ID + "\n"]),
    "half a surrogate pair as id": (_PLAIN, [bound(_PLAIN), "1", "\ud800"]),
}


def _cursor(name: str, query: str) -> Attack:
    return Attack(f"cursor: {name}", 400, "cursor-invalid", "GET", f"/tasks?{query}")


CURSORS = [
    *(
        _cursor(name, f"sort={query.sort}&cursor={encoded(content)}")
        for name, (query, content) in _TAMPERED.items()
    ),
    _cursor("empty", "cursor="),
    _cursor("garbled", "cursor=canary"),
    _cursor("no base64", "cursor=%21%21%21"),
    _cursor("beyond ASCII", "cursor=%F0%9F%98%80"),
    _cursor("NUL", "cursor=%00"),
    _cursor("of another sort", f"sort=-order&cursor={_PLAIN.continued('1', _ID)}"),
    _cursor("of another filter", f"status=pending&cursor={_PLAIN.continued('1', _ID)}"),
    _cursor("of another search", f"q=a&cursor={_PLAIN.continued('1', _ID)}"),
    _cursor("with more after it", f"cursor={_PLAIN.continued('1', _ID)}%0A"),
    _cursor("twice", f"cursor={_PLAIN.continued('1', _ID) * 2}"),
]

CLEARING = [
    Attack(f"clear: {name}", 400, "filter-required", "DELETE", f"/tasks{query}")
    for name, query in (
        ("no filter", ""),
        ("an empty filter", "?status="),
        ("all", "?status=all"),
        ("pending", "?status=pending"),
        ("NUL", "?status=completed%00"),
        ("capitals", "?status=COMPLETED"),
        ("another name", "?Status=completed"),
        ("two filters", "?status=completed&status=all"),
    )
]

# Read as the web reads them: each byte that is no UTF-8 becomes U+FFFD, which nothing contains.
HARMLESS = [
    Attack(f"query: {name}", 200, None, "GET", f"/tasks?q={query}")
    for name, query in (
        ("no UTF-8", "%FF"),
        ("overlong UTF-8", "%C0%80"),
        ("surrogates in UTF-8", "%ED%A0%80"),
        ("an unfinished escape", "%"),
        ("an escape of no number", "%zz"),
    )
]

ATTACKS_ON_LISTS = [*QUERIES, *CURSORS, *CLEARING, *HARMLESS]
