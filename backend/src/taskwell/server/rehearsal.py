"""The begin of a start and a few requests to nobody, before the workers are forked.

The first run of any code writes to memory: caches fill, the interpreter adapts. What was written
before the fork is shared by all workers, what is written after it each of them has for itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import cast

from starlette.types import ASGIApp, Message, Scope

PATHS = ("/health/live", "/tasks", "/nowhere")
ROUNDS = 20


def rehearse(app: ASGIApp) -> None:
    logging.disable()
    try:
        for scope in ({"type": "lifespan"}, *map(_scope, PATHS * ROUNDS)):
            _run(app, scope)
    finally:
        logging.disable(logging.NOTSET)


def _run(app: ASGIApp, scope: Scope) -> None:
    """Without an event loop, which has no business in the parent: as far as it goes at one go."""
    receive = _wait if scope["type"] == "lifespan" else _receive
    coroutine = cast("Coroutine[object, None, None]", app(scope, receive, _send))
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()


def _scope(path: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": None,
        "server": None,
        "state": {},
    }


async def _wait() -> Message:
    await asyncio.sleep(0)
    raise AssertionError("nobody goes on from here")


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    return
