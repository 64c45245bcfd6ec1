"""One frame around every request: its id, its log line, CORS, HEAD, OPTIONS, and the last net."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskwell.api import trace
from taskwell.api.admission import REFUSAL, Admission
from taskwell.api.cross_origin import listed_origin, share
from taskwell.api.problems import answer_to, methods_allowed, problem
from taskwell.errors import DatabaseUnavailable
from taskwell.logs import MEMBERS
from taskwell.measures import stopwatch
from taskwell.measures.meter import Meter

logger = logging.getLogger("taskwell.request")

_TAKEN = (
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, "
    "Prefer, Traceparent, X-Request-ID"
)
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PREFLIGHT_SECONDS = "7200"


class Frame:
    def __init__(
        self,
        app: ASGIApp,
        *,
        service: FastAPI,
        admission: Admission,
        meter: Meter | None,
        origins: Sequence[str],
        tells_times: bool,
    ) -> None:
        self._app = app
        self._service = service
        self._admission = admission
        self._meter = meter
        self._tells_times = tells_times
        self._origins = frozenset(origin.encode("latin-1") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        note = self._begin(scope)
        method = scope["method"]
        origin = listed_origin(scope, self._origins)
        status = size = 0

        async def send_framed(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                self._admission.give_back(note)
                self._dress(message, note, origin, began)
            elif method != "HEAD":
                size += len(message.get("body", b""))
            await send(message)

        if method == "HEAD":
            # A scope of our own: the server goes by the one it made.
            scope = {**scope, "method": "GET"}
            send = _head_of(send)
        try:
            await self._answering(scope, origin)(scope, receive, send_framed)
        except ClientDisconnect:
            note.reason = "the connection ended before the body did"
        except (Exception, asyncio.CancelledError) as error:  # the last net
            last_word = _last_word(scope, note, error)
            if status:
                raise
            await last_word(scope, receive, send_framed)
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self._admission.give_back(note)
            self._finish(scope, method, note, status, size, time.perf_counter() - began)

    def _begin(self, scope: Scope) -> trace.Trace:
        if self._meter is not None:
            self._meter.wake()
        note = trace.begin(scope)
        if self._tells_times:
            note.in_database = stopwatch.start()
        return note

    def _answering(self, scope: Scope, origin: bytes | None) -> ASGIApp:
        if REFUSAL in scope:
            return answer_to(scope, scope[REFUSAL])
        if scope["method"] == "OPTIONS":
            return self._options(scope, origin)
        return self._app

    def _dress(
        self, message: Message, note: trace.Trace, origin: bytes | None, began: float
    ) -> None:
        headers: list[tuple[bytes, bytes]] = message.setdefault("headers", [])
        headers.append((b"x-request-id", note.request_id.encode("latin-1")))
        headers.append((b"x-content-type-options", b"nosniff"))
        if self._service.state.draining:
            headers.append((b"connection", b"close"))
        if note.in_database is not None:
            headers.append(_server_timing(note, time.perf_counter() - began))
        if self._origins:
            share(headers, origin)

    def _options(self, scope: Scope, origin: bytes | None) -> Response:
        allowed = ", ".join(methods_allowed(self._service, scope))
        if not allowed:
            return problem(scope, "not-found")
        headers = {"allow": allowed}
        if origin is not None:
            headers["access-control-allow-methods"] = allowed
            headers["access-control-allow-headers"] = _TAKEN
            headers["access-control-max-age"] = _PREFLIGHT_SECONDS
        return Response(None, 204, headers)

    def _finish(
        self, scope: Scope, method: str, note: trace.Trace, status: int, size: int, seconds: float
    ) -> None:
        if method in _WRITES and 200 <= status < 300 and note.user_id is not None:
            self._service.state.live.nudge(note.user_id)
        if self._meter is not None:
            self._meter.count(method, _template(scope), status, seconds)
        if note.is_told or not logger.isEnabledFor(logging.INFO):
            return
        members: dict[str, object] = {
            "request_id": note.request_id,
            "method": method,
            "route": _template(scope),
            # None where there was nobody left to answer.
            "status": status or None,
            "duration_ms": round(seconds * 1000, 2),
            "bytes": size,
            "user": note.user_id,
        }
        if note.trace_id is not None:
            members["trace_id"] = note.trace_id
        if note.reason is not None:
            members["reason"] = note.reason
        logger.info("request", extra={MEMBERS: members})


def _head_of(send: Send) -> Send:
    """Ends the answer with its head, and now: the body of a stream has no end."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body"})

    return send_head


def _last_word(scope: Scope, note: trace.Trace, error: BaseException) -> Response:
    """Cancelled is who was waited for long enough, at the end of the process; all else that falls
    into the net is a defect, logged and told."""
    if isinstance(error, asyncio.CancelledError):
        return answer_to(scope, DatabaseUnavailable("cut off at the end of the process"))
    logger.error("unexpected", exc_info=error, extra={MEMBERS: {"request_id": note.request_id}})
    return problem(scope, "internal-error")


def _server_timing(note: trace.Trace, total: float) -> tuple[bytes, bytes]:
    """In milliseconds, as its specification says."""
    spent = {"auth": note.auth_seconds, "db": sum(note.in_database or ()), "total": total}
    told = ", ".join(f"{name};dur={seconds * 1000:.2f}" for name, seconds in spent.items())
    return b"server-timing", told.encode()


def _template(scope: Scope) -> str | None:
    path: str | None = getattr(scope.get("route"), "path", None)
    return path
