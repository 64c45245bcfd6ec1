"""The one place where problems are rendered, whoever raised them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from taskwell import errors
from taskwell.api import trace
from taskwell.api.catalogue import CATALOGUE, CODES
from taskwell.errors import RequestRefused
from taskwell.services.flaws import flaws_of

MEDIA_TYPE = "application/problem+json"


class HttpRefused(RequestRefused):
    """Refused for what HTTP says, before any rule of ours was asked."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def code_of(refusal: RequestRefused) -> str:
    return next(CODES[kind] for kind in type(refusal).__mro__ if kind in CODES)


def content(
    code: str, request_id: str, members: Mapping[str, object] | None = None
) -> dict[str, object]:
    kind = CATALOGUE[code]
    return {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail,
        "code": code,
        "request_id": request_id,
        **(members or {}),
    }


def problem(
    scope: Scope,
    code: str,
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, object] | None = None,
    current: str | None = None,
) -> Response:
    kind = CATALOGUE[code]
    body = json.dumps(content(code, trace.of(scope).request_id, members), separators=(",", ":"))
    if current is not None:
        # The task is JSON already; it goes in as it came from the database.
        body = f'{body[:-1]},"current":{current}}}'
    response = Response(body, kind.status, media_type=MEDIA_TYPE)
    response.headers["cache-control"] = "no-store"
    response.headers.update(headers or {})
    return response


def install(app: FastAPI) -> None:
    app.add_exception_handler(RequestRefused, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _raised_by_framework)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)
    return answer_to(request.scope, error)


def answer_to(scope: Scope, error: RequestRefused) -> Response:
    if isinstance(error, HttpRefused):
        return problem(scope, error.code)
    code = code_of(error)
    note = trace.of(scope)
    match error:
        case errors.TokenRefused():
            note.reason = error.reason
            return problem(scope, code, headers={"www-authenticate": _challenge(code)})
        case errors.Unavailable():
            note.reason = error.reason
            return problem(scope, code, headers={"retry-after": str(error.retry_after)})
        case errors.AskedTooMuch():
            note.reason = error.reason
            return problem(scope, code, headers=_limits(error))
        case errors.InputInvalid():
            return problem(scope, code, members=listed(error.flaws))
        case errors.PreconditionFailed():
            tag = {"etag": f'"{error.tag}"'} if error.tag else None
            return problem(scope, code, headers=tag, current=error.current)
    return problem(scope, code)


def _challenge(code: str) -> str:
    """RFC 6750: no error code where there was no token at all."""
    return "Bearer" if code == "token-missing" else 'Bearer error="invalid_token"'


def _limits(error: errors.AskedTooMuch) -> dict[str, str]:
    """RateLimit and its policy as in draft-ietf-httpapi-ratelimit-headers-10."""
    headers = {"retry-after": str(error.retry_after)}
    if isinstance(error, errors.RateLimited):
        headers["ratelimit-policy"] = f'"{error.name}";q={error.quota};w={error.seconds}'
        headers["ratelimit"] = f'"{error.name}";r=0;t={error.retry_after}'
    return headers


def listed(flaws: tuple[errors.Flaw, ...]) -> dict[str, object]:
    return {
        "errors": [
            {"pointer": flaw.pointer, "code": flaw.code, "message": flaw.message} for flaw in flaws
        ]
    }


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    flaws = flaws_of(error.errors(), skip=1)
    return problem(request.scope, "validation-failed", members=listed(flaws))


async def _raised_by_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allow = ", ".join(methods_allowed(request.app, request.scope))
        return problem(request.scope, "method-not-allowed", headers={"allow": allow})
    return problem(request.scope, "not-found" if error.status_code == 404 else "malformed-request")


_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def methods_allowed(app: FastAPI, scope: Scope) -> list[str]:
    """All that the path takes; the framework only knows the first route that has the path."""
    found = [
        method
        for method in _METHODS
        if any(
            route.matches({**scope, "method": method})[0] is Match.FULL
            for route in app.router.routes
        )
    ]
    if "GET" in found:
        found.insert(1, "HEAD")
    return [*found, "OPTIONS"] if found else []
