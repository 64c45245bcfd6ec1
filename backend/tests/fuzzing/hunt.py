"""The long hunt: each target for so long, led by what parts of the code an input reaches."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["taskwell"]):
    from fuzzing.targets import SEEDS, TARGETS

# Of one input, in bytes: past that they only get slower.
LONGEST = 4096
ONE = "--one"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def corpus(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[name]):
            Path(folder, str(number)).write_bytes(seed)
        yield Path(folder)


def hunt(name: str, seconds: int, seed: int) -> tuple[str, int, str]:
    """In a process of its own, since the fuzzer never comes back."""
    with corpus(name) as folder:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "fuzzing.hunt", ONE, name, str(folder),
             f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={LONGEST}",
             f"-artifact_prefix={folder}/found-", "-print_final_stats=1", "-timeout=10",
             "-rss_limit_mb=1024"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True,
        )  # fmt: skip
        found = "\n".join(f"the input: {path.read_bytes()!r}" for path in folder.glob("found-*"))
    return name, done.returncode, done.stdout + found


def executed(output: str) -> int:
    lines = [line for line in output.splitlines() if "number_of_executed_units" in line]
    return int(lines[-1].split()[-1]) if lines else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=int, default=600, help="In all; default: 600.")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS))
    parser.add_argument("--seed", type=int, default=secrets.randbits(31) or 1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()

    names = chosen.target or sorted(TARGETS)
    # All of them are done in so many turns of the processes.
    turns = -(-len(names) // chosen.processes)
    each = max(chosen.seconds // turns, 1)
    say(f"{len(names)} targets, {each} s each, seed {chosen.seed}, {chosen.processes} processes")
    tried, failed = 0, []
    with ThreadPoolExecutor(chosen.processes) as pool:
        for name, status, output in pool.map(lambda name: hunt(name, each, chosen.seed), names):
            tried += executed(output)
            say(f"{name}: {executed(output)} inputs{'' if status == 0 else ', and a finding'}")
            if status:
                failed.append(name)
                say(output[-6000:])
    say(f"{len(failed)} findings in {tried} inputs")
    return 1 if failed else 0


def fuzz(name: str, arguments: list[str]) -> None:
    atheris.Setup([name, *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == [ONE]:
        fuzz(sys.argv[2], sys.argv[3:])
    sys.exit(main())
