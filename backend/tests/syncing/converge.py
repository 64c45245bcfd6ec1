"""The model of sync in a long run: ten thousand sequences of a hundred steps, unless told."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

BACKEND = Path(__file__).resolve().parents[2]
MODEL = "tests/integration/test_sync_model.py::test_devices_converge"
# So many sequences share a database.
PORTION = 100
# A step takes milliseconds; the first one waits for a database to be made.
STALL_SECONDS = 180.0
# For an interrupted portion to say where it was, and to end its database.
LAST_SECONDS = 30.0
# A file system in memory, where there is one: what is safe on a disk is not the question here.
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Portion:
    seed: int
    sequences: int
    steps: int

    @property
    def settings(self) -> dict[str, str]:
        return {
            "TASKWELL_SEED": str(self.seed),
            "TASKWELL_SEQUENCES": str(self.sequences),
            "TASKWELL_STEPS": str(self.steps),
        }


@dataclass
class Run:
    sequences: int
    steps: int
    seed: int
    seen: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    stalls: int = 0
    _begun: float = field(default_factory=time.monotonic)
    _saying: Lock = field(default_factory=Lock)

    def portions(self) -> list[Portion]:
        begins = range(0, self.sequences, PORTION)
        return [
            Portion(self.seed + begin, min(PORTION, self.sequences - begin), self.steps)
            for begin in begins
        ]

    def carry_out(self, portion: Portion) -> None:
        with tempfile.TemporaryFile("w+") as output, started(portion, output.fileno()) as running:
            process, pipe = running
            stalled = not self._follow(pipe)
            if stalled:
                process.send_signal(signal.SIGINT)
            code = process.wait(LAST_SECONDS)
            output.seek(0)
            with self._saying:
                self.stalls += stalled
                self.failures += code != 0 and not stalled
                if stalled or code != 0:
                    self._complain(portion, output.read(), stalled=stalled)
                else:
                    self._tell()

    def _follow(self, pipe: int) -> bool:
        """Reads to the end what a portion has to say; False if it falls silent before that."""
        rest = b""
        while select.select([pipe], [], [], STALL_SECONDS)[0]:
            said = os.read(pipe, 65536)
            if not said:
                return True
            *lines, rest = (rest + said).split(b"\n")
            with self._saying:
                for line in filter(None, lines):
                    self.seen.update(json.loads(line))
        return False

    def _complain(self, portion: Portion, output: str, *, stalled: bool) -> None:
        settings = " ".join(f"{name}={value}" for name, value in portion.settings.items())
        why = f"No step in {STALL_SECONDS:.0f} seconds.\n" if stalled else ""
        sys.stdout.write(f"{output}\n{why}The same again: {settings} scripts/test {MODEL}\n")
        sys.stdout.flush()

    def _tell(self) -> None:
        minutes = (time.monotonic() - self._begun) / 60
        sys.stdout.write(
            f"{self.seen['sequences']} of {self.sequences} sequences, {self.seen['steps']} steps"
            f" ({self.failures} failures, {self.stalls} stalls, {minutes:.1f} minutes)\n"
        )
        sys.stdout.flush()

    def conclude(self) -> None:
        counted = dict(sorted(self.seen.items()))
        share = 100 * self.seen["sequences"] / self.sequences
        sys.stdout.write(
            f"{json.dumps(counted, indent=2)}\n"
            f"seeds {self.seed} to {self.seed + self.sequences - 1}:"
            f" {self.seen['sequences']} sequences with {self.seen['steps']} steps converged,"
            f" {share:g} % of {self.sequences}; {self.failures} failures, {self.stalls} stalls\n"
        )


@contextmanager
def started(portion: Portion, output: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A portion under way, and the pipe on which it says how far it is."""
    pipe, other_end = os.pipe()
    here = {"TMPDIR": str(MEMORY)} if os.access(MEMORY, os.W_OK) else {}
    with closing(os.fdopen(pipe, "rb")):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pytest", "-q", "-o", "timeout=0", "-p",
             "no:cacheprovider", MODEL],
            cwd=BACKEND,
            env=os.environ | here | portion.settings | {"TASKWELL_PROGRESS": str(other_end)},
            pass_fds=[other_end],
            stdout=output,
            stderr=output,
        )  # fmt: skip
        os.close(other_end)
        try:
            yield process, pipe
        finally:
            process.kill()
            process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/converge", description="Devices, offline and back, against a model."
    )
    parser.add_argument("sequences", type=int, nargs="?", default=10_000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=secrets.randbits(31))
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    said = parser.parse_args()
    run = Run(said.sequences, said.steps, said.seed)
    with ThreadPoolExecutor(said.processes) as pool:
        for _ in pool.map(run.carry_out, run.portions()):
            if run.failures or run.stalls:
                pool.shutdown(cancel_futures=True)
                break
    run.conclude()
    return 1 if run.failures or run.stalls else 0


if __name__ == "__main__":
    sys.exit(main())
