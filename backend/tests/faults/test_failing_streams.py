"""What the service asks the database for the sake of open streams fails: they stay open, and are
told all the same."""

from __future__ import annotations

import pytest

from end_to_end.processes import await_that
from end_to_end.serving import Serving, data_folder, serving
from end_to_end.test_events import Events, listening
from faults.line import Line
from faults.mischief import FAILURES, never_answer
from faults.proof import Proof
from second_connection import SecondConnection
from taskwell.queries.upkeep import NUDGE, REVISIONS

pytestmark = pytest.mark.fault("fail-each-call")


LISTENERS = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"


def test_a_stream_is_told_though_calls_fail(
    line: Line, sql: SecondConnection, proof: Proof
) -> None:
    failures = list(FAILURES.values())
    with data_folder() as folder, serving(folder, DATABASE_URL=line.url) as service:
        for mischief in [*failures, never_answer][: proof.times(1, full=len(failures) + 1)]:
            # With the last stream goes the connection that listens.
            await_that(lambda: sql.value(LISTENERS) == 0)
            line.trip(mischief, is_meant=lambda asked: asked.startswith("LISTEN"))
            with listening(service) as events:
                assert events.next() is not None
                await_that(lambda: line.has_tripped)
                for statement in (REVISIONS, NUDGE):
                    line.trip(mischief, is_meant=statement.sql.__eq__)
                    expect_told_of_write(service, events)
                    await_that(lambda: line.has_tripped)
                    expect_told_of_write(service, events)
                    proof.count(failed=1)


def expect_told_of_write(service: Serving, events: Events) -> None:
    rev = service.http.post("/tasks", json={"text": "News"}).json()["rev"]
    while (event := events.next()) is not None:
        if event["id"].endswith(f".{rev}"):
            return
    pytest.fail("the stream ended")
