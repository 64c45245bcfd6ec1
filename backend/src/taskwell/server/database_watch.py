"""Sees to it that the private PostgreSQL is there for as long as the service is."""

from __future__ import annotations

import logging
import os
import selectors
import time

from taskwell.database.embedded import EmbeddedPostgres
from taskwell.errors import DatabaseNotStarted
from taskwell.logs import MEMBERS
from taskwell.server.pauses import pause_after
from taskwell.server.signals import Signals

logger = logging.getLogger(__name__)

# PostgreSQL's log is kept in bounds at this pace. Where the system can't tell of the end of a
# process that is nobody's child, PostgreSQL itself is looked at, more often.
GLANCE = 600.0
GLANCE_WITHOUT_PIDFD = 5.0
# One that ran for longer than this did not die at once.
SHORT_LIFE = 5.0


class DatabaseWatch:
    def __init__(
        self, database: EmbeddedPostgres, signals: Signals, selector: selectors.BaseSelector
    ) -> None:
        self._database = database
        self._signals = signals
        self._selector = selector
        self._pidfd: int | None = None
        self._failures = 0
        self._started = time.monotonic()
        self._next_look = 0.0
        self._is_down = False
        self._await_end()

    def seconds_until_look(self) -> float:
        return max(0.0, self._next_look - time.monotonic())

    def look(self) -> None:
        """Called after every wakeup: PostgreSQL's end is one of them."""
        if not self._is_down and not self._database.alive():
            self._lose()
        if time.monotonic() < self._next_look:
            return
        try:
            with self._signals.interrupting():
                was_restarted = self._database.restart_if_dead()
        except DatabaseNotStarted as error:
            self._failures += 1
            self._next_look = time.monotonic() + pause_after(self._failures)
            members = {"reason": str(error)}
            logger.error("the database could not be restarted", extra={MEMBERS: members})
            return
        if was_restarted:
            self._is_down = False
            self._started = time.monotonic()
            logger.warning("the database was restarted")
        self._await_end()

    def _lose(self) -> None:
        logger.error("the database ended by itself")
        self._forget()
        self._is_down = True
        lived = time.monotonic() - self._started
        self._failures = self._failures + 1 if lived < SHORT_LIFE else 0
        pause = pause_after(self._failures) if self._failures > 1 else 0.0
        self._next_look = time.monotonic() + pause

    def _await_end(self) -> None:
        self._next_look = time.monotonic() + GLANCE_WITHOUT_PIDFD
        if self._pidfd is None and hasattr(os, "pidfd_open") and self._database.pid is not None:
            try:
                self._pidfd = os.pidfd_open(self._database.pid)
            except ProcessLookupError:
                self._next_look = 0.0
                return
            except OSError:
                # An older kernel, or one that may not be asked.
                return
            self._selector.register(self._pidfd, selectors.EVENT_READ)
        if self._pidfd is not None:
            self._next_look = time.monotonic() + GLANCE

    def _forget(self) -> None:
        if self._pidfd is not None:
            self._selector.unregister(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
