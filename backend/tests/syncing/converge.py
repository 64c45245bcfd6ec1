"""The model of sync in a long run: ten thousand sequences of a hundred steps, unless told."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

BACKEND = Path(__file__).resolve().parents[2]
MODEL = "tests/integration/test_sync_model.py"
# So many sequences have a database and a seed of their own.
PORTION = 100


class Run:
    def __init__(self, sequences: int, steps: int, seed: int) -> None:
        self._sequences = sequences
        self._steps = steps
        self._seed = seed
        self._done = 0
        self._begun = time.monotonic()
        self._saying = Lock()
        self.failures = 0

    def portions(self) -> list[tuple[int, int]]:
        begins = range(0, self._sequences, PORTION)
        return [
            (self._seed + nth, min(PORTION, self._sequences - begin))
            for nth, begin in enumerate(begins)
        ]

    def carry_out(self, portion: tuple[int, int]) -> None:
        seed, many = portion
        said = {
            "TASKWELL_SEED": str(seed),
            "TASKWELL_SEQUENCES": str(many),
            "TASKWELL_STEPS": str(self._steps),
        }
        command = [sys.executable, "-P", "-m", "pytest", "-q", "-o", "timeout=0"]
        ended = subprocess.run(
            [*command, "-p", "no:cacheprovider", MODEL],
            cwd=BACKEND,
            env={**os.environ, **said},
            capture_output=True,
            text=True,
            check=False,
        )
        with self._saying:
            self._tell(said, many, ended)

    def _tell(
        self, said: dict[str, str], many: int, ended: subprocess.CompletedProcess[str]
    ) -> None:
        if ended.returncode != 0:
            self.failures += 1
            settings = " ".join(f"{name}={value}" for name, value in said.items())
            sys.stdout.write(
                f"{ended.stdout}{ended.stderr}\nThe same again: {settings} scripts/test {MODEL}\n"
            )
            return
        self._done += many
        minutes = (time.monotonic() - self._begun) / 60
        sys.stdout.write(
            f"{self._done} of {self._sequences} sequences of {self._steps} steps converged"
            f" (seed {said['TASKWELL_SEED']}, {minutes:.1f} minutes)\n"
        )
        sys.stdout.flush()


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
            if run.failures:
                pool.shutdown(cancel_futures=True)
                break
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
