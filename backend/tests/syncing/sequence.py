"""Sequences of steps by chance. One seed makes one sequence, and always the same one.

Each step has chances of its own: with others left out it is still the same step. So a sequence
that fails can be made short, one left out step after the other.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable
from typing import Any

from syncing.progress import Progress
from syncing.service import Service
from syncing.world import STEPS, Pick, World

# Attempts to make a failure short.
MOST_ATTEMPTS = 120


class Diverged(AssertionError):
    """Says which steps suffice, and what they came to."""


class Sequence:
    def __init__(self, service: Service, seed: int, steps: int, progress: Progress) -> None:
        self._service = service
        self._seed = seed
        self._progress = progress
        self._all = list(range(1, steps + 1))

    def run(self) -> None:
        try:
            seen = self._carry_out(self._all)
        except AssertionError as error:
            raise Diverged(self._report(self._shortened())) from error
        self._progress.converged(len(self._all), seen)

    def _carry_out(self, numbers: list[int], note: Callable[..., Any] | None = None) -> Any:
        world = World(self._service)
        try:
            world.begin(_noting(self._chance(0), note, "begin"))
            for number in numbers:
                pick = self._chance(number)
                step = pick(STEPS)
                step(world, _noting(pick, note, f"{number} {step.__name__}"))
                self._progress.step()
            world.all_come_back()
        finally:
            world.vanish()
        return world.seen

    def _chance(self, number: int) -> Pick:
        return random.Random(f"{self._seed} {number}").choice

    def _fails(self, numbers: list[int]) -> bool:
        try:
            self._carry_out(numbers)
        except AssertionError:
            return True
        return False

    def _shortened(self) -> list[int]:
        numbers, size, attempts = self._all, len(self._all) // 2, 0
        while size and attempts < MOST_ATTEMPTS:
            begin = 0
            while begin < len(numbers) and attempts < MOST_ATTEMPTS:
                fewer = numbers[:begin] + numbers[begin + size :]
                attempts += 1
                if self._fails(fewer):
                    numbers = fewer
                else:
                    begin += size
            size //= 2
        return numbers

    def _report(self, numbers: list[int]) -> str:
        lines: list[str] = []
        try:
            self._carry_out(numbers, lines.append)
        except AssertionError as error:
            lines += traceback.format_exception(error)
        return "\n".join([f"seed {self._seed}, steps {numbers}", *lines])


def _noting(pick: Pick, note: Callable[..., Any] | None, name: str) -> Pick:
    if note is None:
        return pick
    note(name)

    def picked(choices: Any) -> Any:
        choice = pick(choices)
        note(f"    {choice if isinstance(choice, (str, int, bool, dict)) else '…'}")
        return choice

    return picked
