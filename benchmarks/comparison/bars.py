"""The bars: what the service has to reach, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from statistics import median

from comparison import figures
from comparison.contender import Operation
from comparison.drawing import WORKS
from comparison.figures import Figure
from comparison.record import Record
from comparison.scenarios import Scene
from comparison.table import NOTHING, TIMES

PACED = "1,000 users, one request a second each"
CLOSED = "1,000 connections, as fast as it goes"
HUNDRED = "100 connections, as fast as it goes"
HUNDRED_PACED = "100 connections, ten requests a second each"
RESTARTED = "its private PostgreSQL starts with it"
ALREADY_THERE = "PostgreSQL runs already"
# Milliseconds and megabytes.
P95_LIMITS = {PACED: 50.0, CLOSED: 200.0}
MEMORY_LIMIT = 100.0

POCKETBASE, TEXTBOOK, FASTIFY = "PocketBase", "textbook FastAPI", "Fastify"

RATIO, MILLISECONDS, SECONDS, MEGABYTES, ERRORS = TIMES, " ms", " s", " MB", " errors"


@dataclass(frozen=True, slots=True)
class Bar:
    subject: str
    what: str
    limit: float
    unit: str
    find: Callable[[Record], Figure | None]
    # "at most" otherwise.
    under: bool = True

    @property
    def wanted(self) -> str:
        if self.unit == ERRORS:
            return "none"
        return f"{'under' if self.under else 'at most'} {self.limit:g}{self.unit}"

    def judge(self, record: Record) -> Verdict:
        figure = self.find(record)
        if figure is None:
            return Verdict(self, None, "not measured")
        reached = figure.value < self.limit if self.under else figure.value <= self.limit
        if reached and figure.errors:
            return Verdict(self, figure.value, f"not counted: {figure.errors} errors")
        return Verdict(self, figure.value, "met" if reached else "not met")


@dataclass(frozen=True, slots=True)
class Verdict:
    bar: Bar
    value: float | None
    word: str

    @property
    def shown(self) -> str:
        if self.value is None:
            return NOTHING
        digits = 2 if self.bar.unit in (RATIO, SECONDS) else 0 if self.bar.unit == ERRORS else 1
        return f"{self.value:.{digits}f}{self.bar.unit}"


def _against(work: str, peer: str, limit: float) -> Bar:
    find = partial(figures.against, peer=peer, work=work)
    return Bar(work, f"CPU per request, against {peer}", limit, RATIO, find, under=False)


def _cheaper(work: str, than: str) -> Bar:
    find = partial(figures.between_works, work=work, other=than)
    return Bar(work, f"CPU per request, against {than}", 1.0, RATIO, find)


def _grows(work: str) -> Bar:
    what = f"CPU per request, {figures.MANY_TASKS} against {figures.FEW_TASKS}"
    return Bar(work, what, 1.2, RATIO, partial(figures.growth, work=work), under=False)


def _latency(scene: str, what: str, kind: str, percent: float, limit: float) -> Bar:
    def read(found: Scene) -> float:
        return found.percentile(kind, percent)

    find = partial(figures.of_scenes, name=scene, read=read, pick=median)
    return Bar(scene, what, limit, MILLISECONDS, find)


def _errors(scene: str) -> Bar:
    find = partial(figures.of_scenes, name=scene, read=attrgetter("failed"), pick=sum)
    return Bar(scene, "errors", 0, ERRORS, find, under=False)


def _memory(scene: str) -> Bar:
    find = partial(figures.of_scenes, name=scene, read=attrgetter("most_memory"), pick=max)
    return Bar(scene, "most memory of all processes of the service", MEMORY_LIMIT, MEGABYTES, find)


def _start(kind: str) -> Bar:
    def find(record: Record) -> Figure | None:
        seconds = record.starts.get(kind)
        return Figure(median(seconds)) if seconds else None

    return Bar("start to first answered request", kind, 1.5, SECONDS, find)


BARS = (
    _against(Operation.PAGE, POCKETBASE, 0.40),
    _against(Operation.PAGE, TEXTBOOK, 0.20),
    _against(Operation.PAGE, FASTIFY, 1.2),
    _against(Operation.READ, POCKETBASE, 1.0),
    _against(Operation.READ, TEXTBOOK, 0.25),
    _against(Operation.CREATE, POCKETBASE, 1.2),
    _against(Operation.CREATE, TEXTBOOK, 0.35),
    _against(Operation.TOGGLE, POCKETBASE, 1.2),
    _against(Operation.TOGGLE, TEXTBOOK, 0.35),
    _cheaper(Operation.SYNC_NOTHING, than=Operation.READ),
    _cheaper(Operation.POLL, than=Operation.READ),
    *(_grows(work.name) for work in WORKS),
    _latency(PACED, "95th percentile", "all", 95, P95_LIMITS[PACED]),
    _errors(PACED),
    _memory(PACED),
    _latency(CLOSED, "95th percentile", "all", 95, P95_LIMITS[CLOSED]),
    _errors(CLOSED),
    _memory(CLOSED),
    # However "100 connections" is meant.
    _latency(HUNDRED_PACED, "95th percentile of reads", "read", 95, 20),
    _latency(HUNDRED_PACED, "95th percentile of writes", "write", 95, 50),
    _latency(HUNDRED, "95th percentile of reads", "read", 95, 20),
    _latency(HUNDRED, "95th percentile of writes", "write", 95, 50),
    _latency(PACED, "99th percentile of /health", "health", 99, 100),
    _latency(CLOSED, "99th percentile of /health", "health", 99, 100),
    _start(RESTARTED),
    _start(ALREADY_THERE),
)

# Why a bar is not met; by subject and what.
_TWO_CORES = (
    "In a closed loop the wait is the number of connections divided by the requests a second, and "
    "two cores shared with the database and the load generator do not give as many."
)
_WRITES = (
    "The first time a page changes after a checkpoint, PostgreSQL writes all of it to its log. Of "
    "ten million tasks a batch of 20 changes meets 7 to 10 such pages, of 100,000 tasks soon none, "
    "as pages change again; and it looks at 610 pages instead of 420, since a user's tasks lie on "
    "more of them, and indexes are deeper (pg_stat_wal, pg_stat_database)."
)
REASONS: dict[tuple[str, str], str] = {
    (
        Operation.SYNC_CHANGES,
        f"CPU per request, {figures.MANY_TASKS} against {figures.FEW_TASKS}",
    ): _WRITES,
    (CLOSED, "95th percentile"): _TWO_CORES,
    (HUNDRED, "95th percentile of reads"): _TWO_CORES,
    (HUNDRED, "95th percentile of writes"): _TWO_CORES,
}
