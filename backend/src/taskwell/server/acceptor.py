"""Takes connections from the socket that all workers share.

Each of them hears of every new connection, and where little is asked it would nearly always be the
same one that is the quickest: behind a proxy that keeps its connections open one worker would do
the work of all. So who has more of them than others stands back for a moment.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from taskwell.logs import MEMBERS
from taskwell.server.connections import Connections

logger = logging.getLogger(__name__)

# Long enough for somebody else to take it who has nothing else to do.
MOMENT = 0.001
# How many are taken after that in any case: those for whom it was left may be stuck.
LEFT_OVER = 4
# How many at once before those that are there already have their turn.
AT_ONCE = 64
# While the system gives none.
PAUSE = 1.0
# It broke before it was taken; all other errors are ours.
BROKEN = frozenset(
    {
        *(errno.ECONNABORTED, errno.ECONNRESET, errno.EPROTO, errno.ENOPROTOOPT, errno.EOPNOTSUPP),
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT),
    }
)


class Acceptor:
    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        connections: Connections,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._protocol = protocol
        self._connections = connections
        self._clock: asyncio.TimerHandle | None = None
        self._connections.tell()

    def open(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    async def close(self, most: int) -> None:
        """Closing the last copy of the socket resets what waits in its queue: that is taken before
        it, up to so many, since clients that come back as fast must not keep us here."""
        self._connections.seat.leave()
        self._stand_back(0)
        while most and self._take():
            most -= 1
        if self._clock is not None:
            self._clock.cancel()
        self._listener.close()
        if self._connections.arriving:
            await asyncio.wait(self._connections.arriving)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            if self._connections.seat.has_more_than_others:
                self._stand_back(MOMENT)
                return
            if not self._take():
                return

    def _stand_back(self, seconds: float) -> None:
        if self._clock is None:
            self._loop.remove_reader(self._listener)
            self._clock = self._loop.call_later(seconds, self._come_back)

    def _come_back(self) -> None:
        self._clock = None
        try:
            self.open()
        except OSError as error:
            self._put_off(error)
            return
        for _ in range(LEFT_OVER):
            if not self._take():
                return

    def _take(self) -> bool:
        """False when there is none left."""
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in BROKEN:
                return True
            self._put_off(error)
            return False
        connection.setblocking(False)
        arriving = self._connections.arriving
        task = self._loop.create_task(
            self._loop.connect_accepted_socket(self._protocol, connection)
        )
        arriving.add(task)
        task.add_done_callback(self._let_in)
        self._connections.tell()
        return True

    def _put_off(self, error: OSError) -> None:
        members = {"reason": error.strerror}
        logger.error("a connection could not be taken", extra={MEMBERS: members})
        self._stand_back(PAUSE)

    def _let_in(self, task: asyncio.Task[object]) -> None:
        self._connections.arriving.discard(task)
        self._connections.tell()
        if not task.cancelled() and isinstance(task.exception(), OSError):
            # It broke meanwhile.
            return
        task.result()
