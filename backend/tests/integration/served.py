"""The whole service, but for its processes: on a port, in the event loop of a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from taskwell.config import Settings
from taskwell.main import create_app
from taskwell.server import worker
from taskwell.server.connections import Connections
from taskwell.server.protocol import Http


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[int]:
    config = worker.configuration(create_app(settings))
    lifespan = config.lifespan_class(config)
    await lifespan.startup()
    state = Connections(settings.cors_origins)

    protocol = partial(Http, config=config, server_state=state, app_state=lifespan.state)
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await lifespan.shutdown()
