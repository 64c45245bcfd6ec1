"""Whatever devices do and whatever happens to them: in the end all show the same, which is what a
model in plain Python says.

TASKWELL_SEED, TASKWELL_SEQUENCES and TASKWELL_STEPS are for a longer run: scripts/converge.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as rules_of_hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from syncing.player import MOST_TASKS
from syncing.progress import Progress
from syncing.sequence import Sequence
from syncing.service import Service
from syncing.world import Pick, World
from taskwell.config import Settings

SEQUENCES = int(os.environ.get("TASKWELL_SEQUENCES", "20"))
STEPS = int(os.environ.get("TASKWELL_STEPS", "40"))
SEED = int(os.environ.get("TASKWELL_SEED", secrets.randbits(32)))
PIPE = os.environ.get("TASKWELL_PROGRESS")

EFFORT = rules_of_hypothesis(
    max_examples=8,
    stateful_step_count=30,
    deadline=None,
    database=None,
    # Making a failure small takes minutes: only when asked for, with the seed of the failure.
    phases=(Phase.generate, Phase.shrink) if "TASKWELL_SEED" in os.environ else (Phase.generate,),
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


@pytest.fixture(scope="module")
def service(settings: Settings) -> Iterator[Service]:
    with Service(settings, MOST_TASKS) as service:
        yield service


def test_devices_converge(service: Service) -> None:
    progress = Progress(int(PIPE) if PIPE else None)
    for nth in range(SEQUENCES):
        Sequence(service, SEED + nth, STEPS, progress).run()


class Machine(RuleBasedStateMachine):
    """The same world, with hypothesis to look for what chance does not come to."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.world = World(service)

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.world.begin(picking(data))

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        self.world.act(picking(data))

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        self.world.send(picking(data))

    @rule(data=st.data())
    def receive_late(self, data: st.DataObject) -> None:
        self.world.receive_late(picking(data))

    @rule(data=st.data())
    def pull(self, data: st.DataObject) -> None:
        self.world.pull(picking(data))

    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        self.world.write(picking(data))

    @rule(data=st.data())
    def meanwhile(self, data: st.DataObject) -> None:
        self.world.meanwhile(picking(data))

    @rule(data=st.data())
    def purge(self, data: st.DataObject) -> None:
        self.world.purge(picking(data))

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            self.world.all_come_back()
        self.world.vanish()


def picking(data: st.DataObject) -> Pick:
    return lambda choices: data.draw(st.sampled_from(choices))


def test_hypothesis_finds_no_way_to_diverge(service: Service) -> None:
    @seed(SEED)
    class Here(Machine):
        def __init__(self) -> None:
            super().__init__(service)

    run_state_machine_as_test(Here, settings=EFFORT)
