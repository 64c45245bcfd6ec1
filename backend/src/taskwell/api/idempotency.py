"""Idempotency-Key: the write and the receipt of its answer are one transaction."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from hashlib import blake2b

from starlette.responses import Response

from taskwell.api.answers import PRIVATE
from taskwell.api.bodies import JSON, read_bytes
from taskwell.api.call import Call
from taskwell.api.problems import HttpRefused
from taskwell.services.receipts import Answer

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PRECONDITIONS = ("if-match", "if-none-match")


async def once(call: Call, handle: Callable[[Call], Awaitable[Response]]) -> Response:
    """The route's own function knows nothing of it."""
    keys = call.headers.getlist("idempotency-key")
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise HttpRefused("idempotency-key-invalid")
    fingerprint = await _fingerprint(call)
    async with call.receipts.claim(call.user, keys[0], fingerprint) as claim:
        if claim.answer is not None:
            return _replayed(claim.answer)
        call.claim = claim
        # Whatever is refused is raised, and nothing is kept: what comes back took effect.
        response = await handle(call)
        await claim.keep(_answer(response))
        return response


async def _fingerprint(call: Call) -> bytes:
    """What makes a request the same request."""
    scope = call.scope
    digest = blake2b(digest_size=16)
    parts = [call.method.encode(), scope["path"].encode(), scope["query_string"]]
    parts += [",".join(call.headers.getlist(name)).encode() for name in _PRECONDITIONS]
    for part in [*parts, await read_bytes(call)]:
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
