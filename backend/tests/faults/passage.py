"""One connection on the line: what the service asks, call by call, and what it is answered."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

from faults.messages import (
    Call,
    Calls,
    Messages,
    ends_answer,
    errors_of,
    is_cancel,
    is_farewell,
    query,
)

if TYPE_CHECKING:
    from faults.line import Line

AT_ONCE = 65536


class Cut(Exception):
    """Somebody has hung up, or is to be made to believe so."""

    def __init__(self, last_words: bytes = b"") -> None:
        super().__init__("the connection ended")
        self.last_words = last_words


class Passage:
    def __init__(self, line: Line, near: socket.socket, far: socket.socket) -> None:
        self._line = line
        self._near = near
        self._far = far
        self._asked = Messages(are_answers=False)
        self._answered = Messages(are_answers=True)

    def serve(self) -> None:
        """Until one side hangs up. PostgreSQL must not want a password."""
        first = self._next_asked()
        if is_cancel(first):
            self._far.sendall(first)
            self._far.recv(1)
            return
        self.give(self.ask(first))
        calls = Calls()
        while not is_farewell(message := self._next_asked()):
            call = calls.add(message)
            if call is not None:
                self._line.treat(self, call)

    def pass_on(self, call: Call) -> None:
        try:
            self.give(self.ask(call.data, is_flushed=call.is_flushed))
        except Cut as cut:
            self.give(cut.last_words)
            raise

    def ask(self, data: bytes, *, is_flushed: bool = False) -> bytes:
        """The whole answer; Cut, with what was said instead, where PostgreSQL ends the session."""
        self._line.carry(self._far, data)
        answer = b""
        while True:
            while (message := self._answered.take()) is not None:
                answer += message
                if ends_answer(message, is_flushed=is_flushed):
                    return answer
            readable, _, _ = select.select([self._near, self._far], [], [])
            if self._near in readable:
                self._asked.add(_received(self._near))
            if self._far in readable:
                try:
                    self._answered.add(_received(self._far))
                except Cut:
                    raise Cut(answer) from None

    def ask_instead(self, call: Call, sql: str) -> None:
        """The service asks for one thing, and PostgreSQL is asked for another, which fails."""
        try:
            self.give(errors_of(self.ask(query(sql)), is_flushed=call.is_flushed))
        except Cut as cut:
            self.give(errors_of(cut.last_words, is_flushed=call.is_flushed))
            raise

    def give(self, answer: bytes) -> None:
        self._line.carry(self._near, answer)

    def wait_for_end(self) -> None:
        """Until the service has given up."""
        while True:
            _received(self._near)

    def _next_asked(self) -> bytes:
        while (message := self._asked.take()) is None:
            readable, _, _ = select.select([self._near, self._far], [], [])
            if self._far in readable:
                # Unasked for: a notification, or the end.
                self.give(_received(self._far))
            if self._near in readable:
                self._asked.add(_received(self._near))
        return message


def _received(source: socket.socket) -> bytes:
    data = source.recv(AT_ONCE)
    if not data:
        raise Cut
    return data
