"""Signals and forks: what the parent hears, and what a child must not keep of it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from taskwell.errors import StartRefused
from taskwell.logs import MEMBERS

logger = logging.getLogger(__name__)

HEARD = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}


# The exit status of a child that says that the service must not go on.
REFUSED = 3


class Stopped(BaseException):
    """Somebody asked for the end while the service was still starting."""


class Signals:
    """Each signal makes `wakeup` readable, so that the parent can sleep until something happens."""

    def __init__(self) -> None:
        self.wakeup, self._alarm = socket.socketpair()
        self.wakeup.setblocking(False)
        self._alarm.setblocking(False)
        self.stops = 0
        self.reload = False
        self._is_raising = False
        # In a terminal SIGHUP tells that it goes away, in the background it asks for a reload.
        self._hangup_stops = os.isatty(0)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)
        for number in HEARD:
            # A hangup that is ignored already is nohup's doing.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._hear)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGCHLD:
            return
        if number == signal.SIGHUP and not self._hangup_stops:
            self.reload = True
            return
        self.stops += 1
        if self._is_raising:
            raise Stopped

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """For what takes its time: the end need not wait for it."""
        self._is_raising = True
        try:
            if self.stops:
                raise Stopped
            yield
        finally:
            self._is_raising = False

    def clear(self) -> None:
        try:
            while self.wakeup.recv(4096):
                pass
        except BlockingIOError:
            return

    def fork(self, child: Callable[[], bool]) -> int:
        """The child ends with what it is given to do; it hears SIGTERM once it unblocks it."""
        sys.stdout.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        try:
            pid = os.fork()
            if pid == 0:
                self._be(child)
        finally:
            # Only the parent gets here, also where the system has refused it a child.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
        return pid

    def _be(self, child: Callable[[], bool]) -> NoReturn:
        status = 1
        try:
            self._forget()
            status = 0 if child() else 1
        except StartRefused as error:
            logger.error("the service must not go on", extra={MEMBERS: {"reason": str(error)}})
            status = REFUSED
        except Exception:  # whatever it is, it is told, and the parent makes another
            logger.exception("a process of the service failed")
        finally:
            # Nothing that the parent has prepared for its own end may run here.
            os._exit(status)

    def _forget(self) -> None:
        signal.set_wakeup_fd(-1)
        self.wakeup.close()
        self._alarm.close()
        # The terminal tells all of its processes; only the parent decides what follows.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD - {signal.SIGTERM})
