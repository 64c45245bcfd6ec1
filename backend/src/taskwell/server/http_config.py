"""How uvicorn is set, for the service and for its metrics."""

from __future__ import annotations

from typing import Any, Literal, cast

import uvicorn

from taskwell.server.protocol import Http
from taskwell.server.turnstile import Entrance

# Longer than a proxy keeps its idle connections, so that it is the proxy who closes them.
KEEP_ALIVE = 75


def http_config(entrance: Entrance, lifespan: Literal["on", "off"]) -> uvicorn.Config:
    config = uvicorn.Config(
        cast("Any", entrance),
        http=Http,
        ws="none",
        lifespan=lifespan,
        interface="asgi3",
        log_config=None,
        access_log=False,
        # It would stand between a connection and its entrance.
        proxy_headers=False,
        server_header=False,
        # A request is begun by whoever leaves its turn to it, and is none of their context.
        reset_contextvars=True,
        timeout_keep_alive=KEEP_ALIVE,
    )
    config.load()
    return config
