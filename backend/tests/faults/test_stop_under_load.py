"""SIGTERM while 256 connections are at work, which are kept open and used again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from end_to_end.serving import data_folder, database_url
from faults.load import Load, Loss
from faults.places import Places
from faults.proof import Proof
from faults.reborn import Reborn, Span

CLIENTS = 256
FEWER_CLIENTS = 64
READS = 14
INSTANCES = 2
# With 200 stops and 50 rolling restarts these are 1,000,000.
REQUESTS_PER_STOP = 4000
REQUESTS_PER_RESTART = 4000
# Enough for each connection to be in use.
SOME_REQUESTS = 400


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


def expect_no_failure(load: Load, ends: list[Span], proof: Proof) -> None:
    """Of HTTP/1.1 a client can't ask more: who sends just when the server closes is not heard. All
    of these were sent again, on a new connection, and answered."""
    tally = load.tally
    assert tally.wrong == []
    assert tally.cut_off == 0
    # Beside other tests a disk may keep somebody waiting for too long.
    assert not (proof.is_full and tally.unavailable)
    at_once = 1.0 if proof.is_full else 10.0
    outside = [loss for loss in tally.losses if not any(met(loss, end, at_once) for end in ends)]
    assert outside == []
    proof.count(
        requests=tally.successes,
        failed=0,
        met_the_close_of_their_connection=len(tally.losses),
        of_them_on_a_new_connection=sum(not loss.was_used_before for loss in tally.losses),
    )
    proof.most(
        seconds_of_an_answer=tally.slowest,
        seconds_of_a_stop=max(end.ended - end.began for end in ends),
    )


def met(loss: Loss, end: Span, at_once: float) -> bool:
    """The close came while the service was ending, and at the moment at which it was asked."""
    return end.began <= loss.closed <= end.ended and loss.closed - loss.asked < at_once


@pytest.mark.fault("stop-under-load")
def test_no_request_fails_for_the_end_of_the_service(folder: Path, proof: Proof) -> None:
    stops = proof.times(1, full=200)
    requests = REQUESTS_PER_STOP if proof.is_full else SOME_REQUESTS
    with Reborn(folder, proof) as reborn:
        with Load(Places(reborn.address), folder, CLIENTS, reads=READS) as load:
            for stop in range(1, stops + 1):
                load.await_successes(SOME_REQUESTS)
                assert reborn.stop() == 0
                reborn.start()
                load.await_total(stop * requests)
                proof.count(stops=1)
        there = load.expect_all_there_once(database_url(folder))
        expect_no_failure(load, reborn.ends, proof)
        proof.count(acknowledged_and_there_once=there, refused_between=load.tally.refused)
        assert reborn.stop() == 0


@pytest.mark.fault("rolling-restart")
def test_no_request_fails_for_a_rolling_restart(
    folder: Path, database_url: str, proof: Proof
) -> None:
    restarts = proof.times(1, full=50)
    clients = CLIENTS if proof.is_full else FEWER_CLIENTS
    requests = REQUESTS_PER_RESTART if proof.is_full else SOME_REQUESTS
    with ExitStack() as stack:
        settings = {"DATABASE_URL": database_url, "TASKWELL_POOL_SIZE": "5"}
        instances = [
            stack.enter_context(Reborn(folder, proof, **settings)) for _ in range(INSTANCES)
        ]
        places = Places(*(instance.address for instance in instances))
        with Load(places, folder, clients, reads=READS) as load:
            for restart in range(1, restarts + 1):
                for instance in instances:
                    load.await_successes(SOME_REQUESTS // INSTANCES)
                    assert instance.stop() == 0
                    instance.start()
                    places.await_ready(INSTANCES)
                load.await_total(restart * requests)
                proof.count(rolling_restarts=1)
        there, refused = load.expect_all_there_once(database_url), load.tally.refused
        expect_no_failure(load, [end for each in instances for end in each.ends], proof)
        # An instance without connections does not wait for more of them.
        proof.count(acknowledged_and_there_once=there, refused_and_served_by_the_other=refused)
        for instance in instances:
            assert instance.stop() == 0
