"""One frame around every request: its id, its log line, CORS, HEAD, OPTIONS, and the last net."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskwell.api import trace
from taskwell.api.problems import methods_allowed, problem
from taskwell.logs import MEMBERS

logger = logging.getLogger("taskwell.request")

_EXPOSED = (
    "ETag, Link, Location, Retry-After, X-Request-ID, X-Total-Count, X-Sync-Cursor, "
    "Idempotency-Replayed"
)
_TAKEN = (
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, "
    "Prefer, Traceparent, X-Request-ID"
)
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PREFLIGHT_SECONDS = "7200"


class Frame:
    def __init__(self, app: ASGIApp, *, service: FastAPI, origins: Sequence[str]) -> None:
        self._app = app
        self._service = service
        self._origins = frozenset(origin.encode("latin-1") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        note = trace.begin(scope)
        method = scope["method"]
        origin = self._listed_origin(scope)
        status = size = 0

        async def send_framed(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                self._dress(message, note.request_id, origin)
            elif method == "HEAD":
                message = {**message, "body": b""}
            else:
                size += len(message.get("body", b""))
            await send(message)

        if method == "HEAD":
            # A scope of our own: the server goes by the one it made.
            scope = {**scope, "method": "GET"}
        try:
            if method == "OPTIONS":
                await self._options(scope, origin)(scope, receive, send_framed)
            else:
                await self._app(scope, receive, send_framed)
        except ClientDisconnect:
            note.reason = "the connection ended before the body did"
        except Exception:  # the last net: whatever falls into it is a defect, logged and told
            logger.exception("unexpected", extra={MEMBERS: {"request_id": note.request_id}})
            if status:
                raise
            await problem(scope, "internal-error")(scope, receive, send_framed)
        finally:
            self._finish(scope, method, note, status, size, time.perf_counter() - began)

    def _listed_origin(self, scope: Scope) -> bytes | None:
        if self._origins:
            for name, value in scope["headers"]:
                if name == b"origin" and value in self._origins:
                    return bytes(value)
        return None

    def _dress(self, message: Message, request_id: str, origin: bytes | None) -> None:
        headers: list[tuple[bytes, bytes]] = message.setdefault("headers", [])
        headers.append((b"x-request-id", request_id.encode("latin-1")))
        headers.append((b"x-content-type-options", b"nosniff"))
        if self._service.state.draining:
            headers.append((b"connection", b"close"))
        if not self._origins:
            return
        if origin is not None:
            headers.append((b"access-control-allow-origin", origin))
            headers.append((b"access-control-expose-headers", _EXPOSED.encode()))
        known = MutableHeaders(raw=headers)
        if "origin" not in known.get("vary", "").lower():
            known.add_vary_header("Origin")

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


def _template(scope: Scope) -> str | None:
    path: str | None = getattr(scope.get("route"), "path", None)
    # A route knows nothing of the prefix under which it was included once more.
    if path is not None and "user_id" in scope["path_params"]:
        return f"/api/{{user_id}}{path}"
    return path
