"""The parent while the service runs: asleep until a signal, a worker or PostgreSQL wakes it."""

from __future__ import annotations

import logging
import selectors
import signal
import socket
import time
from collections.abc import Callable

from taskwell.database.embedded import EmbeddedPostgres
from taskwell.errors import StartRefused
from taskwell.server.crew import Crew
from taskwell.server.database_watch import DatabaseWatch
from taskwell.server.disk_watch import DiskWatch
from taskwell.server.signals import Signals, Stopped
from taskwell.server.worker import FAREWELL, LONGEST_REQUEST

logger = logging.getLogger(__name__)

# Workers end by themselves before this; one that doesn't is stuck.
LONGEST_END = FAREWELL + 2 * LONGEST_REQUEST


class Supervisor:
    def __init__(
        self,
        signals: Signals,
        crew: Crew,
        listener: socket.socket,
        database: EmbeddedPostgres | None,
        disk: DiskWatch | None,
    ) -> None:
        self._signals = signals
        self._crew = crew
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals.wakeup, selectors.EVENT_READ)
        self._selector.register(crew.news, selectors.EVENT_READ)
        self._disk = disk
        self._watch = DatabaseWatch(database, signals, self._selector) if database else None

    def run(self, when_ready: Callable[[], None], reload: Callable[[], None]) -> None:
        """Until somebody asks for the end; raises when the workers can't even begin."""
        is_announced = False
        while not self._signals.stops:
            self._crew.fill()
            self._sleep(self._patience())
            if self._crew.has_failed:
                self._end()
                raise StartRefused("The service could not start: the log above tells why.")
            if self._crew.is_ready and not is_announced:
                is_announced = True
                when_ready()
            if self._disk is not None:
                self._disk.look()
            if self._watch is not None:
                self._look_after_database(self._watch)
            if self._signals.reload:
                self._signals.reload = False
                reload()
        self._end()

    def let_go(self) -> None:
        """In a worker: lets go of what only the parent watches."""
        self._selector.close()

    def _look_after_database(self, watch: DatabaseWatch) -> None:
        try:
            watch.look()
        except Stopped:
            logger.info("the end was asked for while the database was restarted")

    def _patience(self) -> float | None:
        dates = [self._crew.seconds_until_hire()]
        if self._watch is not None:
            dates.append(self._watch.seconds_until_look())
        if self._disk is not None:
            dates.append(self._disk.seconds_until_look())
        return min((date for date in dates if date is not None), default=None)

    def _sleep(self, seconds: float | None) -> None:
        self._selector.select(seconds)
        self._signals.clear()
        self._crew.read_news()
        self._crew.bury()

    def _end(self) -> None:
        """The workers first, and the address with the last of them."""
        self._listener.close()
        self._crew.dismiss()
        asked = self._signals.stops
        deadline = time.monotonic() + LONGEST_END
        while not self._crew.is_gone:
            if self._signals.stops > asked or time.monotonic() > deadline:
                self._crew.dismiss(signal.SIGKILL)
            self._sleep(max(0.1, deadline - time.monotonic()))
