"""How often a fault is tried, and what came of it.

With every change a few times, so that nobody waits for it; `scripts/prove` tries the full number,
and keeps what each proof has told.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Self

# Both are set by `scripts/prove`: the part of the full number, and where to tell.
SCALE = "TASKWELL_PROVE"
RECORDS = "TASKWELL_PROVE_RECORDS"


class Proof:
    """Of one fault. What is noted is added up over all tests of the same fault."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self._scale = float(os.environ.get(SCALE, "0"))
        self._records = os.environ.get(RECORDS)
        self._began = time.monotonic()
        self._counted: dict[str, int] = {}
        self._most: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._records is not None:
            self._write(Path(self._records))

    @property
    def is_full(self) -> bool:
        return self._scale > 0

    def times(self, usual: int, full: int) -> int:
        """As many as in the tests of every change, or the part of the full number asked for."""
        return max(usual, ceil(full * self._scale))

    def count(self, **what: int) -> None:
        """What is summed up: `proof.count(kills=1, acknowledged=len(answers))`."""
        for name, number in what.items():
            self._counted[name] = self._counted.get(name, 0) + number

    def most(self, **what: float) -> None:
        """Of what only the greatest matters: `proof.most(seconds_until_ready=0.8)`."""
        for name, number in what.items():
            self._most[name] = max(self._most.get(name, number), number)

    def greatest(self, name: str) -> float:
        return self._most[name]

    def _write(self, records: Path) -> None:
        record = {
            "fault": self.fault,
            "day": f"{datetime.now(UTC):%Y-%m-%d}",
            "seconds": round(time.monotonic() - self._began),
            "counted": self._counted,
            "most": {name: round(number, 3) for name, number in self._most.items()},
        }
        with records.open("a") as file:
            file.write(json.dumps(record) + "\n")
