"""Devices, a browser tab, a second user and the passing of time, in any order."""

from __future__ import annotations

import secrets
import sys
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from syncing.model import GREATEST
from syncing.player import MOST_TASKS, Player
from syncing.service import Service

IDS = [str(UUID(int=nth << 64 | 7)) for nth in range(8)]
TEXTS = st.sampled_from(["milk", "bread", "Käse", "100 %"])
ORDERS = st.sampled_from([0, 1, 2, 5, GREATEST, -GREATEST])
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "completed": st.booleans(),
    "order": ORDERS,
}
TASKS = st.sampled_from(IDS)
PLACES = st.one_of(
    st.builds(lambda where: {"to": where}, st.sampled_from(["first", "last"])),
    st.builds(lambda side, task: {side: task}, st.sampled_from(["before", "after"]), TASKS),
)
SOME = st.fixed_dictionaries({}, optional=MEMBERS)
WHOLE = st.fixed_dictionaries(
    {"text": TEXTS}, optional={name: MEMBERS[name] for name in ("completed", "order")}
)
DONE = st.fixed_dictionaries({"completed": st.booleans()})
DEEDS = st.one_of(
    st.tuples(st.just("create"), WHOLE),
    st.tuples(st.just("update"), SOME.filter(bool)),
    st.tuples(st.just("complete"), DONE),
    st.tuples(st.just("move"), PLACES),
    st.tuples(st.just("delete"), st.just({})),
    st.tuples(st.just("restore"), SOME),
)
WRITES = st.one_of(
    st.tuples(st.just("create"), WHOLE),
    st.tuples(st.just("patch"), SOME.filter(bool)),
    st.tuples(st.just("toggle"), st.just({})),
    st.tuples(st.just("move"), PLACES),
    st.tuples(st.sampled_from(["delete", "restore", "clear"]), st.just({})),
)
# The first user has most of the devices.
USERS = st.sampled_from([0, 0, 0, 1])
# Two of them do most of the work, so that they meet.
DEVICES = st.sampled_from([0, 1] * 6 + list(range(2, 10)))


class World(RuleBasedStateMachine):
    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service
        self.players = [
            Player(service, f"{name}-{secrets.token_hex(8)}", many)
            for name, many in (("ann", 10), ("ben", 2))
        ]
        self.exports: list[Any] = []

    @initialize(crowd=st.sampled_from([0, 5, 8, 23]))
    def begin(self, crowd: int) -> None:
        """Some of the tasks are there already, alone or among others with no room between."""
        others = [str(uuid4()) for _ in range(crowd)]
        for nth, task_id in enumerate([*IDS, *others][:crowd]):
            body = {"text": "crowd", "order": nth}
            self.players[0].write("create", task_id, body, None)

    @rule(
        user=USERS,
        device=DEVICES,
        deeds=st.lists(st.tuples(DEEDS, TASKS, st.booleans()), min_size=1, max_size=5),
        arrives=st.sampled_from(["offline", "now", "now", "later", "never"]),
    )
    def act(
        self,
        user: int,
        device: int,
        deeds: list[tuple[tuple[str, dict[str, Any]], str, bool]],
        arrives: str,
    ) -> None:
        actor = self.players[user].device(device)
        for (kind, values), task, bold in deeds:
            actor.act(str(uuid4()), kind, task, values, bold)
        if arrives != "offline" and not actor.is_waiting:
            self._send(user, device, 9, 1000, False, arrives)

    @rule(
        user=USERS,
        device=DEVICES,
        most=st.integers(1, 9),
        limit=st.sampled_from([1, 2, 7, 1000]),
        atomic=st.sampled_from([False, False, True]),
        arrives=st.sampled_from(["now", "now", "later", "never"]),
    )
    def send(
        self, user: int, device: int, most: int, limit: int, atomic: bool, arrives: str
    ) -> None:
        if not self.players[user].device(device).is_waiting:
            self._send(user, device, most, limit, atomic, arrives)

    @rule(user=USERS, device=DEVICES)
    def receive_late(self, user: int, device: int) -> None:
        if self.players[user].device(device).is_waiting:
            self.players[user].device(device).receive()

    @rule(user=USERS, device=DEVICES, limit=st.sampled_from([1, 3, 1000]), arrives=st.booleans())
    def pull(self, user: int, device: int, limit: int, arrives: bool) -> None:
        player = self.players[user]
        puller = player.device(device)
        if not puller.is_waiting:
            player.pull(puller, limit)
            if arrives:
                puller.receive()
            else:
                puller.lose()

    @rule(user=USERS, device=DEVICES)
    def begin_with_list(self, user: int, device: int) -> None:
        player = self.players[user]
        if not player.device(device).is_waiting:
            player.begin_with_list(player.device(device))

    @rule(
        user=USERS,
        write=WRITES,
        task=TASKS,
        key=st.sampled_from([None, None, "k1", "k2", "k3"]),
        times=st.integers(1, 2),
    )
    def write(
        self, user: int, write: tuple[str, dict[str, Any]], task: str, key: str | None, times: int
    ) -> None:
        verb, body = write
        for _ in range(times if key else 1):
            self.players[user].write(verb, task, body, key)

    @rule(user=USERS, chosen=st.sets(TASKS))
    def purge(self, user: int, chosen: set[str]) -> None:
        player = self.players[user]
        deleted = {t.id for t in player.server.account.tasks.values() if t.deleted}
        player.server.account.purge(deleted & chosen)
        self.service.purge(player.user_id, deleted & chosen)
        player.agrees_with_database()

    @rule(user=USERS, sure=st.integers(0, 3))
    def erase(self, user: int, sure: int) -> None:
        if sure == 0:
            self.players[user].erase()

    @rule(user=USERS)
    def export(self, user: int) -> None:
        self.exports.append(self.players[user].export())

    @precondition(lambda self: self.exports)
    @rule(user=USERS, nth=st.integers(0, 100))
    def import_(self, user: int, nth: int) -> None:
        self.players[user].bring_back(*self.exports[nth % len(self.exports)])

    @rule(sure=st.integers(0, 3))
    def restart(self, sure: int) -> None:
        if sure == 0:
            self.service.restart()

    def _send(
        self, user: int, device: int, most: int, limit: int, atomic: bool, arrives: str
    ) -> None:
        sender = self.players[user].device(device)
        self.players[user].send(sender, most, limit, atomic=atomic)
        if arrives == "now":
            sender.receive()
        elif arrives == "never":
            sender.lose()

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            for player in self.players:
                player.all_come_back()
                player.agrees_with_database()
        for player in self.players:
            player.user.delete("/me")


assert MOST_TASKS == 24, "23 tasks and two more have to meet the limit"
