"""A running PostgreSQL, as its own `postmaster.pid` tells of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

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
        return _works_in(self.pid, self.cluster)

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
    ready: bool


def read_pid_file(cluster: Path) -> PidFile | None:
    """None when there is none, or only the beginning of one."""
    try:
        lines = os.fsdecode((cluster / PID_FILE).read_bytes()).split("\n")
    except FileNotFoundError:
        return None
    if not lines or not lines[0].strip().isdecimal():
        return None
    ready = len(lines) > 7 and lines[7].strip() == "ready"
    return PidFile(int(lines[0]), ready)


def find_running(cluster: Path) -> Postmaster | None:
    """The PostgreSQL that a former service left behind, once it is certain that it is this one."""
    noted = read_pid_file(cluster)
    if noted is not None and _works_in(noted.pid, cluster):
        return Postmaster(noted.pid, cluster)
    return None


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


def _works_in(pid: int, cluster: Path) -> bool:
    """A zombie has no working directory any more, a stranger has another one."""
    process = Path("/proc", str(pid))
    if not Path("/proc/self").exists():
        return _listed_with(pid, cluster)
    try:
        program = (process / "cmdline").read_bytes().split(b"\0")[0]
        return program.endswith(b"/postgres") and (process / "cwd").samefile(cluster)
    except OSError:
        return False


def _listed_with(pid: int, cluster: Path) -> bool:  # pragma: no cover - where there is no /proc
    """On macOS, for example."""
    listed = subprocess.run(
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return "/postgres " in listed and f"-D {cluster} " in listed
