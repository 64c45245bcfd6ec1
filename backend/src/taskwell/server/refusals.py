"""What the protocol refuses by itself, as the client sees it and as the log tells it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus

from starlette.types import Scope

from taskwell.api import trace
from taskwell.api.catalogue import CATALOGUE
from taskwell.api.cross_origin import listed_origin, share
from taskwell.api.problems import problem
from taskwell.logs import MEMBERS

logger = logging.getLogger("taskwell.request")

Headers = Iterable[tuple[bytes, bytes]]

MALFORMED = "malformed-request"
TOO_SLOW = "request-timeout"
TARGET_TOO_LONG = "target-too-long"
HEAD_TOO_LARGE = "headers-too-large"


def refuse(code: str, scope: Scope, default_headers: Headers, origins: frozenset[bytes]) -> bytes:
    """Logs the refusal, and gives the whole answer; `scope` has the request as far as it came."""
    note = trace.begin(scope)
    note.is_told = True
    answer = problem(scope, code)
    status = CATALOGUE[code].status
    headers = [*default_headers, *answer.raw_headers]
    if origins:
        share(headers, listed_origin(scope, origins))
    lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
    lines += [name + b": " + value for name, value in headers]
    lines += [b"x-request-id: " + note.request_id.encode(), b"x-content-type-options: nosniff"]
    lines.append(b"connection: close")
    members = {
        "request_id": note.request_id,
        "method": scope.get("method"),
        "route": None,
        "status": status,
        "reason": code,
    }
    logger.warning("request", extra={MEMBERS: members})
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(answer.body)
