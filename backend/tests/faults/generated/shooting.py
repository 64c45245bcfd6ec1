"""Requests sent ahead over a few connections, and each answer judged."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator

from contract.wire import Answer
from faults.generated.asked import Asked
from faults.generated.judgement import judge
from faults.kept_line import Line

LINES = 6
# Fewer than may be sent ahead.
AT_ONCE = 10


class Shooting:
    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.statuses: Counter[int] = Counter()

    @property
    def answers(self) -> int:
        return self.statuses.total()

    def at(self, requests: Iterable[Asked]) -> None:
        """Until all are answered: what was sent behind the last request of a connection is sent
        again on another one."""
        flying: deque[tuple[Line, list[Asked]]] = deque()
        try:
            self._keep_flying(flying, iter(requests))
        finally:
            for line, _ in flying:
                line.socket.close()

    def _keep_flying(
        self, flying: deque[tuple[Line, list[Asked]]], coming: Iterator[Asked]
    ) -> None:
        left: list[Asked] = []
        while True:
            while len(flying) < LINES and (volley := self._volley(left, coming)):
                flying.append((self._send(None, volley), volley))
            if not flying:
                return
            line, volley = flying[0]
            unanswered = self._receive(line, volley)
            flying.popleft()
            left += unanswered
            if unanswered or not (following := self._volley(left, coming)):
                line.socket.close()
            else:
                flying.append((self._send(line, following), following))

    def _volley(self, left: list[Asked], coming: Iterator[Asked]) -> list[Asked]:
        volley = left[:AT_ONCE]
        del left[:AT_ONCE]
        for asked in coming:
            volley.append(asked)
            if len(volley) >= AT_ONCE:
                break
        return volley

    def _send(self, line: Line | None, volley: list[Asked]) -> Line:
        line = line or Line(self._address)
        try:
            line.socket.sendall(b"".join(asked.raw for asked in volley))
        except (BrokenPipeError, ConnectionResetError):
            # It was closed behind an answer that is still to be read.
            return line
        return line

    def _receive(self, line: Line, volley: list[Asked]) -> list[Asked]:
        """Those that were not answered."""
        for number, asked in enumerate(volley):
            answer = line.answer(to_head=asked.to_head)
            if answer is None:
                assert number > 0, f"closed without an answer to {asked.raw[:3000]!r}"
                return volley[number:]
            self._take(asked, answer)
            if answer.header("connection") == "close":
                return volley[number + 1 :]
        return []

    def _take(self, asked: Asked, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        judge(asked, answer)
        asked.memory.learn(asked.target, answer, by_reading=asked.method in ("GET", "HEAD"))
