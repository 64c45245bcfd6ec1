"""Who asks for what: drawn at random, and drawn alike for every contender of a round."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from comparison.contender import Contender, Operation, Scale
from comparison.load import encode

# Never twice, in this and in all later runs on the same data.
SERIALS = count(time.time_ns() // 1000)
CHANGING = frozenset({Operation.CREATE, Operation.TOGGLE, Operation.SYNC_CHANGES})


@dataclass(frozen=True, slots=True)
class Work:
    name: str
    # How often each comes, in proportion.
    parts: Mapping[Operation, int]

    @property
    def writes(self) -> bool:
        return not CHANGING.isdisjoint(self.parts)

    def is_for(self, contender: Contender) -> bool:
        return contender.operations.issuperset(self.parts)


MIX = Work(
    "the mix",
    {Operation.READ: 60, Operation.PAGE: 30, Operation.CREATE: 5, Operation.TOGGLE: 5},
)
# With which a user comes by for the first time.
GREETING = Work("greeting", {Operation.READ: 1})
# What writes comes last.
WORKS = (
    *(Work(operation, {operation: 1}) for operation in Operation if operation not in CHANGING),
    *(Work(operation, {operation: 1}) for operation in Operation if operation in CHANGING),
    MIX,
)


def active_users(scale: Scale, many: int) -> list[int]:
    """Of all who have data, those who ask: the same in every round."""
    return random.Random("active").sample(range(scale.users), min(many, scale.users))


def draw(
    contender: Contender,
    port: int,
    work: Work,
    scale: Scale,
    many: int,
    seed: str,
    users: Sequence[int] | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Users are dealt from a shuffled deck, so that none comes again soon."""
    chance = random.Random(f"{work.name} {seed}")
    operations = chance.choices(list(work.parts), list(work.parts.values()), k=many)
    contender.catch_up()
    for operation, user in zip(
        operations, _deal(chance, users or range(scale.users)), strict=False
    ):
        task = chance.randrange(scale.tasks_per_user)
        request = contender.request(operation, user, task, next(SERIALS))
        yield kind_of(operation), encode(request, port)


def draw_for_each(
    contender: Contender, port: int, scale: Scale, connections: int, turns: int, seed: str
) -> Iterator[tuple[str, bytes]]:
    """The mix, for connections that take turns and belong to a user each."""
    chance = random.Random(f"users {seed}")
    users = chance.sample(range(scale.users), connections)
    contender.catch_up()
    for _ in range(turns):
        operations = chance.choices(list(MIX.parts), list(MIX.parts.values()), k=connections)
        for operation, user in zip(operations, users, strict=True):
            task = chance.randrange(scale.tasks_per_user)
            request = contender.request(operation, user, task, next(SERIALS))
            yield kind_of(operation), encode(request, port)


def kind_of(operation: Operation) -> str:
    return "write" if operation in CHANGING else "read"


def _deal(chance: random.Random, users: Sequence[int]) -> Iterator[int]:
    deck = list(users)
    while True:
        chance.shuffle(deck)
        yield from deck
