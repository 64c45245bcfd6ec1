"""A reload: the parent becomes a new program, and its workers go on until there are new ones.

The new program reads settings and code afresh and keeps the process id, the socket, the lock of
the data folder and, through that, PostgreSQL. One variable of its environment tells it what to
keep and whom to wait for.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from taskwell.errors import StartRefused
from taskwell.server.listener import received
from taskwell.server.signals import HEARD

# While the new program is only tried out, it has the private database's address, if there is one.
VARIABLE = "TASKWELL_HANDOVER"

# Nobody sees to the workers meanwhile.
PATIENCE_WITH_TRIAL = 60.0

# As it is called by itself, whatever link it was started through.
_ENVIRONMENT = Path(sys.prefix).resolve()


@dataclass(frozen=True, slots=True)
class Handover:
    listener: socket.socket
    # The former workers end when this is closed.
    lifeline: int
    workers: frozenset[int] = field(default_factory=frozenset)
    # The listener of the metrics, and what was counted so far.
    metrics: tuple[int, int] | None = None
    # That of the data folder, which must not be free for a moment, and what says whether its disk
    # is full, which the former workers go by until their end.
    lock: int | None = None
    storage: int | None = None

    @classmethod
    def received(cls) -> Handover | None:
        value = os.environ.pop(VARIABLE, "")
        if not value:
            return None
        # An earlier program hands nothing of the folder over.
        parts = f"{value};".split(";")[:3]
        kept, workers, folder = ([*map(int, part.split())] for part in parts)
        listener, lifeline, *metrics = kept
        for descriptor in kept + folder:
            os.set_inheritable(descriptor, False)
        lock, storage = folder or (None, None)
        return cls(
            received(listener),
            lifeline,
            frozenset(workers),
            (metrics[0], metrics[1]) if metrics else None,
            lock,
            storage,
        )

    def pass_on(self) -> None:
        """Does not come back, unless the program can't be started."""
        kept = [self.listener.fileno(), self.lifeline, *(self.metrics or ())]
        folder = [each for each in (self.lock, self.storage) if each is not None]
        told = [" ".join(map(str, numbers)) for numbers in (kept, sorted(self.workers), folder)]
        # What is heard before the new program listens must wait for it.
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        try:
            for descriptor in kept + folder:
                os.set_inheritable(descriptor, True)
            environment = {**os.environ, VARIABLE: ";".join(told)}
            program = command()
            os.execve(program[0], program, environment)
        finally:
            for descriptor in kept + folder:
                os.set_inheritable(descriptor, False)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)


def try_out(private_database: str) -> None:
    """Raises where the new program refuses to serve, since by then it could not go back."""
    try:
        tried = subprocess.run(
            [*command(), "--check"],
            env={**os.environ, VARIABLE: private_database},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_WITH_TRIAL,
        )
    except subprocess.TimeoutExpired:
        raise StartRefused(
            f"the new program was not ready to serve after {PATIENCE_WITH_TRIAL:.0f} s"
        ) from None
    if tried.returncode != 0:
        raise StartRefused(tried.stderr.strip())


def tried_out() -> str | None:
    """None in a program that isn't."""
    return os.environ.get(VARIABLE)


def command() -> list[str]:
    """The one that this process was started with, on the packages that fit by now."""
    return [_python(), *sys.orig_argv[1:]]


def _python() -> str:
    """scripts/serve makes an environment for each set of pins, and moves the link to it."""
    current = _ENVIRONMENT.with_name(".venv").resolve()
    if current == _ENVIRONMENT or not (_is_made(current) and _is_made(_ENVIRONMENT)):
        return sys.executable
    return str(current / "bin" / "python")


def _is_made(environment: Path) -> bool:
    return environment.name.startswith(".venv-serve-")
