"""The Markdown page: the bars first, then what they come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from comparison import tables
from comparison.bars import BARS, REASONS
from comparison.record import Record
from comparison.table import Table

CAPTIONS = {
    "requests": "How many requests one second of CPU time is enough for",
    "latency": "How long users wait under load",
    "memory": "How much memory the service takes under load",
    "growth": "What a request costs with a hundred times as many tasks",
}

UNDER_LOAD, GROWTH = "Latency, memory and errors under load", "As data grows"
PLOTS = {UNDER_LOAD: ("latency", "memory"), GROWTH: ("growth",)}
INTRODUCTION = """{date}, on {machine}; the {form} form. All contenders, the load generator and the
databases share these cores. [How it is measured, and how to read it](../README.md).
"""
ABOUT_COSTS = """CPU time of one request, in microseconds: medians of all rounds, with the least
and the most. The share is Taskwell's cost in terms of this contender's: the median of the ratios
within each round.
"""


def write(record: Record, plots: Mapping[str, Path], path: Path) -> None:
    path.write_text("\n".join(_parts(record, plots)))


def in_terminal(record: Record) -> str:
    found = (
        tables.costs(record),
        *_rest(record).values(),
        tables.judged(record, all_of_them=False),
    )
    shown = [table.plain() for table in found if table is not None and table.rows]
    left_out = [f"{name} is left out: {why}\n" for name, why in record.left_out.items()]
    return "\n".join(["", *shown, *left_out])


def _rest(record: Record) -> dict[str, Table | None]:
    return {
        UNDER_LOAD: tables.scenes(record),
        GROWTH: tables.growth(record),
        "Start": tables.starts(record),
        "The ceiling": tables.ceiling(record),
    }


def _parts(record: Record, plots: Mapping[str, Path]) -> list[str]:
    images = {kind: f"![{CAPTIONS[kind]}]({plot.name})\n" for kind, plot in plots.items()}
    parts = [
        "# Taskwell beside its peers\n",
        INTRODUCTION.format(date=record.date, machine=record.machine, form=record.form),
        *(f"Measured apart: {part}, {when}.\n" for part, when in record.apart.items()),
        "## The bars\n",
        tables.judged(record).markdown().replace(" not met ", " **not met** "),
        *_reasons(record),
        "## What a request costs\n",
        ABOUT_COSTS,
        images.get("requests", ""),
        tables.costs(record).markdown(),
    ]
    for title, table in _rest(record).items():
        if table is not None:
            parts += [f"## {title}\n", *(images.get(kind, "") for kind in PLOTS.get(title, ()))]
            parts.append(table.markdown())
    parts += ["## What took part\n", tables.versions(record).markdown()]
    return [part for part in parts if part]


def _reasons(record: Record) -> list[str]:
    missed = [bar for bar in BARS if bar.judge(record).word.startswith("not ")]
    return [
        f"{bar.subject}, {bar.what}: {REASONS[bar.subject, bar.what]}\n"
        for bar in missed
        if (bar.subject, bar.what) in REASONS
    ]
