"""What the raw rounds come to: medians, and ratios within a round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from comparison.record import Record
from comparison.rounds import Measurement
from comparison.scenarios import Scene

SUBJECT = "Taskwell"
FEW_TASKS = "100,000 tasks"
MANY_TASKS = "10,000,000 tasks"


@dataclass(frozen=True, slots=True)
class Figure:
    value: float
    # In the runs that it comes from.
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one request, in microseconds of CPU time; medians."""

    service: float
    database: float
    total: float
    # Requests a second in a closed loop, with the load generator on the same cores.
    rate: float
    p95: float
    bytes: float
    errors: int
    # The smallest and the largest total.
    spread: tuple[float, float]

    @property
    def per_cpu_second(self) -> float:
        return 1e6 / self.total


def cost(record: Record, contender: str, work: str) -> Cost | None:
    runs = _runs(record.rounds, contender, work)
    if not runs:
        return None
    totals = [run.total_us for run in runs]
    return Cost(
        service=median(run.service_us for run in runs),
        database=median(run.database_us for run in runs),
        total=median(totals),
        rate=median(run.requests / run.seconds for run in runs),
        p95=median(dict(run.quantiles)[95] for run in runs),
        bytes=median(run.bytes for run in runs),
        errors=errors_of(runs),
        spread=(min(totals), max(totals)),
    )


def against(record: Record, peer: str, work: str) -> Figure | None:
    """The subject's cost as a share of a peer's."""
    mine = _runs(record.rounds, SUBJECT, work)
    return _ratio(mine, _runs(record.rounds, peer, work))


def between_works(record: Record, work: str, other: str) -> Figure | None:
    mine = _runs(record.rounds, SUBJECT, work)
    return _ratio(mine, _runs(record.rounds, SUBJECT, other))


def growth(record: Record, work: str) -> Figure | None:
    """The cost with many tasks as a multiple of that with few."""
    few, many = growth_runs(record, work)
    return _ratio(many, few)


def growth_runs(record: Record, work: str) -> tuple[list[Measurement], list[Measurement]]:
    return _runs(record.growth, FEW_TASKS, work), _runs(record.growth, MANY_TASKS, work)


def scenes(record: Record, name: str, contender: str = SUBJECT) -> list[Scene]:
    return [one for one in record.scenes if (one.name, one.contender) == (name, contender)]


def of_scenes(
    record: Record, name: str, read: Callable[[Scene], float], pick: Callable[[list[float]], float]
) -> Figure | None:
    found = scenes(record, name)
    if not found:
        return None
    return Figure(pick([read(scene) for scene in found]), sum(scene.failed for scene in found))


def errors_of(runs: Iterable[Measurement]) -> int:
    return sum(sum(run.errors.values()) for run in runs)


def _runs(found: Iterable[Measurement], contender: str, work: str) -> list[Measurement]:
    return [run for run in found if (run.contender, run.work) == (contender, work)]


def _ratio(above: Sequence[Measurement], below: Sequence[Measurement]) -> Figure | None:
    """The median of the ratios within each round."""
    others = {run.round: run.total_us for run in below}
    ratios = [run.total_us / others[run.round] for run in above if others.get(run.round)]
    if not ratios:
        return None
    return Figure(median(ratios), errors_of([*above, *below]))
