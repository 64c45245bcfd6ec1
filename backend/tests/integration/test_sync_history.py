"""Sixteen clients of one user at two instances of the service at once: one history comes out."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_user import ApiUser
from batches import operation
from newcomers import Newcomer
from running import running
from second_connection import SecondConnection
from taskwell.config import Settings

CLIENTS = 16
ROUNDS = 8
IDS = [str(UUID(int=nth)) for nth in range(1, 13)]


@dataclass
class Clerk:
    """A client that writes down what it saw. Some requests go out twice, elsewhere and at once."""

    here: ApiUser
    there: ApiUser
    chance: random.Random
    cursor: str | None = None
    seen: dict[str, list[int]] = field(default_factory=dict)
    revs: list[int] = field(default_factory=list)
    copy: dict[str, Any] = field(default_factory=dict)
    took_effect: Counter[str] = field(default_factory=Counter)
    keyed: dict[str, set[bytes]] = field(default_factory=dict)

    def work(self) -> None:
        for _ in range(ROUNDS):
            self._send([self._operation() for _ in range(self.chance.randint(1, 6))])
            self._write_under_a_key()
            self.pull(self.chance.choice([2, 5, 1000]))

    def pull(self, limit: int) -> None:
        has_more = True
        while has_more:
            since = "" if self.cursor is None else f"&since={self.cursor}"
            user = self.chance.choice([self.here, self.there])
            response = user.get(f"/sync?limit={limit}{since}")
            assert response.status_code == 200, response.text
            has_more = self._apply(response.json())

    def _apply(self, answer: dict[str, Any]) -> bool:
        revs = [change["rev"] for change in answer["changes"]]
        assert revs == sorted(set(revs))
        assert not revs or not self.revs or revs[0] > self.revs[-1], "told twice, or out of order"
        self.revs += revs
        for change in answer["changes"]:
            self.seen.setdefault(change["id"], []).append(change["rev"])
            if "deleted" in change:
                self.copy.pop(change["id"], None)
            else:
                self.copy[change["id"]] = change
        self.cursor = answer["cursor"]
        return bool(answer["has_more"])

    def _operation(self) -> dict[str, Any]:
        kind, values = self.chance.choice(
            [
                ("create", {"text": "made"}),
                ("update", {"text": secrets.token_hex(4)}),
                ("complete", {"completed": self.chance.random() < 0.5}),
                ("move", {"to": self.chance.choice(["first", "last"])}),
                ("move", {"after": self.chance.choice(IDS)}),
                ("delete", {}),
                ("restore", {}),
            ]
        )
        task_id = self.chance.choice(IDS)
        known = self.copy.get(task_id)
        base = {"base_rev": known["rev"]} if known and kind in ("update", "complete") else {}
        return operation(kind, task_id, set=values, **base)

    def _send(self, batch: list[dict[str, Any]]) -> None:
        sends = [self.here, self.there] if self.chance.random() < 0.5 else [self.here]
        request = {"operations": batch, "cursor": self.cursor}
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda user: user.post("/sync", request), sends))
        for answer in answers:
            assert answer.status_code == 200, answer.text
            for result in answer.json()["results"]:
                if result["status"] in ("applied", "merged"):
                    self.took_effect[result["op_id"]] += 1
        self._apply(answers[0].json())

    def _write_under_a_key(self) -> None:
        name, body = secrets.token_hex(8), {"text": f"keyed {secrets.token_hex(4)}"}
        headers = {"idempotency-key": name}
        with ThreadPoolExecutor(2) as pool:
            answers = list(
                pool.map(
                    lambda user: user.post("/tasks", body, headers=headers),
                    [self.here, self.there],
                )
            )
        assert {answer.status_code for answer in answers} == {201}
        assert ["idempotency-replayed" in answer.headers for answer in answers].count(True) == 1
        self.keyed[name] = {answer.content for answer in answers}


@pytest.fixture
def two_instances(
    settings: Settings, alice: ApiUser, newcomer: Newcomer
) -> Iterator[tuple[ApiUser, ApiUser]]:
    """The same user at both."""
    with running(settings) as one, running(settings) as other:
        users = newcomer(one, alice.user_id), newcomer(other, alice.user_id)
        for user in users:
            # The first request completes the routes, which two threads must not do at once.
            assert user.get("/tasks").json() == []
        yield users


def test_sixteen_clients_agree_on_one_history(
    two_instances: tuple[ApiUser, ApiUser], sql: SecondConnection
) -> None:
    seed = secrets.randbits(32)
    clerks = [
        Clerk(
            *(two_instances if nth % 2 else two_instances[::-1]), random.Random(seed + nth)
        )  # only variety
        for nth in range(CLIENTS)
    ]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for working in [pool.submit(clerk.work) for clerk in clerks]:
            working.result()
    user = two_instances[0]
    listed = user.get("/tasks").json()
    for clerk in clerks:
        clerk.pull(3)
        _agrees(clerk, listed)
    took_effect = sum((clerk.took_effect for clerk in clerks), Counter())
    assert set(took_effect.values()) == {1}, "an operation took effect twice"
    rows = sql.rows("SELECT op_id::text, rev FROM operation WHERE user_id = $1", user.user_id)
    assert {row["op_id"] for row in rows} == set(took_effect)
    changing = [row["rev"] for row in rows if row["rev"] > 0]
    assert len(changing) == len(set(changing)), "two operations share a revision"
    _keys_took_effect_once(clerks, user, sql)
    _books_balance(user, sql)


def _agrees(clerk: Clerk, listed: list[Any]) -> None:
    assert sorted(clerk.copy.values(), key=lambda t: (t["order"], t["id"])) == listed
    for revs in clerk.seen.values():
        assert revs == sorted(set(revs)), "the revisions of a task are no chain"


def _keys_took_effect_once(clerks: list[Clerk], user: ApiUser, sql: SecondConnection) -> None:
    contents = [content for clerk in clerks for content in clerk.keyed.values()]
    assert {len(content) for content in contents} == {1}
    query = "SELECT count(*) FROM task WHERE user_id = $1 AND text LIKE 'keyed %'"
    assert sql.value(query, user.user_id) == len(contents) == CLIENTS * ROUNDS
    assert sql.value("SELECT count(*) FROM receipt WHERE user_id = $1", user.user_id) == len(
        contents
    )


def _books_balance(user: ApiUser, sql: SecondConnection) -> None:
    (account,) = sql.rows("SELECT rev, live FROM account WHERE user_id = $1", user.user_id)
    (told,) = sql.rows(
        "SELECT count(*) FILTER (WHERE deleted_at IS NULL) AS live, max(rev) AS rev,"
        " count(DISTINCT rev) AS revs, count(*) AS tasks FROM task WHERE user_id = $1",
        user.user_id,
    )
    assert account["live"] == told["live"]
    assert account["rev"] == told["rev"]
    assert told["revs"] == told["tasks"]


def test_a_hundred_writes_with_one_key_at_two_instances_make_one_row(
    two_instances: tuple[ApiUser, ApiUser], sql: SecondConnection
) -> None:
    headers = {"idempotency-key": str(uuid4())}

    def post(nth: int) -> bytes:
        response = two_instances[nth % 2].post("/tasks", {"text": "One"}, headers=headers)
        assert response.status_code == 201, response.text
        return response.content

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(post, range(100)))) == 1
    user_id = two_instances[0].user_id
    assert sql.value("SELECT count(*) FROM task WHERE user_id = $1", user_id) == 1
    assert sql.value("SELECT rev FROM account WHERE user_id = $1", user_id) == 1
