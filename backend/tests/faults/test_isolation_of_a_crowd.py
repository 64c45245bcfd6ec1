"""Ten users, each trying everything with everybody's ids, tags, cursors and keys: nobody sees,
changes or learns of anything of another's."""

from __future__ import annotations

import random
import secrets

import pytest

from faults.proof import Proof
from faults.ten_users import Crowd
from faults.thieves import THEFTS, steal
from syncing.player import MOST_TASKS
from syncing.service import Service
from syncing.world import World
from taskwell.config import Settings

SEED = 20261126
STEPS = [
    *[steal] * 10,
    *[World.write] * 6,
    *[World.act] * 3,
    *(World.send, World.pull, World.receive_late, World.purge),
]
# After so many steps everybody's data is compared with what it should be.
OFTEN = 500


@pytest.mark.fault("isolation")
def test_nobody_learns_of_anybody_else(settings: Settings, proof: Proof) -> None:
    seeds = SEED, secrets.randbits(32)
    steps = proof.times(1500, full=100_000) // len(seeds)
    with Service(settings, MOST_TASKS) as service:
        for seed in seeds:
            crowd = Crowd(service)
            walk(crowd, seed, steps)
            crowd.expect_what_it_should_be()
            proof.count(
                steps=steps,
                answers_looked_through=crowd.ledger.answers,
                thefts=sum(crowd.seen[theft.__name__] for theft in set(THEFTS)),
                leaks=0,
            )
            assert all(crowd.seen[theft.__name__] for theft in THEFTS), "one was never tried"


def walk(crowd: Crowd, seed: int, steps: int) -> None:
    """Fails with what is needed to take the same way again."""
    for number in range(1, steps + 1):
        pick = random.Random(f"{seed} {number}").choice
        step = pick(STEPS)
        try:
            step(crowd, pick)
            if number % OFTEN == 0:
                crowd.expect_what_it_should_be()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {number}, {step.__name__}: {error}") from error
