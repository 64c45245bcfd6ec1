"""How long a client may take: to ask, and to take the answer.

A head must be complete `PATIENCE` seconds after its first byte. A body may take as long as it needs
while at least `LEAST_BODY` bytes come in every `BODY_WINDOW` seconds but the first, so that a large
upload on a slow line survives and one that drips does not. Time in which the application is not
reading does not count against the client. Of an answer, some must be taken in every `WRITE_WINDOW`,
which is looked at a few times, since the systems in between take some before the client does.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from taskwell.server.connections import Connections
from taskwell.server.refusals import TOO_SLOW

PATIENCE = 8.0
BODY_WINDOW = 4.0
LEAST_BODY = 4096
LAST_WORDS = 1.0
WRITE_WINDOW = 8.0
WRITE_LOOKS = 8


class TimedHttp(HttpToolsProtocol, ABC):
    """One clock a connection, which only runs while something is incomplete: a request that comes
    in one piece starts none."""

    server_state: Connections

    __slots__ = ("body_in_window", "clock", "part", "watch")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What of a request is arriving.
        self.part: Literal["", "head", "body"] = ""
        self.clock: asyncio.TimerHandle | None = None
        self.body_in_window = 0
        # While an answer is not taken.
        self.watch: asyncio.TimerHandle | None = None

    @abstractmethod
    def refuse(self, code: str) -> None:
        """Answers with this problem where an answer is still possible, and closes."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_clock()
        if self.watch is not None:
            self.watch.cancel()
        self.server_state.untaken.discard(self.transport)
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def await_head(self) -> None:
        self._start_clock(PATIENCE)

    def await_body(self) -> None:
        self.stop_clock()
        self.body_in_window = LEAST_BODY
        self._start_clock(BODY_WINDOW)

    def await_last_words(self) -> None:
        self.stop_clock()
        self._start_clock(LAST_WORDS)

    def _start_clock(self, seconds: float) -> None:
        if self.clock is None:
            self.clock = self.loop.call_later(seconds, self._time_is_up)

    def stop_clock(self) -> None:
        if self.clock is not None:
            self.clock.cancel()
            self.clock = None

    def _time_is_up(self) -> None:
        self.clock = None
        if self.part == "head":
            self.refuse(TOO_SLOW)
        elif self.part == "":
            self.transport.close()
        elif self.flow.read_paused or self.cycle.waiting_for_100_continue:
            self.body_in_window = LEAST_BODY
            self._start_clock(BODY_WINDOW)
        elif self.body_in_window >= LEAST_BODY:
            self.body_in_window = 0
            self._start_clock(BODY_WINDOW)
        else:
            self.refuse(TOO_SLOW)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.await_taking()

    def await_taking(self) -> None:
        """While too much waits to be taken for more to be written, and until a connection that is
        closing has got rid of the last."""
        self.server_state.untaken.add(self.transport)
        if self.watch is None:
            self._watch_writing(WRITE_LOOKS)

    def resume_writing(self) -> None:
        self.server_state.untaken.discard(self.transport)
        super().resume_writing()

    def _watch_writing(self, looks: int) -> None:
        waiting = self.transport.get_write_buffer_size()
        self.watch = self.loop.call_later(
            WRITE_WINDOW / WRITE_LOOKS, self._look_at_writing, waiting, looks
        )

    def _look_at_writing(self, before: int, looks: int) -> None:
        self.watch = None
        waiting = self.transport.get_write_buffer_size()
        if not self.flow.write_paused and not (waiting and self.transport.is_closing()):
            return
        if waiting < before:
            self._watch_writing(WRITE_LOOKS)
        elif looks > 1:
            self._watch_writing(looks - 1)
        else:
            self.transport.abort()
