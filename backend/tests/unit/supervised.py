"""A parent with workers that misbehave in the way that the first argument names, as a program. The
second is how many forks the system refuses, once there are two workers. More of them give it former
workers, as after a reload.

It must be one of its own: what forks must have no threads, and a test has some.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import count

from taskwell import logs
from taskwell.errors import StartRefused
from taskwell.server import supervisor
from taskwell.server.crew import Crew
from taskwell.server.signals import Signals


def cannot_begin(_: int, ready: Callable[[], None]) -> bool:
    return False


def raises(_: int, ready: Callable[[], None]) -> bool:
    raise RuntimeError("on purpose")


def ends_at_once(_: int, ready: Callable[[], None]) -> bool:
    say(f"begins after {time.monotonic() - STARTED:.1f} s")
    ready()
    return True


def is_deaf(_: int, ready: Callable[[], None]) -> bool:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready()
    while True:
        signal.pause()


def listens(_: int, ready: Callable[[], None]) -> bool:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    ready()
    signal.pause()
    return True


WORK = {work.__name__: work for work in (cannot_begin, raises, ends_at_once, is_deaf, listens)}
STARTED = time.monotonic()


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def refuse_forks(times: int) -> None:
    fork, asked = os.fork, count()

    def refuse_some() -> int:
        if 2 <= next(asked) < 2 + times:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return fork()

    os.fork = refuse_some


def main() -> None:
    refuse_forks(int(sys.argv[2]))
    supervisor.LONGEST_END = 0.5
    logs.configure("info", "text")
    signals = Signals()
    former = [signals.fork(partial(WORK[name], 0, lambda: None)) for name in sys.argv[3:]]
    if former:
        say(f"former: {former}")
    crew = Crew(2, WORK[sys.argv[1]], signals, frozenset(former))
    parent = supervisor.Supervisor(signals, crew, socket.socket(), None, None)
    try:
        parent.run(lambda: say("all are ready"), lambda: say("asked to reload"))
    except StartRefused as error:
        say(f"refused: {error}")
    say("at the end")


if __name__ == "__main__":
    main()
