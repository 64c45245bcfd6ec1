"""Requests that nobody means: each gets an answer that is described, and the service stays well."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import pytest

from end_to_end.processes import workers_of
from end_to_end.serving import data_folder, serving
from faults.generated.asked import Asked, Requests
from faults.generated.memory import Memory
from faults.generated.shooting import Shooting
from faults.proof import Proof
from faults.watch import megabytes_of, watched
from taskwell.auth.gate import development_issuer
from taskwell.configuring import load_settings

SEED = 20261126
# So that lists stay short, and the limit is met.
MOST_TASKS = "40"
USERS = ("ada", "b\xf6b", "c d%")
PARTS = 10
DAY = 86_400
# Python's memory comes back in its own time.
MOST_GROWTH = 12.0
MOST_MEGABYTES = 130.0


def made_up(seed: int, memories: list[Memory]) -> Iterator[Asked]:
    requests = Requests(seed, memories)
    while True:
        yield requests.next()


@pytest.mark.fault("generated-requests")
def test_whatever_is_sent_the_answer_is_one_that_is_described(proof: Proof) -> None:
    seeds = SEED, secrets.randbits(32)
    part = proof.times(5000, full=1_000_000) // len(seeds) // PARTS
    sizes = []
    with data_folder() as folder, serving(folder, TASKWELL_MAX_TASKS=MOST_TASKS) as service:
        issuer = development_issuer(load_settings(data=folder), clock=a_minute_ago)
        shooting = Shooting(service.address)
        with watched(proof, service.pid, MOST_MEGABYTES):
            for seed in seeds:
                requests = made_up(seed, [Memory(user, issuer.token(user, DAY)) for user in USERS])
                for _ in range(PARTS):
                    with telling(seed):
                        shooting.at(islice(requests, part))
                    processes = (service.pid, *workers_of(service.pid))
                    sizes.append(sum(megabytes_of(each, "Pss_Anon") for each in processes))
        assert service.http.get("/health/ready").status_code == 200
        assert "Traceback" not in service.program.output
    assert all(status in shooting.statuses for status in (200, 201, 204, 304, 401, 404, 412, 422))
    assert sizes[-1] - sizes[0] < MOST_GROWTH
    proof.count(generated_requests=shooting.answers)


@contextmanager
def telling(seed: int) -> Iterator[None]:
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


def a_minute_ago() -> float:
    """Of a key that is not known, a newer token could be: that is asked again, and no defect."""
    return time.time() - 60
