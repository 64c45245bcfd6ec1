"""What a client remembers of the answers it got, so that what it makes up is near to the truth."""

from __future__ import annotations

import random
from collections import deque

from contract.wire import Answer
from faults.generated.values import CANARY, a_uuid

_MOST = 40
# Of what was read last, since anything else has mostly changed meanwhile.
_MOST_READ = 5


class Memory:
    def __init__(self, user_id: str, token: str) -> None:
        self.user_id = user_id
        self.token = token
        self.rev = 1
        self.tags: deque[str] = deque(['"."'], maxlen=_MOST)
        self.links: deque[str] = deque(["/tasks?limit=1"], maxlen=_MOST)
        # Targets, each with the tag of its answer.
        self.read: deque[tuple[str, str]] = deque(maxlen=_MOST_READ)
        self.sync_cursors: deque[str] = deque(["."], maxlen=_MOST)
        self._ids: deque[str] = deque(maxlen=_MOST)
        self._operations: deque[str] = deque(maxlen=_MOST)

    def some_id(self, chance: random.Random) -> str:
        """Mostly of a task that was there once, else one that is about to be."""
        if not self._ids or chance.random() < 0.1:
            self._ids.append(a_uuid(chance))
        return chance.choice(self._ids)

    def some_operation(self, chance: random.Random) -> str:
        if not self._operations or chance.random() < 0.8:
            self._operations.append(a_uuid(chance))
        return chance.choice(self._operations)

    def some_sync_cursor(self, chance: random.Random) -> str:
        cursor = chance.choice(self.sync_cursors)
        if chance.random() < 0.3:
            place = chance.randrange(len(cursor) + 1)
            return cursor[:place] + chance.choice(("", "0", ".", "9" * 18, CANARY)) + cursor[place:]
        return cursor

    def learn(self, target: str, answer: Answer, *, by_reading: bool) -> None:
        for name, value in answer.headers:
            if name == "etag":
                self.tags.append(value)
                if by_reading:
                    self.read.append((target, value))
                found = value.strip('"').split(".")
                self.rev = int(found[1]) if found[1:2] and found[1].isdecimal() else self.rev
            elif name == "link":
                self.links.append(value.partition(">")[0].removeprefix("<"))
            elif name == "x-sync-cursor":
                self.sync_cursors.append(value)
            elif name == "location":
                self._ids.append(value.rpartition("/")[2])
