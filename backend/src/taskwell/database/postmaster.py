"""A running PostgreSQL, as its own `postmaster.pid` tells of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from taskwell.errors import DatabaseNotStarted

PID_FILE = "postmaster.pid"
OPTIONS_FILE = "postmaster.opts"

# Fast shutdown first, whose checkpoint may take a while on a slow disk, then without ceremony: what
# was committed survives each of them.
SHUTDOWN = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
GLANCE = 0.01


@dataclass(slots=True)
class Postmaster:
    pid: int
    cluster: Path
    # None for one that a former service started.
    child: subprocess.Popen[bytes] | None = None

    def alive(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        return _works_in(self.pid, self.cluster) is True

    def shut_down(self) -> None:
        for kind, patience in SHUTDOWN:
            if not self._signal(kind) or self._gone_within(patience):
                return

    def _signal(self, kind: signal.Signals) -> bool:
        if not self.alive():
            return False
        try:
            os.kill(self.pid, kind)
        except ProcessLookupError:
            return False
        return True

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(GLANCE)
        return True


@dataclass(frozen=True, slots=True)
class PidFile:
    pid: int
    # "starting", also while it recovers from a crash, then "ready".
    status: str


def read_pid_file(cluster: Path) -> PidFile | None:
    """None when there is none, or only the beginning of one."""
    try:
        lines = os.fsdecode((cluster / PID_FILE).read_bytes()).split("\n")
    except FileNotFoundError:
        return None
    if not lines or not lines[0].strip().isdecimal():
        return None
    return PidFile(int(lines[0]), lines[7].strip() if len(lines) > 7 else "")


def find_running(cluster: Path) -> Postmaster | None:
    """The PostgreSQL that a former service left behind, once it is certain that it is this one."""
    noted = read_pid_file(cluster)
    if noted is None:
        return None
    works = _works_in(noted.pid, cluster)
    if works is None:
        # Another one that started beside it would take its socket away, or its files.
        raise DatabaseNotStarted(
            f"The private PostgreSQL in {cluster.parent} could not be started, since the system "
            f"does not tell whether process {noted.pid} is one that works there: end it if it is, "
            f"or else remove {cluster / PID_FILE}."
        )
    return Postmaster(noted.pid, cluster) if works else None


def clear_stale_pid_file(cluster: Path) -> None:
    """After a reboot the number may belong to a stranger, and PostgreSQL would refuse to start.

    Where the number belongs to nobody PostgreSQL clears up by itself, and looks more closely.
    """
    noted = read_pid_file(cluster)
    if noted is not None and _exists(noted.pid):
        (cluster / PID_FILE).unlink()


def command_line_of(cluster: Path) -> list[str]:
    """As the running PostgreSQL noted it: the program, then each argument in double quotes."""
    try:
        noted = os.fsdecode((cluster / OPTIONS_FILE).read_bytes()).rstrip("\n")
    except FileNotFoundError:
        return []
    program, *arguments = noted.split(' "')
    return [program, *(argument.removesuffix('"') for argument in arguments)]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _works_in(pid: int, cluster: Path) -> bool | None:
    """A zombie has no working directory any more, a stranger has another one. None where the system
    tells too little."""
    process = Path("/proc", str(pid))
    if not Path("/proc/self").exists():
        return _listed_with(pid, cluster)
    try:
        program, *arguments = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return None if _obeys(pid) else False
    if not program.endswith(b"/postgres"):
        return False
    try:
        return (process / "cwd").samefile(cluster)
    except PermissionError:
        # Root may not look either where it can't trace, as in a container.
        return _is_told_of(cluster, arguments)
    except OSError:
        return False


def _obeys(pid: int) -> bool:
    """Gone, or somebody else's, if not."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _is_told_of(cluster: Path, arguments: list[bytes]) -> bool | None:
    told = os.fsdecode(dict(pairwise(arguments)).get(b"-D", b""))
    return os.path.realpath(told) == os.path.realpath(cluster) if os.path.isabs(told) else None


def _listed_with(pid: int, cluster: Path) -> bool:  # pragma: no cover - where there is no /proc
    """On macOS, for example."""
    listed = subprocess.run(
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return "/postgres " in listed and f"-D {cluster} " in listed
