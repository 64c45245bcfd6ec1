"""CPU time of whole trees of processes, as the kernel counts it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from comparison.contender import Running

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
MACHINE_TIMES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")

Counters = dict[int, tuple[int, int]]


def counters_of_all() -> Counters:
    """Of every process: its parent, and the ticks of itself and of its children that have ended."""
    found = {}
    for name in os.listdir(PROC):
        if name.isdigit():
            try:
                line = (PROC / name / "stat").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue  # It has ended meanwhile.
            # The name, in parentheses, may hold anything.
            fields = line[line.rindex(b")") + 2 :].split()
            found[int(name)] = int(fields[1]), sum(map(int, fields[11:15]))
    return found


def tree(counters: Counters, roots: Iterable[int], without: Iterable[int] = ()) -> set[int]:
    children: dict[int, list[int]] = {}
    for process, (parent, _) in counters.items():
        children.setdefault(parent, []).append(process)
    excluded, found, waiting = set(without), set[int](), list(roots)
    while waiting:
        process = waiting.pop()
        if process in counters and process not in excluded and process not in found:
            found.add(process)
            waiting += children.get(process, [])
    return found


class CpuTime:
    """Seconds so far, of the service and of its database."""

    def __init__(self, running: Running) -> None:
        counters = counters_of_all()
        service = tree(counters, running.service, without=running.database)
        database = tree(counters, running.database)
        self.service = sum(counters[process][1] for process in service) / TICKS
        self.database = sum(counters[process][1] for process in database) / TICKS

    @property
    def total(self) -> float:
        return self.service + self.database


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of CPU time; `elsewhere` is neither contender nor load."""

    service: float
    database: float
    elsewhere: float
    stolen: float


class Clocks:
    """All that counts CPU time, read at once."""

    def __init__(self, running: Running) -> None:
        self._contender = CpuTime(running)
        usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        self._load = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        self._machine = _machine_seconds("user", "nice", "system")
        self._stolen = _machine_seconds("steal")

    def since(self, before: Clocks) -> Spent:
        service = self._contender.service - before._contender.service
        database = self._contender.database - before._contender.database
        known = service + database + self._load - before._load
        return Spent(
            service=service,
            database=database,
            elsewhere=max(0.0, self._machine - before._machine - known),
            stolen=self._stolen - before._stolen,
        )


def _machine_seconds(*kinds: str) -> float:
    ticks = (PROC / "stat").read_text().splitlines()[0].split()[1:]
    return sum(int(ticks[MACHINE_TIMES.index(kind)]) for kind in kinds) / TICKS
