"""The workers: forked from one parent that has imported everything, replaced when they die."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from taskwell.logs import MEMBERS
from taskwell.server.pauses import pause_after
from taskwell.server.signals import REFUSED, Signals

logger = logging.getLogger(__name__)

# A worker that served for less than this has died at once.
SHORT_LIFE = 1.0


@dataclass(slots=True)
class Member:
    pid: int
    # From 0 on; nobody else has it.
    place: int
    hired: float = field(default_factory=time.monotonic)
    ready_since: float | None = None

    @property
    def died_at_once(self) -> bool:
        return self.ready_since is None or time.monotonic() - self.ready_since < SHORT_LIFE


class Crew:
    """`work` runs in each worker and is given its place, and a function to call when it is ready.
    `when_lost` is told whose place is free."""

    def __init__(
        self,
        size: int,
        work: Callable[[int, Callable[[], None]], bool],
        signals: Signals,
        former: frozenset[int] = frozenset(),
        when_lost: Callable[[int], None] = lambda _: None,
        aside: frozenset[int] = frozenset(),
    ) -> None:
        self._size = size
        self._work = work
        self._signals = signals
        self._when_lost = when_lost
        self._members: dict[int, Member] = {}
        # Of a parent that this one has replaced: only waited for.
        self._former = set(former)
        # Waited for too, and serves nobody.
        self._aside = set(aside)
        self._has_lost_one_at_once = False
        self._failures = 0
        self._failed = 0.0
        self._next_hire = 0.0
        self.news, self._news_end = os.pipe()
        os.set_blocking(self.news, False)
        self.has_served = False
        self.is_refused = False

    @property
    def pids(self) -> frozenset[int]:
        return frozenset(self._members) | self._former | self._aside

    @property
    def is_gone(self) -> bool:
        return not self.pids

    @property
    def is_ready(self) -> bool:
        ready = [member for member in self._members.values() if member.ready_since is not None]
        return len(ready) == self._size

    @property
    def has_failed(self) -> bool:
        """A worker that can't even begin the first time never will, and who looked at the schema
        may have found that nobody should."""
        return self.is_refused or (self._cannot_begin and not self._former)

    @property
    def _cannot_begin(self) -> bool:
        return self._has_lost_one_at_once and not self.has_served

    def seconds_until_hire(self) -> float | None:
        if len(self._members) == self._size:
            return None
        return max(0.0, self._next_hire - time.monotonic())

    def fill(self) -> None:
        while len(self._members) < self._size and time.monotonic() >= self._next_hire:
            place = self._free_place()
            try:
                pid = self._signals.fork(partial(self._begin, place))
            except OSError as error:
                members = {"reason": error.strerror}
                logger.error("a worker could not be started", extra={MEMBERS: members})
                self._put_off()
            else:
                self._members[pid] = Member(pid, place)

    def _free_place(self) -> int:
        taken = {member.place for member in self._members.values()}
        return min(set(range(self._size)) - taken)

    def _begin(self, place: int) -> bool:
        os.close(self.news)
        note = f"{os.getpid()}\n".encode()
        return self._work(place, lambda: _send(self._news_end, note))

    def read_news(self) -> None:
        try:
            notes = os.read(self.news, 65536).split()
        except BlockingIOError:
            return
        for note in notes:
            member = self._members.get(int(note))
            if member is not None:
                member.ready_since = time.monotonic()
                self.has_served = True

    def bury(self) -> None:
        for pid in self.pids:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found == pid:
                self._lose(pid, os.waitstatus_to_exitcode(status))

    def _lose(self, pid: int, code: int) -> None:
        self._former.discard(pid)
        self._aside.discard(pid)
        self.is_refused = self.is_refused or code == REFUSED
        member = self._members.pop(pid, None)
        if member is None:
            return
        self._when_lost(member.place)
        logger.log(
            logging.INFO if code == 0 else logging.ERROR,
            "a worker ended",
            extra={MEMBERS: {"worker": pid, "exit_code": code}},
        )
        if not member.died_at_once:
            self._failures = 0
            return
        self._has_lost_one_at_once = True
        if member.hired > self._failed:
            # The others that were at work then may die of the same: that is no further failure.
            self._put_off()
            if self._cannot_begin and self._former:
                logger.error("the new workers can't begin: the former ones go on")

    def _put_off(self) -> None:
        self._failed = time.monotonic()
        self._next_hire = self._failed + (pause_after(self._failures) if self._failures else 0.0)
        self._failures += 1

    def dismiss(self, how: signal.Signals = signal.SIGTERM) -> None:
        for pid in self.pids:
            os.kill(pid, how)


def _send(descriptor: int, note: bytes) -> None:
    # Who reloads once more meanwhile has stopped reading, and ends this worker by the lifeline.
    with suppress(BrokenPipeError):
        os.write(descriptor, note)
