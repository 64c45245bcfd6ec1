"""PostgreSQL is stopped in the middle of everything, and later goes on as if nothing had been."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from end_to_end.processes import await_that
from end_to_end.serving import Serving, serving
from end_to_end.serving import data_folder as folder_of_its_own
from faults.acts import IN_ONE_SPELLING
from faults.crowd import Crowd, crowd
from faults.line import Line
from faults.proof import Proof
from faults.trials import trials_on
from faults.watch import watched
from second_connection import SecondConnection
from taskwell.auth.gate import development_issuer
from taskwell.config import Settings
from taskwell.database.cluster import CLUSTER
from taskwell.database.pool import USUAL_PATIENCE, Patience
from taskwell.database.postmaster import find_running

pytestmark = pytest.mark.fault("freeze-database")

POOL = 10
USERS = 16
UNAVAILABLE = ("database-unavailable", "database-busy")
IMPATIENT = Patience(connect=1.0, turn=1.0, statement=1.0)
# A connection is waited for, then made, then used: none of them for longer than its patience.
DEADLINE = USUAL_PATIENCE.turn + USUAL_PATIENCE.connect
# What a busy machine takes besides.
SLACK = 3.0


@contextmanager
def frozen(data_folder: Path) -> Iterator[None]:
    running = find_running(data_folder / CLUSTER)
    assert running is not None
    # The parent first, so that nobody is born meanwhile.
    os.kill(running.pid, signal.SIGSTOP)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    stopped = [running.pid, *map(int, children)]
    try:
        for process in stopped[1:]:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in reversed(stopped):
            os.kill(process, signal.SIGCONT)


def test_a_service_under_load_outlives_a_freeze(
    line: Line, data_folder: Path, settings: Settings, proof: Proof
) -> None:
    """A short one only makes everybody wait; in a long one they are told to come again."""
    seconds = 60 if proof.is_full else 2
    with folder_of_its_own() as folder, serving(folder, DATABASE_URL=line.url) as service:
        issuer = development_issuer(settings.model_copy(update={"data": folder}))
        for number in range(proof.times(1, full=10)):
            tokens = [issuer.token(f"frozen-{folder.name}-{number}-{nth}") for nth in range(USERS)]
            with crowd(service.url, tokens) as users, watched(proof, service.pid):
                await_that(lambda: users.successes > USERS)  # waited for at once
                attempts = line.attempts
                with frozen(data_folder):
                    expect_alive(service, seconds, proof)
                thawed_at, before = time.monotonic(), users.successes
                await_that(lambda: users.successes > before)  # noqa: B023  # waited for at once
                proof.most(seconds_until_success=time.monotonic() - thawed_at)
                # Each place of the pool tries again when its patience has come to an end, and each
                # statement that was given up on is taken back by a connection of its own.
                assert line.attempts - attempts <= POOL * (3 + seconds / USUAL_PATIENCE.statement)
                proof.most(connections_tried=line.attempts - attempts)
            expect_told_the_truth(users, proof)
            proof.count(freezes=1)


def expect_alive(service: Serving, seconds: float, proof: Proof) -> None:
    until = time.monotonic() + seconds
    while (began := time.monotonic()) < until:
        assert httpx2.get(f"{service.url}/health/live", timeout=60).status_code == 200
        proof.most(seconds_until_alive=time.monotonic() - began)
        time.sleep(0.1)


def expect_told_the_truth(users: Crowd, proof: Proof) -> None:
    refused = [told.response for told in users.told if told.status >= 300]
    for response in refused:
        assert response.json()["code"] in UNAVAILABLE
        assert int(response.headers["retry-after"]) > 0
    proof.count(
        acknowledged_and_there=sum(member.acknowledged for member in users.members),
        answers_503=len(refused),
    )
    longest = max(told.seconds for told in users.told)
    proof.most(seconds_until_answered=longest)
    assert longest < DEADLINE + SLACK


def test_whoever_waits_for_a_frozen_database_is_told_in_time(
    line: Line,
    data_folder: Path,
    client: TestClient,
    settings: Settings,
    sql: SecondConnection,
    proof: Proof,
) -> None:
    with trials_on(line, client, settings, sql, IMPATIENT) as trials:
        askers = [(act, trials.somebody()) for act in IN_ONE_SPELLING]
        trials.expect_served()
        with frozen(data_folder), ThreadPoolExecutor(len(askers)) as pool:
            began = time.monotonic()
            for answer in pool.map(lambda asker: asker[0].send(asker[1], "key"), askers):
                assert answer.status_code == 503
                assert answer.json()["code"] in UNAVAILABLE
                assert answer.headers["retry-after"] == "1"
            assert time.monotonic() - began < 3 * IMPATIENT.statement + SLACK
        await_that(lambda: askers[0][0].send(askers[0][1], "key").status_code == 200)
        for act, user in askers:
            again = act.send(user, "key")
            is_gone = act.operation.method == "DELETE" and again.status_code == 404
            assert again.status_code < 300 or is_gone
        trials.expect_nothing_left()
        proof.count(freezes=1, answers_503=len(askers))
