"""PostgreSQL killed, restarted, and relieved of its sessions, while clients read and write."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

import asyncpg
import pytest

from end_to_end.processes import await_that
from end_to_end.serving import data_folder, database_url, postgres_pid
from end_to_end.test_metrics import Page
from faults.load import Load
from faults.places import Places
from faults.proof import Proof
from faults.reborn import Reborn
from second_connection import SecondConnection
from taskwell.server.database_watch import SHORT_LIFE

pytestmark = pytest.mark.fault("kill-database")

CLIENTS = 32
READS = 3
SUCCESSES = 100
# After the database's return; beside other tests it may be more.
SUCCESS_WITHIN = 1.0
PATIENCE_BESIDE_OTHERS = 5.0
TERMINATIONS = 10
EVERY = 0.1

END_SESSIONS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = 'taskwell'
"""
SESSION_AT_WORK = """
    SELECT pid FROM pg_stat_activity WHERE application_name = 'taskwell'
    ORDER BY state = 'active' DESC LIMIT 1
"""
SESSIONS = """
    SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM pg_stat_activity
    WHERE application_name = 'taskwell'
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


class Breaker:
    """Each way gives the moment at which the database was back."""

    def __init__(self, folder: Path, proof: Proof) -> None:
        self._folder = folder
        self._proof = proof
        self._url = database_url(folder)
        self._back = time.monotonic()

    @property
    def ways(self) -> tuple[Callable[[], float], ...]:
        return (self.killed, self.sessions_ended, self.session_killed, self.restarted)

    def killed(self) -> float:
        self._proof.count(kills=1)
        return self._end_postmaster(signal.SIGKILL)

    def restarted(self) -> float:
        self._proof.count(restarts=1)
        return self._end_postmaster(signal.SIGINT)

    def session_killed(self) -> float:
        """PostgreSQL ends all other sessions, too, and recovers."""
        self._proof.count(kills_of_a_session=1)
        with SecondConnection(self._url) as database:
            victim = database.value(SESSION_AT_WORK)
        os.kill(victim, signal.SIGKILL)
        return self._when_back(lambda: not Path("/proc", str(victim)).exists())

    def sessions_ended(self) -> float:
        beat = threading.Event()
        for _ in range(TERMINATIONS):
            with SecondConnection(self._url) as database:
                self._proof.count(sessions_ended=database.value(END_SESSIONS))
            beat.wait(EVERY)
        return time.monotonic()

    def _end_postmaster(self, how: signal.Signals) -> float:
        if self._proof.is_full:
            # One that dies young again and again is restarted ever later.
            await_that(lambda: time.monotonic() > self._back + SHORT_LIFE)
        postgres = postgres_pid(self._folder)
        os.kill(postgres, how)
        return self._when_back(lambda: postgres_pid_or_none(self._folder) not in (None, postgres))

    def _when_back(self, is_over: Callable[[], bool]) -> float:
        await_that(is_over)
        await_that(lambda: answers(self._url))
        self._back = time.monotonic()
        return self._back


def postgres_pid_or_none(folder: Path) -> int | None:
    try:
        return postgres_pid(folder)
    except AssertionError:
        return None


def answers(url: str) -> bool:
    try:
        with SecondConnection(url) as database:
            return bool(database.value("SELECT true"))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


def expect_no_connection_left(page: Page, url: str) -> None:
    """What the pools say that they hold is what the database sees, and all of it is idle."""

    def agrees() -> bool:
        values = page.values()
        busy, idle = (values[("taskwell_pool_connections", state)] for state in ("busy", "idle"))
        with SecondConnection(url) as database:
            ((sessions, at_work),) = database.rows(SESSIONS)
        return busy == 0 and at_work == 0 and sessions == idle

    await_that(agrees)


def test_the_end_of_the_database_is_a_503_and_then_over(folder: Path, proof: Proof) -> None:
    with Reborn(folder, proof, TASKWELL_METRICS_PORT="0") as reborn:
        breaker = Breaker(folder, proof)
        times = proof.times(len(breaker.ways), full=100)
        with Load(Places(reborn.address), folder, CLIENTS, reads=READS) as load:
            for way in islice(cycle(breaker.ways), times):
                load.await_successes(SUCCESSES)
                back = way()
                first = load.first_success_since(back)
                proof.most(seconds_until_success=first - back)
            load.await_successes(SUCCESSES)
        tally = load.tally
        assert (tally.losses, tally.refused, tally.cut_off) == ([], 0, 0)
        expect_no_connection_left(Page(reborn.service), database_url(folder))
        proof.count(
            answers_2xx=tally.successes,
            answers_503=tally.unavailable,
            acknowledged_and_there_once=load.expect_all_there_once(database_url(folder)),
        )
        proof.most(seconds_of_an_answer=tally.slowest)
        assert reborn.stop() == 0
        within = SUCCESS_WITHIN if proof.is_full else PATIENCE_BESIDE_OTHERS
        assert proof.greatest("seconds_until_success") < within
