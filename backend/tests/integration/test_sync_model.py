"""Whatever devices do and whatever happens to them: in the end all show the same, which is what a
model in plain Python says.

TASKWELL_SEQUENCES, TASKWELL_STEPS and TASKWELL_SEED are for a longer run: scripts/converge.
"""

from __future__ import annotations

import os
import secrets
import sys

from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as rules_of_hypothesis
from hypothesis.stateful import run_state_machine_as_test

from syncing.player import MOST_TASKS
from syncing.service import Service
from syncing.world import World
from taskwell.config import Settings

SEQUENCES = int(os.environ.get("TASKWELL_SEQUENCES", "12"))
STEPS = int(os.environ.get("TASKWELL_STEPS", "40"))
SEED = int(os.environ.get("TASKWELL_SEED", secrets.randbits(32)))


# Making a failure smaller takes minutes: only when asked for, with the seed of the failure.
PHASES = (Phase.generate, Phase.shrink) if "TASKWELL_SEED" in os.environ else (Phase.generate,)
EFFORT = rules_of_hypothesis(
    max_examples=SEQUENCES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    phases=PHASES,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


def test_devices_converge(settings: Settings) -> None:
    sys.stdout.write(f"TASKWELL_SEED={SEED}\n")
    with Service(settings, MOST_TASKS) as service:

        @seed(SEED)
        class ThisWorld(World):
            def __init__(self) -> None:
                super().__init__(service)

        run_state_machine_as_test(ThisWorld, settings=EFFORT)
