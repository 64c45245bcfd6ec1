"""A worker with a small application, run as a program: it prints its port and ends with its input.

Its arguments change bounds, such as PATIENCE=0.5, so that tests need not wait long. With
SYSTEM_TAKES=4096 the system takes so little of an answer that the rest stays in the process.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextvars import ContextVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from taskwell import logs
from taskwell.configuring import load_settings
from taskwell.errors import Overloaded
from taskwell.server import deadlines, http_config, protocol, turnstile, untaken, worker
from taskwell.server.listener import listen

logger = logging.getLogger(__name__)

FRONT_END = "https://app.example.com"
WHOSE: ContextVar[str] = ContextVar("WHOSE")
LARGE = 32 * 1024 * 1024


class NoStreams:
    def end_all(self) -> None:
        logger.info("it says farewell")


def application() -> FastAPI:
    app = FastAPI()
    app.state.draining = False
    app.state.settings = load_settings(cors_origins=(FRONT_END,))
    app.state.live = NoStreams()
    # Nobody measures it.
    app.state.meter = None
    released = asyncio.Event()

    @app.exception_handler(Overloaded)
    async def overloaded(_: Request, error: Overloaded) -> Response:
        return Response(type(error).__name__, 503)

    @app.get("/headers")
    async def headers(request: Request) -> dict[str, str]:
        return {**request.headers, "x-context": WHOSE.get("nobody's")}

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    @app.post("/early")
    async def early() -> Response:
        return Response("no", 401)

    @app.get("/waiting")
    async def waiting() -> str:
        WHOSE.set("another's")
        logger.info("it waits")
        await released.wait()
        logger.info("it was released")
        return "released"

    @app.post("/stuck")
    async def stuck(request: Request) -> int:
        await released.wait()
        return len(await request.body())

    # The second one needs no turn, even where all are taken.
    @app.post("/release")
    @app.post("/health")
    async def release() -> None:
        released.set()

    @app.get("/large")
    async def large(size: int = LARGE) -> Response:
        return Response(b"x" * size)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(pieces())

    return app


async def pieces() -> AsyncIterator[bytes]:
    """Without end, but for that of the connection."""
    try:
        while True:
            yield b"begun\n"
            await asyncio.sleep(0.1)
    finally:
        logger.info("the stream ended")


def main() -> None:
    listener = listen("127.0.0.1", 0)
    for argument in sys.argv[1:]:
        name, _, value = argument.partition("=")
        if name == "SYSTEM_TAKES":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, int(value))
            continue
        places = (deadlines, http_config, protocol, turnstile, untaken, worker)
        (place,) = (module for module in places if hasattr(module, name))
        setattr(place, name, float(value))
    logs.configure("info", "json")
    app = application()
    one = worker.Worker(app, worker.configuration(app), listener, sys.stdin.fileno())
    one.run(lambda: tell(f"port {listener.getsockname()[1]}"))


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
