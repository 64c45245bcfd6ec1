"""One process that answers requests: uvicorn's HTTP on uvloop, asleep while nothing is asked."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable

import uvicorn
import uvloop
from fastapi import FastAPI

from taskwell.measures.meter import Meter
from taskwell.server.acceptor import Acceptor
from taskwell.server.census import Seat
from taskwell.server.connections import Connections
from taskwell.server.http_config import http_config
from taskwell.server.listener import BACKLOG
from taskwell.server.metrics_page import Metrics, MetricsPage
from taskwell.server.turnstile import Turnstile

logger = logging.getLogger(__name__)

# For how long open connections are still answered once the end has been announced.
FAREWELL = 5.0
# For how long a request that runs may go on after that.
LONGEST_REQUEST = 30.0


def configuration(app: FastAPI) -> uvicorn.Config:
    turnstile = Turnstile(app)
    meter: Meter | None = app.state.meter
    if meter is not None:
        meter.watch("taskwell_requests_running", lambda: turnstile.inside)
        meter.watch("taskwell_requests_waiting", lambda: turnstile.waiting)
    return http_config(turnstile, "on")


class Worker:
    def __init__(
        self,
        app: FastAPI,
        config: uvicorn.Config,
        listener: socket.socket,
        lifeline: int,
        metrics: Metrics | None = None,
        seat: Seat | None = None,
    ) -> None:
        self._app = app
        self._config = config
        self._listener = listener
        self._lifeline = lifeline
        self._seat = seat
        self._page = MetricsPage(app.state.meter, metrics) if metrics else None

    def run(self, when_ready: Callable[[], None]) -> bool:
        """Answers requests until SIGTERM or the end of the parent; False if it could not begin."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(self._serve(when_ready))

    async def _serve(self, when_ready: Callable[[], None]) -> bool:
        self._connections = Connections(self._app.state.settings.cors_origins, self._seat)
        self._stop = asyncio.Event()
        self._is_orphan = False
        self._lifespan = self._config.lifespan_class(self._config)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_reader(self._lifeline, self._lose_parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        await self._lifespan.startup()
        if self._lifespan.should_exit:
            return False
        if self._page is not None:
            await self._page.open()
        self._acceptor = Acceptor(self._listener, self._protocol, self._connections)
        self._acceptor.open()
        when_ready()
        await self._stop.wait()
        await self._drain()
        await self._lifespan.shutdown()
        # Whoever asks again is asking for what is just about to happen.
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return True

    def _protocol(self) -> asyncio.Protocol:
        make = self._config.http_protocol_class
        return make(  # type: ignore[call-arg]  # typed as a bare Protocol
            config=self._config,
            server_state=self._connections,
            app_state=self._lifespan.state,
        )

    def _lose_parent(self) -> None:
        asyncio.get_running_loop().remove_reader(self._lifeline)
        self._is_orphan = True
        self._stop.set()

    async def _drain(self) -> None:
        """New connections are welcome while old ones are open, so that whoever sends them here has
        the time to notice; but an orphan leaves the address to its successor."""
        self._app.state.draining = True
        # Streams would outlast every farewell; their readers come back elsewhere.
        self._app.state.live.end_all()
        if not self._is_orphan:
            await self._all_closed(FAREWELL)
        await self._stop_accepting()
        if self._is_orphan:
            await self._all_closed(FAREWELL)
        for connection in list(self._connections.connections):
            connection.shutdown()
        await self._all_closed(LONGEST_REQUEST)
        await self._finish(self._connections.tasks)

    async def _stop_accepting(self) -> None:
        if self._page is not None:
            self._page.close()
        await self._acceptor.close(BACKLOG)

    async def _all_closed(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._connections.all_closed.wait()
        except TimeoutError:
            return

    async def _finish(self, tasks: set[asyncio.Task[None]]) -> None:
        """A request whose client has gone may still be writing, and when it has ended one that
        waited for its turn may begin."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LONGEST_REQUEST
        while tasks and (left := deadline - loop.time()) > 0:
            await asyncio.wait(tasks.copy(), timeout=left)
        late = tasks.copy()
        for task in late:
            task.cancel()
        if late:
            logger.error("%d requests were cut off at the end", len(late))
            await asyncio.wait(late, timeout=1.0)
