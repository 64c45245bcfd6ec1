"""All that a run has found, as it is kept in JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comparison.pgbench import Ceiling
from comparison.rounds import Measurement
from comparison.scenarios import Scene


@dataclass(slots=True)
class Record:
    form: str
    date: str
    machine: str
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    # Contenders that could not take part, and why.
    left_out: dict[str, str] = field(default_factory=dict)
    rounds: list[Measurement] = field(default_factory=list)
    # The same of Taskwell alone, with few tasks and with many; the contender says which.
    growth: list[Measurement] = field(default_factory=list)
    scenes: list[Scene] = field(default_factory=list)
    # Seconds.
    starts: dict[str, list[float]] = field(default_factory=dict)
    # What PostgreSQL alone gives for the same statements, each time.
    ceiling: dict[str, list[Ceiling]] = field(default_factory=dict)
    # Parts that come from a run of their own, and from which.
    apart: dict[str, str] = field(default_factory=dict)

    def forget(self, part: str) -> None:
        getattr(self, part).clear()

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = dataclasses.asdict(self)
        lists = ("rounds", "growth", "scenes")
        # A line for each run, so that two files can be compared.
        lines = [
            f"{json.dumps(name)}: {_line_by_line(value) if name in lists else json.dumps(value)}"
            for name, value in content.items()
        ]
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def load(path: Path) -> Record:
    content: dict[str, Any] = json.loads(path.read_text())
    for name, kind in (("rounds", Measurement), ("growth", Measurement), ("scenes", Scene)):
        content[name] = [kind(**entry) for entry in content[name]]
    content["ceiling"] = {
        work: [Ceiling(**entry) for entry in found] for work, found in content["ceiling"].items()
    }
    return Record(**content)


def _line_by_line(entries: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join("  " + json.dumps(entry) for entry in entries) + "\n]"
