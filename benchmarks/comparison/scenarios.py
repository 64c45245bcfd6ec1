"""What users feel: latency, errors and memory under load, of one contender alone on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil, inf
from pathlib import Path
from typing import Any

from comparison.contender import Request
from comparison.drawing import MIX, draw, draw_for_each
from comparison.load import Quantiles, closed_loop, encode, write_requests
from comparison.memory import MemoryWatch
from comparison.processes import CpuTime
from comparison.rounds import RESERVE, Entrant

USERS = 1000
HUNDRED = 100
# Connections that ask for the health once a second each.
PROBES = 20
WARM_UP_SECONDS = 3
WARM_UP_REQUESTS = 40_000


@dataclass(slots=True)
class Scene:
    name: str
    contender: str
    seconds: float
    requests: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    # Of all, of reads, of writes, of the probes: percentiles and milliseconds.
    quantiles: dict[str, Quantiles] = field(default_factory=dict)
    p95_by_second: list[float] = field(default_factory=list)
    # Seconds and megabytes.
    memory: list[tuple[float, float]] = field(default_factory=list)
    most_pss: float = 0.0
    # CPU time of service and database, in cores.
    cores: float = 0.0

    @property
    def rate(self) -> float:
        """Of answers; there may be none at all, and no time to the last one."""
        return self.requests / self.seconds if self.seconds else 0.0

    def percentile(self, kind: str, percent: float) -> float:
        """For ever, when nothing was answered."""
        return dict(self.quantiles[kind]).get(percent, inf)

    @property
    def most_memory(self) -> float:
        return max(megabytes for _, megabytes in self.memory)

    @property
    def failed(self) -> int:
        return sum(self.errors.values())


class Scenes:
    """Of one contender that has just been started."""

    def __init__(self, folder: Path, entrant: Entrant, health: str | None) -> None:
        self._requests = folder / "requests"
        self._probe = folder / "probe"
        self._entrant = entrant
        self._port = entrant.running.port
        self._health = health
        self._rate = self._warm_up()

    def _warm_up(self) -> float:
        many = self._write_mix(WARM_UP_REQUESTS, "warm-up")
        return closed_loop(self._port, self._requests, many, HUNDRED, WARM_UP_SECONDS).rate

    def paced(self, name: str, connections: int, rate: float, seconds: float) -> Scene:
        """Each connection belongs to a user, who asks `rate` times a second."""
        turns = round(seconds * rate)
        contender, scale = self._entrant.contender, self._entrant.scale
        drawn = draw_for_each(contender, self._port, scale, connections, turns, name)
        write_requests(self._requests, drawn)
        with self._observed(name, seconds) as scene:
            process = self._start_paced(self._requests, connections, seconds, rate)
            _enter(scene, _report(process))
        return scene

    def closed(self, name: str, connections: int, seconds: float) -> Scene:
        """As fast as it goes, told apart by reads and writes."""
        self._write_mix(self._expected(seconds), name)
        with self._observed(name, seconds) as scene:
            _enter(scene, _report(self._start_paced(self._requests, connections, seconds)))
        return scene

    def closed_by_wrk(self, name: str, connections: int, seconds: float) -> Scene:
        """The same, with a load generator that takes less of the machine."""
        many = self._write_mix(self._expected(seconds), name)
        with self._observed(name, seconds) as scene:
            outcome = closed_loop(self._port, self._requests, many, connections, seconds)
            scene.requests, scene.seconds = outcome.requests, outcome.seconds
            scene.errors = outcome.errors
            scene.quantiles["all"] = outcome.quantiles
        return scene

    @contextmanager
    def _observed(self, name: str, seconds: float) -> Iterator[Scene]:
        running = self._entrant.running
        scene = Scene(name, self._entrant.name, seconds)
        began, before = time.monotonic(), CpuTime(running).total
        probing = self._start_probing(seconds)
        try:
            with MemoryWatch(running) as watch:
                yield scene
        except BaseException:
            if probing is not None:
                _end(probing)
            raise
        if probing is not None:
            report = _report(probing)
            scene.quantiles["health"] = report["quantiles"]["all"]
            scene.errors["health"] = sum(report["errors"].values())
        used = CpuTime(running).total - before
        scene.cores = round(used / (time.monotonic() - began), 2)
        scene.memory, scene.most_pss = watch.samples, watch.most_pss

    def _start_probing(self, seconds: float) -> subprocess.Popen[str] | None:
        if self._health is None:
            return None
        probe = encode(Request("GET", self._health, {}), self._port)
        write_requests(self._probe, [("read", probe)])
        return self._start_paced(self._probe, PROBES, seconds, 1)

    def _start_paced(
        self, requests: Path, connections: int, seconds: float, rate: float | None = None
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "comparison.paced", str(self._port), str(requests)]
        command += [f"--connections={connections}", f"--seconds={seconds}"]
        command += [] if rate is None else [f"--rate={rate}"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def _expected(self, seconds: float) -> int:
        return ceil(self._rate * seconds * RESERVE)

    def _write_mix(self, many: int, seed: str) -> int:
        contender, scale = self._entrant.contender, self._entrant.scale
        return write_requests(self._requests, draw(contender, self._port, MIX, scale, many, seed))


def _report(process: subprocess.Popen[str]) -> dict[str, Any]:
    try:
        told, _ = process.communicate()
    except BaseException:
        _end(process)
        raise
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    report: dict[str, Any] = json.loads(told)
    return report


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def _enter(scene: Scene, report: dict[str, Any]) -> None:
    scene.requests, scene.seconds = report["requests"], report["seconds"]
    scene.errors = report["errors"]
    scene.quantiles = report["quantiles"]
    scene.p95_by_second = report["p95_by_second"]
