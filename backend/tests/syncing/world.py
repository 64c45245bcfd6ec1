"""Devices, a browser tab, a second user and the passing of time, in any order.

Each step picks what it is about from lists of choices; who picks is whoever drives the world:
chance in a long run, hypothesis where a failure shall be made small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

from syncing.device import Device
from syncing.model import GREATEST
from syncing.player import MOST_TASKS, Player
from syncing.service import Service

T = TypeVar("T")

IDS = [str(UUID(int=nth << 64 | 7)) for nth in range(8)]
OTHERS = [str(UUID(int=nth << 96 | 7)) for nth in range(1, 22)]
# With the largest one more fits, and with the others all.
CROWDS = [[], IDS[:5], IDS, IDS, IDS[:2] + OTHERS]

_TEXTS = [{"text": text} for text in ("milk", "bread", "Käse", "100 %")]
_STATES: list[dict[str, Any]] = [{}, {"completed": True}, {"completed": False}]
_ORDERS: list[dict[str, Any]] = [{}, *({"order": n} for n in (0, 1, 2, 5, GREATEST, -GREATEST))]
_WHOLE = [t | s | o for t in _TEXTS for s in _STATES for o in _ORDERS]
_SOME = [t | s | o for t in ({}, *_TEXTS) for s in _STATES for o in _ORDERS]
_ONE = [*_TEXTS, *_STATES[1:], *_ORDERS[1:]]
_PLACES = [{"to": "first"}, {"to": "last"}]
_PLACES += [{side: task} for side in ("before", "after") for task in IDS]

# What each can say. An update may name nothing to change, which the service refuses.
DEEDS: dict[str, Sequence[dict[str, Any]]] = {
    "create": _WHOLE,
    "update": [{}, *_ONE * 4, *_SOME[1:]],
    "complete": _STATES[1:],
    "move": _PLACES,
    "delete": [{}],
    "restore": _SOME,
}
WRITES: dict[str, Sequence[dict[str, Any]]] = {
    "create": _WHOLE,
    "patch": _SOME[1:],
    "put": _WHOLE,
    "toggle": [{}],
    "move": _PLACES,
    "delete": [{}],
    "restore": [{}],
    "clear": [{}],
}
DEED = ["create", "create", "update", "update", "complete", "move", "move", "delete", "restore"]
# The first user has most of the devices.
USERS = [0, 0, 0, 1]
# Two of them do most of the work, so that they meet.
DEVICES = [0, 1] * 6 + list(range(2, 10))
LIMITS = [1, 2, 7, 1000]
RARE = ["list"] * 8 + ["export", "import"] * 3 + ["restart", "restart", "erase"]


class Pick(Protocol):
    def __call__(self, choices: Sequence[T], /) -> T: ...


class World:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.seen: Counter[str] = Counter()
        self.players = [
            Player(service, name, many, self.seen) for name, many in (("ann", 10), ("ben", 2))
        ]
        self.exports: list[Any] = []

    def begin(self, pick: Pick) -> None:
        """Some of the tasks are there already, alone or among others with no room between."""
        for player, crowds in zip(self.players, (CROWDS, CROWDS[:3]), strict=True):
            for nth, task_id in enumerate(pick(crowds)):
                player.write("create", task_id, {"text": "crowd", "order": nth}, None)

    def act(self, pick: Pick) -> None:
        """Some are confused, and give to what they do a name that something else has already."""
        player, device = self._anybody(pick)
        is_confused = pick([False] * 9 + [True])
        for _ in range(pick([1, 2, 3, 4, 5])):
            kind = pick(DEED)
            op_id = player.last_op_id if is_confused else player.new_op_id()
            device.act(op_id, kind, pick(IDS), pick(DEEDS[kind]), pick([False, False, True]))
        arrives = pick(["offline", "offline", "now", "now", "later", "never"])
        if arrives != "offline" and not device.is_waiting:
            self._send(player, device, 9, 1000, False, arrives)

    def send(self, pick: Pick) -> None:
        player, device = self._anybody(pick)
        if not device.is_waiting:
            arrives = pick(["now", "now", "later", "never"])
            is_atomic = pick([False, False, True])
            self._send(player, device, pick(range(1, 10)), pick(LIMITS), is_atomic, arrives)

    def receive_late(self, pick: Pick) -> None:
        waiting = [each for player in self.players for each in player.devices if each.is_waiting]
        if waiting:
            device = pick(waiting)
            if pick([True, True, True, False]):
                device.receive()
            else:
                device.lose()

    def pull(self, pick: Pick) -> None:
        player, device = self._anybody(pick)
        if not device.is_waiting:
            player.pull(device, pick(LIMITS))
            if pick([True, True, False]):
                device.receive()
            else:
                device.lose()

    def write(self, pick: Pick) -> None:
        player, _ = self._anybody(pick)
        verb = pick(list(WRITES))
        task, body = pick(IDS), pick(WRITES[verb])
        key = pick([None, None, "k1", "k2", "k3"])
        for _ in range(1 if key is None else pick([1, 2])):
            player.write(verb, task, body, key)

    def purge(self, pick: Pick) -> None:
        player, _ = self._anybody(pick)
        chosen = {task for task in IDS if pick([False, True])}
        chosen &= {task.id for task in player.server.account.tasks.values() if task.deleted}
        player.server.account.purge(chosen)
        self.service.purge(player.user_id, chosen)
        self.seen["purged"] += len(chosen)
        player.agrees_with_database()

    def meanwhile(self, pick: Pick) -> None:
        """What is rare, but every device has to get over it."""
        player, device = self._anybody(pick)
        match what := pick(RARE):
            case "list" if not device.is_waiting:
                player.begin_with_list(device)
            case "export":
                self.exports.append(player.export())
            case "import" if self.exports:
                player.bring_back(*pick(self.exports))
            case "restart":
                self.service.restart()
            case "erase":
                player.erase()
            case _:
                return
        self.seen[what] += 1

    def all_come_back(self) -> None:
        for player in self.players:
            player.all_come_back()
            player.agrees_with_database()

    def vanish(self) -> None:
        for player in self.players:
            player.user.delete("/me")

    def _anybody(self, pick: Pick) -> tuple[Player, Device]:
        player = self.players[pick(USERS)]
        return player, player.device(pick(DEVICES))

    def _send(
        self, player: Player, device: Device, most: int, limit: int, atomic: bool, arrives: str
    ) -> None:
        player.send(device, most, limit, atomic=atomic)
        self.seen[f"answers that come {arrives}"] += 1
        if arrives == "now":
            device.receive()
        elif arrives == "never":
            device.lose()


# As often as they are in the list.
STEPS = [
    *[World.act] * 6,
    *[World.send] * 3,
    *[World.receive_late] * 2,
    *[World.pull] * 3,
    *[World.write] * 4,
    *[World.meanwhile] * 2,
    World.purge,
]

assert len(CROWDS[-1]) == MOST_TASKS - 1, "the limit has to be met"
