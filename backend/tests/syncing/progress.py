"""Tells whoever started a long run how far it is: a line for each step, and what it came to in the
line of a sequence that has converged."""

from __future__ import annotations

import json
import os
from collections import Counter


class Progress:
    def __init__(self, pipe: int | None) -> None:
        self._pipe = pipe

    def step(self) -> None:
        self._say("")

    def converged(self, steps: int, seen: Counter[str]) -> None:
        self._say(json.dumps({"sequences": 1, "steps": steps, **seen}))

    def _say(self, line: str) -> None:
        if self._pipe is not None:
            os.write(self._pipe, f"{line}\n".encode())
