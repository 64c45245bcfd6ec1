"""The long hunt: a million mutations of good tokens, on every processor."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys
import time
from multiprocessing import get_context
from multiprocessing.queues import Queue

from unit.auth.mutations import accepted


def hunt(seed: int, number: int, told: Queue[int | list[str]]) -> None:
    told.put(asyncio.run(accepted(seed, number, told.put)))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()

    context = get_context("spawn")
    told: Queue[int | list[str]] = context.Queue()
    shares = [chosen.number // chosen.processes] * chosen.processes
    shares[0] += chosen.number % chosen.processes
    processes = [
        context.Process(target=hunt, args=(chosen.seed + place, share, told), daemon=True)
        for place, share in enumerate(shares)
    ]
    say(f"{chosen.number} mutations, seed {chosen.seed}, {chosen.processes} processes")
    began = time.monotonic()
    for process in processes:
        process.start()
    # Leaving by sys.exit ends the daemons too; dying of the signal would leave them behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    came_in: list[str] = []
    done, running = 0, len(processes)
    while running:
        message = told.get(timeout=600)
        if isinstance(message, int):
            done += message
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{done} tried\r")
        else:
            came_in += message
            running -= 1
    for process in processes:
        process.join()
    for token in came_in:
        say(f"accepted at the gate {token}")
    say(f"{len(came_in)} accepted of {chosen.number} in {time.monotonic() - began:.0f} s")
    return 1 if came_in else 0


if __name__ == "__main__":
    sys.exit(main())
