"""Idempotency-Key, for every write of a router whose routes are KeyedRoutes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from taskwell.api.answers import PRIVATE
from taskwell.api.bodies import JSON, read_bytes
from taskwell.api.dependencies import identify, own_path
from taskwell.api.problems import HttpRefused
from taskwell.services.receipts import Answer, Receipts

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PRECONDITIONS = ("if-match", "if-none-match")

Handler = Callable[[Request], Awaitable[Response]]


class KeyedRoute(APIRoute):
    """A route whose writes, sent again under their key, are answered again and not done again.

    The write and the receipt of its answer are one transaction. Routes know nothing of it.
    """

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def handle_keyed(request: Request) -> Response:
            keys = request.headers.getlist("idempotency-key")
            if not keys or request.method == "GET":
                return await handle(request)
            return await _once(request, keys, handle)

        return handle_keyed


async def _once(request: Request, keys: list[str], handle: Handler) -> Response:
    user = (await identify(request)).user_id
    await own_path(user, request.path_params.get("user_id", user))
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise HttpRefused("idempotency-key-invalid")
    fingerprint = await _fingerprint(request)
    receipts: Receipts = request.app.state.receipts
    async with receipts.claim(user, keys[0], fingerprint) as claim:
        if claim.answer is not None:
            return _replayed(claim.answer)
        request.state.claim = claim
        # Whatever is refused is raised, and nothing is kept: what comes back took effect.
        response = await handle(request)
        await claim.keep(_answer(response))
        return response


async def _fingerprint(request: Request) -> bytes:
    """What makes a request the same request."""
    scope = request.scope
    digest = blake2b(digest_size=16)
    parts = [request.method.encode(), scope["path"].encode(), scope["query_string"]]
    parts += [",".join(request.headers.getlist(name)).encode() for name in _PRECONDITIONS]
    for part in [*parts, await read_bytes(request)]:
        digest.update(len(part).to_bytes(8) + part)
    return digest.digest()


def _answer(response: Response) -> Answer:
    headers = response.headers
    return Answer(
        response.status_code,
        headers.get("etag"),
        headers.get("location"),
        bytes(response.body).decode(),
    )


def _replayed(answer: Answer) -> Response:
    headers = {**PRIVATE, "idempotency-replayed": "true"}
    if answer.etag is not None:
        headers["etag"] = answer.etag
    if answer.location is not None:
        headers["location"] = answer.location
    return Response(answer.body, answer.status, headers, JSON if answer.body else None)
