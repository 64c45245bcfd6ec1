"""The rows of all processes as one page, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from taskwell.measures.layout import (
    BUCKETS,
    DURATIONS,
    HELP,
    INFO,
    MEASURES,
    OTHER,
    REQUESTS,
    WORKERS,
    Layout,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Sequence[tuple[str, str]]
Row = Sequence[int] | memoryview


def expose(layout: Layout, rows: Iterable[tuple[Row, bool]], version: str) -> str:
    """`rows` with whether the process of each is alive."""
    taken = [(list(row), is_alive) for row, is_alive in rows]
    total = [sum(column) for column in zip(*(row for row, _ in taken), strict=True)]
    living = [row for row, is_alive in taken if is_alive]
    lines = [*_head(INFO, "gauge"), _line(INFO, [("version", version)], 1)]
    lines += [*_head(WORKERS, "gauge"), _line(WORKERS, [], len(living))]
    lines += _singles(total, living)
    lines += _requests(layout, total)
    lines += _durations(layout, total)
    return "\n".join(lines) + "\n"


def _singles(total: list[int], living: list[list[int]]) -> Iterator[str]:
    told = ""
    for place, measure in enumerate(MEASURES):
        if measure.name != told:
            told = measure.name
            yield from _head(told, "counter" if measure.kind == "counter" else "gauge")
        if measure.kind == "counter":
            value = total[place]
        elif measure.kind == "gauge":
            value = sum(row[place] for row in living)
        else:
            # Of those that have one.
            value = min((row[place] for row in living if row[place]), default=0)
        yield _line(measure.name, measure.labels, value)


def _requests(layout: Layout, total: list[int]) -> Iterator[str]:
    yield from _head(REQUESTS, "counter")
    statuses = [*map(str, layout.statuses), OTHER]
    for number, (method, route) in enumerate(layout.operations):
        block = layout.block(number)
        for offset, status in enumerate(statuses):
            if total[block + offset]:
                labels = [("method", method), ("route", route), ("status", status)]
                yield _line(REQUESTS, labels, total[block + offset])


def _durations(layout: Layout, total: list[int]) -> Iterator[str]:
    yield from _head(DURATIONS, "histogram")
    bounds = [*map(str, BUCKETS), "+Inf"]
    for number, (method, route) in enumerate(layout.operations):
        block = layout.block(number)
        counts = total[block + layout.first_bucket : block + layout.sum]
        if not any(counts):
            continue
        labels = [("method", method), ("route", route)]
        so_far = 0
        for bound, count in zip(bounds, counts, strict=True):
            so_far += count
            yield _line(f"{DURATIONS}_bucket", [*labels, ("le", bound)], so_far)
        yield _line(f"{DURATIONS}_sum", labels, total[block + layout.sum] / 1_000_000)
        yield _line(f"{DURATIONS}_count", labels, so_far)


def _head(name: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {HELP[name]}", f"# TYPE {name} {kind}"


def _line(name: str, labels: Labels, value: float) -> str:
    """Every label is a word of our own: nothing in it needs escaping."""
    inside = ",".join(f'{key}="{text}"' for key, text in labels)
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"
