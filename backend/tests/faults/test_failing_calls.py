"""Each call to the database of each operation fails, is never answered, or is dropped: the answer
is one that the description knows, and what was asked for is done once or not at all."""

from __future__ import annotations

from itertools import product

import pytest
from starlette.testclient import TestClient

from faults.acts import ACTS, IN_ONE_SPELLING
from faults.line import Line
from faults.mischief import FAILURES, never_answer
from faults.proof import Proof
from faults.trials import expect_all_or_nothing, spread, trials_on
from second_connection import SecondConnection
from taskwell.config import Settings
from taskwell.database.pool import Patience
from taskwell.queries.upkeep import DENY_LIST

pytestmark = pytest.mark.fault("fail-each-call")

IMPATIENT = Patience(connect=2.0, turn=2.0, statement=0.5)
# Until all three kinds of patience have come to their end, one after the other, on a busy machine.
DEADLINE = 10.0


def test_a_call_that_fails(
    line: Line, client: TestClient, settings: Settings, sql: SecondConnection, proof: Proof
) -> None:
    with trials_on(line, client, settings, sql) as trials:
        every = list(product(trials.points(ACTS if proof.is_full else IN_ONE_SPELLING), FAILURES))
        for point, name in spread(every, proof.times(40, full=len(every))):
            outcome = trials.run(point, FAILURES[name])
            expect_all_or_nothing(trials, point, outcome)
            proof.count(failed=1, **{f"answered_{outcome.answer.status_code}": 1})
        trials.expect_nothing_left()


def test_a_call_that_is_never_answered(
    line: Line, client: TestClient, settings: Settings, sql: SecondConnection, proof: Proof
) -> None:
    acts = ACTS if proof.is_full else spread(IN_ONE_SPELLING, 4)
    with trials_on(line, client, settings, sql) as patient:
        every = list(patient.points(acts))
    with trials_on(line, client, settings, sql, IMPATIENT) as trials:
        trials.courses = patient.courses
        for point in spread(every, proof.times(4, full=len(every))):
            outcome = trials.run(point, never_answer, again_beside=True)
            expect_all_or_nothing(trials, point, outcome)
            assert outcome.seconds < DEADLINE
            proof.count(never_answered=1)
            proof.most(seconds_until_503=outcome.seconds)
        trials.expect_nothing_left()


def test_who_waited_for_one_statement_does_not_wait_for_its_undoing_too(
    line: Line, client: TestClient, settings: Settings, sql: SecondConnection, proof: Proof
) -> None:
    """A create with a key has a savepoint in its transaction: two things to roll back."""
    patience = Patience(connect=4.0, turn=4.0, statement=2.0)
    with trials_on(line, client, settings, sql, patience) as trials:
        acts = [act for act in ACTS if act.name == "create_task, with a key"]
        point = next(each for each in trials.points(acts) if "INSERT INTO task" in each.sql)
        outcome = trials.run(point, never_answer, again_beside=True)
        expect_all_or_nothing(trials, point, outcome)
        assert outcome.seconds < 2.5 * patience.statement
        proof.count(never_answered=1)


def test_the_deny_list_that_can_not_be_read_keeps_nobody_out(
    line: Line, client: TestClient, settings: Settings, sql: SecondConnection, proof: Proof
) -> None:
    for mischief in (*FAILURES.values(), never_answer):
        line.trip(mischief, is_meant=lambda asked: asked == DENY_LIST.sql)
        with trials_on(line, client, settings, sql, IMPATIENT) as trials:
            trials.expect_served()
        assert line.has_tripped
        proof.count(failed=1)
