"""The figures of a record, as tables."""

from __future__ import annotations

from statistics import median

from comparison import bars, figures
from comparison.bars import BARS
from comparison.drawing import WORKS
from comparison.figures import Figure
from comparison.record import Record
from comparison.scenarios import Scene
from comparison.table import NOTHING, TIMES, Table


def judged(record: Record, all_of_them: bool = True) -> Table:
    rows = []
    for bar in BARS:
        verdict = bar.judge(record)
        if verdict.value is None and not all_of_them:
            continue
        rows.append((bar.subject, bar.what, bar.wanted, verdict.shown, verdict.word))
    return Table(("", "what", "bar", "figure", ""), rows, words=2)


def costs(record: Record) -> Table:
    rows = []
    measured = {run.work for run in record.rounds}
    for work in WORKS:
        for contender in contenders(record) if work.name in measured else ():
            found = figures.cost(record, contender, work.name)
            if found is None:
                rows.append((work.name, contender, *[NOTHING] * 9))
                continue
            low, high = found.spread
            rows.append(
                (
                    work.name,
                    contender,
                    f"{found.service:,.0f}",
                    f"{found.database:,.0f}" if found.database else NOTHING,
                    f"{found.total:,.0f}",
                    f"{low:,.0f} to {high:,.0f}",
                    _ratio(figures.against(record, contender, work.name)),
                    f"{found.rate:,.0f}",
                    f"{found.p95:.1f}",
                    f"{found.bytes:,.0f}",
                    f"{found.errors}",
                )
            )
    heads = ("work", "contender", "service µs", "database µs", "CPU µs", "least to most")
    more = (f"{figures.SUBJECT}'s share", "requests/s", "p95 ms", "bytes", "errors")
    return Table((*heads, *more), rows, words=2)


def ceiling(record: Record) -> Table | None:
    """What PostgreSQL alone takes for the statements, beside what it takes behind the service."""
    rows = []
    for work, alone in record.ceiling.items():
        behind = figures.cost(record, figures.SUBJECT, work)
        whole = (NOTHING, NOTHING)
        if behind is not None:
            whole = f"{behind.database:,.0f}", f"{behind.total:,.0f}"
        rows.append((work, f"{median(one.database for one in alone):,.0f}", *whole))
    heads = (
        "work",
        "pgbench: database µs",
        "behind the service: database µs",
        "with the service µs",
    )
    return Table(heads, rows) if rows else None


def scenes(record: Record) -> Table | None:
    names = (bars.PACED, bars.HUNDRED, bars.HUNDRED_PACED, bars.CLOSED)
    rows = [
        _scene_row(found)
        for name in names
        for contender in contenders(record)
        if (found := figures.scenes(record, name, contender))
    ]
    heads = ("load", "contender", "requests/s", "p50 ms", "p95 ms", "p99 ms", "reads p95")
    more = ("writes p95", "/health p99", "MB", "PSS MB", "cores", "errors")
    return Table((*heads, *more), rows, words=2) if rows else None


def _scene_row(found: list[Scene]) -> tuple[str, ...]:
    def latency(kind: str, percent: float) -> str:
        values = [scene.percentile(kind, percent) for scene in found if kind in scene.quantiles]
        return f"{median(values):.1f}" if values else NOTHING

    return (
        found[0].name,
        found[0].contender,
        f"{median(scene.rate for scene in found):,.0f}",
        latency("all", 50),
        latency("all", 95),
        latency("all", 99),
        latency("read", 95),
        latency("write", 95),
        latency("health", 99),
        f"{max(scene.most_memory for scene in found):.0f}",
        f"{max(scene.most_pss for scene in found):.0f}",
        f"{median(scene.cores for scene in found):.2f}",
        f"{sum(scene.failed for scene in found)}",
    )


def growth(record: Record) -> Table | None:
    rows = []
    for work in WORKS:
        few, many = figures.growth_runs(record, work.name)
        if few and many:
            totals = (median(run.total_us for run in runs) for runs in (few, many))
            ratio = _ratio(figures.growth(record, work.name))
            rows.append((work.name, *(f"{total:,.0f}" for total in totals), ratio))
    heads = ("work", f"{figures.FEW_TASKS}: CPU µs", f"{figures.MANY_TASKS}: CPU µs", "ratio")
    return Table(heads, rows) if rows else None


def starts(record: Record) -> Table | None:
    rows = [
        (kind, f"{median(seconds):.2f} s", ", ".join(f"{one:.2f}" for one in sorted(seconds)))
        for kind, seconds in record.starts.items()
    ]
    return Table(("start", "median", "each"), rows) if rows else None


def versions(record: Record) -> Table:
    rows = [
        (name, ", ".join(f"{part} {version}" for part, version in parts.items()))
        for name, parts in record.versions.items()
    ]
    rows += [(name, f"left out: {reason}") for name, reason in record.left_out.items()]
    return Table(("", "versions"), rows, words=2)


def contenders(record: Record) -> list[str]:
    """In the order in which they were measured."""
    names = [run.contender for run in record.rounds] + [one.contender for one in record.scenes]
    return list(dict.fromkeys(names))


def _ratio(figure: Figure | None) -> str:
    return NOTHING if figure is None else f"{figure.value:.2f}{TIMES}"
