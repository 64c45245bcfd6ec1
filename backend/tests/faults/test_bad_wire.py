"""The wire to the database is slow, half open, reset, refused, or broken off in an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from httpx2 import Response
from pydantic import SecretStr
from starlette.testclient import TestClient

from api_user import ApiUser
from end_to_end.processes import await_that
from faults.line import Line
from faults.mischief import cut_in_answer
from faults.proof import Proof
from faults.trials import trials_on
from second_connection import SecondConnection
from taskwell.config import Settings
from taskwell.database.connections import Usage
from taskwell.database.pool import Database, Patience
from taskwell.statements.upkeep import SCHEMA_VERSION

pytestmark = pytest.mark.fault("bad-wire")

IMPATIENT = Patience(connect=0.6, turn=0.6, statement=0.6)
# A connection is waited for, made, and used; what a busy machine takes comes on top.
DEADLINE = IMPATIENT.turn + IMPATIENT.connect + IMPATIENT.statement
SLACK = 5.0
# A second for a hundred bytes: no answer is through in time.
TOO_SLOW = 0.01


@contextmanager
def slow(line: Line) -> Iterator[None]:
    line.seconds_per_byte = TOO_SLOW
    yield
    line.seconds_per_byte = 0.0


@contextmanager
def half_open(line: Line) -> Iterator[None]:
    """Nobody hangs up, and nobody says anything; who connects anew is let in, and that's it."""
    line.flows.clear()
    yield
    line.flows.set()


@contextmanager
def refused(line: Line) -> Iterator[None]:
    line.refuse()
    line.cut_until_none_is_open()
    yield
    line.accept()


@contextmanager
def refused_half_open(line: Line) -> Iterator[None]:
    """The connections that are there say nothing, and there are no others."""
    line.flows.clear()
    line.refuse()
    yield
    line.accept()
    line.flows.set()


WIRES = {each.__name__: each for each in (slow, half_open, refused, refused_half_open)}


@pytest.mark.parametrize("kind", WIRES)
def test_a_wire_that_is_bad_for_a_while(
    kind: str,
    line: Line,
    client: TestClient,
    settings: Settings,
    sql: SecondConnection,
    proof: Proof,
) -> None:
    with trials_on(line, client, settings, sql, IMPATIENT) as trials:
        user = trials.somebody()
        for number in range(proof.times(1, full=10)):
            # So that there is a connection, which becomes a bad one.
            await_that(lambda: user.get("/tasks").status_code == 200)
            with WIRES[kind](line):
                expect_unavailable(user, f"{number}-{kind}", proof)
            mended_at = time.monotonic()
            await_that(lambda: user.get("/tasks").status_code == 200)
            proof.most(seconds_until_success=time.monotonic() - mended_at)
            expect_there_once(user, f"{number}-{kind}")
            proof.count(**{f"times_{kind}": 1})
        trials.expect_nothing_left()


def create(user: ApiUser, key: str) -> Response:
    return user.post("/tasks", {"text": key}, headers={"idempotency-key": key})


def expect_unavailable(user: ApiUser, key: str, proof: Proof) -> None:
    for ask in (partial(user.get, "/tasks"), partial(create, user, key)):
        began = time.monotonic()
        answer = ask()
        seconds = time.monotonic() - began
        assert answer.status_code == 503
        assert answer.json()["code"] in ("database-unavailable", "database-busy")
        assert answer.headers["retry-after"] == "1"
        assert seconds < DEADLINE + SLACK
        proof.most(seconds_until_503=seconds)


def expect_there_once(user: ApiUser, key: str) -> None:
    await_that(lambda: create(user, key).status_code == 201)
    assert [task["text"] for task in user.get("/tasks").json()].count(key) == 1


def test_nobody_waits_twice_for_a_wire_that_says_nothing(
    line: Line, client: TestClient, settings: Settings, sql: SecondConnection, proof: Proof
) -> None:
    """The first request of a process needs the deny list before anything of its own."""
    patience = Patience(connect=5.0, turn=1.0, statement=1.0)
    with trials_on(line, client, settings, sql, patience) as trials:
        user = trials.somebody()
        with half_open(line):
            began = time.monotonic()
            assert user.get("/tasks").status_code == 503
            assert time.monotonic() - began < 1.75 * patience.connect
        proof.count(times_half_open=1)


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
def test_connections_that_break(
    is_reset: bool,
    line: Line,
    client: TestClient,
    settings: Settings,
    sql: SecondConnection,
    proof: Proof,
) -> None:
    """While they are idle nobody feels it: the next request makes another one."""
    with trials_on(line, client, settings, sql, IMPATIENT) as trials:
        user = trials.somebody()
        for number in range(proof.times(3, full=10)):
            await_that(lambda: user.get("/tasks").status_code == 200)
            line.cut_all(is_reset=is_reset)
            answer = create(user, str(number))
            assert answer.status_code in (201, 503)
            expect_there_once(user, str(number))
            proof.count(**{"times_reset" if is_reset else "times_closed": 1})
        trials.expect_nothing_left()


def test_an_answer_that_breaks_off(
    line: Line, client: TestClient, settings: Settings, sql: SecondConnection, proof: Proof
) -> None:
    """A read is asked again, on another connection; of a write nobody knows."""
    with trials_on(line, client, settings, sql) as trials:
        user = trials.somebody()
        for number in range(proof.times(3, full=10)):
            line.trip(cut_in_answer)
            assert user.get("/tasks").status_code == 200
            assert line.has_tripped
            line.trip(cut_in_answer)
            assert create(user, str(number)).status_code == 503
            assert line.has_tripped
            expect_there_once(user, str(number))
            proof.count(times_in_the_middle_of_an_answer=2)
        trials.expect_nothing_left()


def test_who_is_cancelled_is_not_told_of_a_rollback_that_nobody_answered(
    line: Line, settings: Settings
) -> None:
    async def cancelled_in_a_transaction() -> Usage:
        database = Database(settings.model_copy(update={"database_url": SecretStr(line.url)}))
        await database.open()
        is_under_way = asyncio.Event()

        async def work() -> None:
            async with database.transaction() as transaction:
                await transaction.row(SCHEMA_VERSION)
                is_under_way.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await is_under_way.wait()
        with half_open(line):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await database.close()
        return database.connections()

    usage = asyncio.run(cancelled_in_a_transaction())
    assert (usage.busy, usage.idle) == (0, 0)
