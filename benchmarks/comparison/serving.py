"""A peer's processes: started, waited for until they answer, ended."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE_WITH_START = 120.0
PATIENCE_WITH_STOP = 60.0
GLANCE = 0.05


class NotServed(Exception):
    """A contender did not start; the message says where it tells why."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """Logs each request in its own way, like all the others: into `log`."""

    def __init__(
        self, command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]
    ) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C is for the runner, which then ends all it has started in good order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_it_answers(self, port: int, path: str) -> None:
        deadline = time.monotonic() + PATIENCE_WITH_START
        while not _answers(port, path):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise NotServed(f"{self._process.args!r} does not answer: see {self._log}.")
            time.sleep(GLANCE)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(PATIENCE_WITH_STOP)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> str:
    """A step of an installation, which is quiet unless it fails: what it printed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-15:])
        raise NotServed(f"{command[0]} ended with {done.returncode}:\n{said}")
    return done.stdout
