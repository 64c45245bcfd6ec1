"""A child process: its output is kept and can be waited for, and it never outlives its block."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

# The private PostgreSQL alone may take a minute for what it has to write on a slow disk.
SECONDS_TO_STOP = 100


class Program:
    def __init__(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        folder: Path | None = None,
    ) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            [str(word) for word in command],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def output(self) -> str:
        with self._changed:
            return "".join(self._lines)

    @property
    def lines_so_far(self) -> int:
        with self._changed:
            return len(self._lines)

    def wait_for(self, pattern: str, *, after: int = 0, seconds: float = 120) -> re.Match[str]:
        """The first line that matches, of those that came after so many others."""
        deadline = time.monotonic() + seconds
        seen = after
        with self._changed:
            while True:
                for line in self._lines[seen:]:
                    if match := re.search(pattern, line):
                        return match
                seen = len(self._lines)
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    break
                self._changed.wait(left)
        state = "ended" if self._ended else f"said nothing of the kind for {seconds} s"
        raise AssertionError(f"waiting for {pattern!r}: the program {state}\n{self.output}")

    def write_line(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def interrupt_like_a_terminal(self) -> None:
        """Ctrl-C reaches every process of the foreground group, not only the first."""
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self, seconds: float = SECONDS_TO_STOP) -> int:
        status = self.process.wait(seconds)
        self._reader.join(seconds)
        return status

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            status = self.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None and not self._reader.is_alive():
                stream.close()
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
