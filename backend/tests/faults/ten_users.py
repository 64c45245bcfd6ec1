"""Ten users with the same ids, keys and op_ids, and what each must never be told of the others.

Each has a model of their own (`syncing`), so that a change by anybody else is noticed, and a word
that is in all of their texts. A thief has all that was ever told to a victim.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from typing import Any

from httpx2 import Response

from api_user import ApiUser
from syncing.device import Device
from syncing.player import Player
from syncing.service import Service
from syncing.world import World

MOST = 10
_TAG = re.compile(r'"([A-Za-z0-9_-]{16})\.\d+')
# Of each kind of loot, the last ones.
KEPT = 8


class Ledger:
    """What is whose: an answer with something of another's in it is a leak."""

    def __init__(self) -> None:
        self._secrets: dict[str, set[str]] = {}
        self._others: dict[str, re.Pattern[str]] = {}
        self.answers = 0

    def add(self, owner: str, secret: str) -> None:
        known = self._secrets.setdefault(owner, set())
        if secret not in known:
            known.add(secret)
            self._others.clear()

    def hold(self, asking: str, response: Response) -> None:
        self.answers += 1
        others = self._others.get(asking)
        if others is None:
            found = [
                each for owner, held in self._secrets.items() if owner != asking for each in held
            ]
            others = self._others[asking] = re.compile("|".join(map(re.escape, found)) or r"(?!)")
        told = f"{response.headers.raw!r}{response.text}"
        leak = others.search(told)
        if leak is not None:
            raise AssertionError(f"a leak to {asking}: {leak[0]} in {told}")


class Watched(ApiUser):
    ledger: Ledger
    loot: dict[str, list[str]]

    def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> Response:
        response = super().request(method, path, headers=headers, **kwargs)
        for name, kind in (("etag", "tag"), ("link", "page"), ("x-sync-cursor", "cursor")):
            if (told := response.headers.get(name)) is not None:
                self._keep(kind, told)
        self.ledger.hold(self.user_id, response)
        return response

    def _keep(self, kind: str, told: str) -> None:
        kept = self.loot[kind]
        kept.append(told)
        del kept[:-KEPT]
        if (epoch := _TAG.match(told)) is not None:
            self.ledger.add(self.user_id, epoch[1])


class Person(Player):
    def __init__(self, service: Service, name: str, seen: Counter[str], ledger: Ledger) -> None:
        self.word = f"{name}{secrets.token_hex(6)}"
        self.ledger = ledger
        self.loot: dict[str, list[str]] = {"tag": [], "page": [], "cursor": []}
        super().__init__(service, name, 0, seen)
        self.devices = [_Device(self.user, word=self.word) for _ in range(2)]
        ledger.add(self.user_id, self.word)
        ledger.add(self.user_id, f'"{self.user_id}"')

    @property
    def user(self) -> ApiUser:
        user = Watched(self._service.client, self.user_id, self._token)
        user.ledger, user.loot = self.ledger, self.loot
        return user

    def write(self, verb: str, task_id: str, body: dict[str, Any], key: str | None) -> None:
        super().write(verb, task_id, marked(body, self.word), key)


class _Device(Device):
    def __init__(self, user: ApiUser, word: str) -> None:
        super().__init__(user)
        self._word = word

    def act(self, op_id: str, kind: str, task_id: str, values: dict[str, Any], bold: bool) -> None:
        super().act(op_id, kind, task_id, marked(values, self._word), bold)


def marked(values: dict[str, Any], word: str) -> dict[str, Any]:
    return {**values, "text": f"{values['text']} {word}"} if "text" in values else values


class Crowd(World):
    def __init__(self, service: Service) -> None:
        self.service = service
        self.seen = Counter()
        self.ledger = Ledger()
        self.people = [
            Person(service, f"person-{place}-", self.seen, self.ledger) for place in range(MOST)
        ]
        self.players = list(self.people)
        self.exports = []

    def expect_what_it_should_be(self) -> None:
        for person in self.people:
            person.agrees_with_database()

    def _anybody(self, pick: Any) -> tuple[Player, Device]:
        player = pick(self.people)
        return player, pick(player.devices)
