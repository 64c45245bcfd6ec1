"""The page for Prometheus, on a port of its own, answered by whichever worker is asked."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from taskwell import __version__
from taskwell.measures.exposition import CONTENT_TYPE, expose
from taskwell.measures.ledger import Ledger
from taskwell.measures.meter import Meter
from taskwell.server.connections import Connections
from taskwell.server.http_config import http_config
from taskwell.server.listener import BACKLOG
from taskwell.server.protocol import Http
from taskwell.server.turnstile import Asker

PATH = "/metrics"


@dataclass(frozen=True, slots=True)
class Metrics:
    """What the workers share of it."""

    listener: socket.socket
    ledger: Ledger

    @property
    def descriptors(self) -> tuple[int, int]:
        return self.listener.fileno(), self.ledger.file


class MetricsPage:
    def __init__(self, meter: Meter, metrics: Metrics) -> None:
        self._meter = meter
        self._ledger = metrics.ledger
        self._listener = metrics.listener

    def admit(self, asker: Asker, cycle: RequestResponseCycle) -> None:
        """Nobody waits here."""
        asker.begin(cycle)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Response
        if scope["path"] != PATH:
            answer = PlainTextResponse(f"There is only {PATH} here.\n", 404)
        elif scope["method"] not in ("GET", "HEAD"):
            answer = PlainTextResponse("", 405, {"allow": "GET, HEAD"})
        else:
            self._meter.publish()
            page = expose(self._meter.layout, self._ledger.rows(), __version__)
            answer = Response(page, headers={"content-type": CONTENT_TYPE})
        # So that whoever asks every few seconds never keeps a worker from ending.
        answer.headers["connection"] = "close"
        await answer(scope, receive, send)

    async def open(self) -> None:
        """Once the service can answer: counts go to where all can see them."""
        row = self._ledger.take_row()
        if row is not None:
            self._meter.move_to(row)
        config = http_config(self, "off")
        connections = Connections()
        self._acceptor = await asyncio.get_running_loop().create_server(
            lambda: Http(config=config, server_state=connections, app_state={}),
            sock=self._listener.dup(),
            backlog=BACKLOG,
        )

    def close(self) -> None:
        """And leave the address to whoever comes after."""
        self._acceptor.close()
        self._listener.close()
