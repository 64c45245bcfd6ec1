"""kill -9 of the service, or of a part of it, while 64 clients write."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest

from end_to_end.processes import await_that, is_running, workers_of
from end_to_end.serving import data_folder, database_url, postgres_pid, serving
from faults.load import Load
from faults.places import Places
from faults.proof import Proof
from faults.reborn import WORKERS, Reborn
from integration.wire import HEAD, Wire
from taskwell.auth.gate import development_issuer
from taskwell.configuring import load_settings

pytestmark = pytest.mark.fault("kill-service")

CLIENTS = 64
# On a machine that does nothing else. A start is processor time, of which other tests beside it
# leave it a quarter.
READY_WITHIN = 2.0
PATIENCE_BESIDE_OTHERS = 20.0
# Between two kills, so that each of them meets work.
SUCCESSES = 100


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


def kill(*processes: int) -> None:
    for process in processes:
        os.kill(process, signal.SIGKILL)


class Killer:
    """Each way gives the seconds until the service was ready again."""

    def __init__(self, reborn: Reborn, folder: Path, proof: Proof) -> None:
        self._reborn = reborn
        self._folder = folder
        self._proof = proof
        self._random = random.Random(6)

    @property
    def ways(self) -> tuple[Callable[[], float], ...]:
        return (self.a_worker, self.the_workers, self.the_parent, self.all, self.all_and_postgres)

    def a_worker(self) -> float:
        self._proof.count(kills_of_a_worker=1)
        workers = sorted(workers_of(self._parent))
        return self._until_replaced({self._random.choice(workers)})

    def the_workers(self) -> float:
        self._proof.count(kills_of_the_workers=1)
        return self._until_replaced(workers_of(self._parent))

    def the_parent(self) -> float:
        self._proof.count(kills_of_the_parent=1)
        return self._until_started([self._parent])

    def all(self) -> float:
        self._proof.count(kills_of_the_whole_service=1)
        return self._until_started([self._parent, *workers_of(self._parent)])

    def all_and_postgres(self) -> float:
        self._proof.count(kills_of_service_and_database=1)
        postgres = postgres_pid(self._folder)
        return self._until_started([self._parent, *workers_of(self._parent), postgres])

    @property
    def _parent(self) -> int:
        return self._reborn.service.pid

    def _until_replaced(self, killed: set[int]) -> float:
        began = time.monotonic()
        kill(*killed)
        await_that(lambda: len(workers_of(self._parent) - killed) == WORKERS)
        assert self._reborn.service.http.get("/health/ready").status_code == 200
        return time.monotonic() - began

    def _until_started(self, killed: list[int]) -> float:
        workers = workers_of(self._parent)
        kill(*killed)
        seconds = self._reborn.start()
        # Those that have lost their parent go on for the requests that they have.
        await_that(lambda: not any(map(is_running, workers)))
        return seconds


def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(folder: Path, proof: Proof) -> None:
    with Reborn(folder, proof) as reborn:
        killer = Killer(reborn, folder, proof)
        with Load(Places(reborn.address), folder, CLIENTS, reads=0) as load:
            times = proof.times(len(killer.ways), full=1000)
            for way in islice(cycle(killer.ways), times):
                load.await_successes(SUCCESSES)
                seconds = way()
                proof.most(seconds_until_ready=seconds, **{f"of_{way.__name__}": seconds})
            load.await_successes(SUCCESSES)
        there = load.expect_all_there_once(database_url(folder))
        proof.count(
            acknowledged_and_there_once=there,
            lost_answers_asked_again=len(load.tally.losses) + load.tally.cut_off,
            of_them_done_already=load.tally.found_done,
        )
        assert reborn.stop() == 0
        # At the end, so that a machine that was busy once does not hide what else was found.
        within = READY_WITHIN if proof.is_full else PATIENCE_BESIDE_OTHERS
        assert proof.greatest("seconds_until_ready") < within


def test_who_connects_as_the_parent_dies_is_answered(folder: Path) -> None:
    """The worker hears of both at once, and has nothing else to wait for."""
    with serving(folder, TASKWELL_WORKERS="1") as service:
        token = development_issuer(load_settings(data=folder)).token("bob")
        (worker,) = workers_of(service.pid)
        os.kill(worker, signal.SIGSTOP)
        kill(service.pid)
        with Wire(service.address[1]) as wire:
            wire.send(f"GET /tasks{HEAD}Authorization: Bearer {token}\r\n\r\n")
            os.kill(worker, signal.SIGCONT)
            assert wire.answer().status == 200
        await_that(lambda: not is_running(worker))
    # Whoever starts it again takes its database over, and ends it in good order.
    with serving(folder):
        pass
