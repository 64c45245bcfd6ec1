"""How long a run takes: a short form for a developer, a long one for a release."""

from __future__ import annotations

from dataclasses import dataclass

from comparison.contender import Scale
from comparison.rounds import Plan

EVERYBODY = Scale()
MANY = Scale(users=10_000, tasks_per_user=1_000)
FEW = Scale(users=10_000, tasks_per_user=10)
# As many tasks as FEW, of fewer users, so that their pages are full.
FEW_WITH_PAGES = Scale(users=2_000, tasks_per_user=50)


@dataclass(frozen=True, slots=True)
class Form:
    name: str
    rounds: Plan
    # Seconds of each scene, and how often.
    paced: float
    closed: float
    repeats: int
    # The scenes of the peers too, and the cost as data grows.
    peers: bool
    growth: Plan | None
    starts: int


SHORT = Form(
    name="short",
    rounds=Plan(rounds=3, seconds=2, warm_up=1, always_warm_up=False, users=1_000),
    paced=12,
    closed=5,
    repeats=1,
    peers=False,
    growth=None,
    starts=3,
)
RELEASE = Form(
    name="release",
    rounds=Plan(rounds=7, seconds=5, warm_up=2, always_warm_up=True, users=10_000),
    paced=30,
    closed=15,
    repeats=3,
    peers=True,
    growth=Plan(rounds=5, seconds=5, warm_up=4, always_warm_up=True, users=2_000),
    starts=7,
)
