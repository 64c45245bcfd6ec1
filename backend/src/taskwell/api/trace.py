"""What is known of the request under way: gathered on the way down, logged on the way up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import getrandbits

from starlette.types import Scope

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_KEY = "taskwell.trace"


@dataclass(slots=True)
class Trace:
    request_id: str
    trace_id: str | None
    user_id: str | None = None
    # Why the request was refused, in words for the operator only.
    reason: str | None = None
    # For how many seconds the token was looked at, and the database, where somebody asks.
    auth_seconds: float = 0.0
    in_database: list[float] | None = None
    # Of the database, until the answer begins.
    holds_share: bool = False
    # The log has the line of this request already.
    is_told: bool = False


def begin(scope: Scope) -> Trace:
    """Only once for each request: the server may have had to refuse it already."""
    if _KEY in scope:
        return of(scope)
    given = parent = ""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
        elif name == b"traceparent":
            parent = value.decode("latin-1")
    known = _TRACEPARENT.fullmatch(parent)
    trace = Trace(
        request_id=given if _REQUEST_ID.fullmatch(given) else f"{getrandbits(128):032x}",
        trace_id=known[1] if known else None,
    )
    scope[_KEY] = trace
    return trace


def of(scope: Scope) -> Trace:
    trace: Trace = scope[_KEY]
    return trace
