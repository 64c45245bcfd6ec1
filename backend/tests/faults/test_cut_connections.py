"""The connection to the database is cut at every call of every operation: what was asked for is
done once or not at all, and whoever sends it again gets it done once."""

from __future__ import annotations

from itertools import product

import pytest
from starlette.testclient import TestClient

from faults.acts import ACTS, IN_ONE_SPELLING
from faults.line import Line
from faults.mischief import cut_after, cut_before, cut_in_answer
from faults.proof import Proof
from faults.trials import expect_all_or_nothing, spread, trials_on
from second_connection import SecondConnection
from taskwell.config import Settings

pytestmark = pytest.mark.fault("cut-after-commit")

CUTS = (cut_before, cut_after, cut_in_answer)


def test_what_was_cut_off_is_done_once_or_not_at_all(
    line: Line, client: TestClient, settings: Settings, sql: SecondConnection, proof: Proof
) -> None:
    with trials_on(line, client, settings, sql) as trials:
        points = list(trials.points(ACTS if proof.is_full else IN_ONE_SPELLING))
        every = list(product(points, CUTS))
        # Done, and nobody hears of it: that is always tried, and the rest in parts.
        done = [(point, cut_after) for point in points if trials.does_it(point)]
        for point, cut in (*done, *spread(every, proof.times(15, full=len(every)))):
            outcome = trials.run(point, cut)
            expect_all_or_nothing(trials, point, outcome)
            is_done = outcome.state == trials.courses[point.act.name].after
            if point.act.writes and outcome.answer.status_code == 503:
                proof.count(told_503_and_done=is_done, told_503_and_not_done=not is_done)
            proof.count(cuts=1)
        proof.count(operations=len(trials.courses))
        trials.expect_nothing_left()
