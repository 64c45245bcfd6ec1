"""A batch costs few round trips, however many operations it has, and is one with its delta."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from batches import operation
from taskwell.config import Settings
from taskwell.database.pool import Database
from taskwell.database.statement import Statement
from taskwell.database.transaction import Row, Transaction
from taskwell.schemas.sync import SyncRequest
from taskwell.services.belongings import Belongings
from taskwell.services.sync import Exchange, Sync


class _Observed(Transaction):
    def __init__(self, inner: Transaction, seen: list[Statement]) -> None:
        self._inner = inner
        self._seen = seen

    def wrote(self, revisions: int) -> None:
        self._inner.wrote(revisions)

    async def row(self, statement: Statement, **values: object) -> Row | None:
        self._seen.append(statement)
        return await self._inner.row(statement, **values)


class ObservedDatabase(Database):
    """Counts what the services ask of it, and lets something happen after each commit."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.seen: list[Statement] = []
        self.after_commit: Callable[[], Awaitable[None]] | None = None

    async def row(self, statement: Statement, **values: object) -> Row | None:
        self.seen.append(statement)
        return await super().row(statement, **values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with super().transaction() as transaction:
            yield _Observed(transaction, self.seen)
        if self.after_commit is not None:
            await self.after_commit()


class Observer:
    def __init__(self, client: TestClient, settings: Settings) -> None:
        assert client.portal is not None
        self.call = client.portal.call
        self.database = ObservedDatabase(settings)
        self.call(self.database.open)

    def exchange(self, user_id: str, **members: Any) -> Exchange:
        self.database.seen.clear()
        request = SyncRequest.model_validate(members)
        answered: Exchange = self.call(Sync(self.database, 10_000).exchange, user_id, request)
        return answered

    @property
    def round_trips(self) -> int:
        return len(self.database.seen)


@pytest.fixture
def observer(client: TestClient, settings: Settings) -> Iterator[Observer]:
    observer = Observer(client, settings)
    yield observer
    observer.call(observer.database.close)


def _batch(many: int) -> list[dict[str, Any]]:
    ids = [str(uuid4()) for _ in range(many)]
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("create", {"text": "x"}),
        ("update", {"text": "y"}),
        ("complete", {"completed": True}),
        ("delete", {}),
        ("restore", {}),
    ]
    batch = [operation(kind, task_id, set=set_) for task_id in ids for kind, set_ in kinds]
    return [*batch, operation("update", str(uuid4()), set={"text": "nothing there"})]


def test_a_batch_costs_the_same_whatever_its_size(alice: ApiUser, observer: Observer) -> None:
    alice.create()
    counted = []
    for many in (1, 90):
        exchange = observer.exchange(alice.user_id, operations=_batch(many))
        assert [result.status for result in exchange.results].count("applied") == 5 * many
        counted.append(observer.round_trips)
    assert counted[0] == counted[1] <= 10


def test_a_pull_is_one_round_trip(alice: ApiUser, observer: Observer) -> None:
    alice.create()
    for cursor in (None, alice.get("/sync").json()["cursor"]):
        observer.exchange(alice.user_id, cursor=cursor)
        assert observer.round_trips == 1


def test_each_move_costs_a_few_and_the_same_in_a_long_list(
    alice: ApiUser, observer: Observer
) -> None:
    ids = [str(uuid4()) for _ in range(200)]
    observer.exchange(
        alice.user_id, operations=[operation("create", each, set={"text": "x"}) for each in ids]
    )
    counted = []
    for many in (1, 11):
        moves = [operation("move", ids[nth], set={"after": ids[-nth - 1]}) for nth in range(many)]
        observer.exchange(alice.user_id, operations=moves)
        counted.append(observer.round_trips)
    assert (counted[1] - counted[0]) / 10 <= 6


def test_no_reset_is_told_after_operations_took_effect(alice: ApiUser, observer: Observer) -> None:
    """An account that is erased right after the batch: the answer still belongs to the batch."""
    cursor = alice.create() and alice.get("/sync").json()["cursor"]
    new = str(uuid4())

    async def erase() -> None:
        observer.database.after_commit = None
        await Belongings(observer.database, 10).erase(alice.user_id)

    observer.database.after_commit = erase
    exchange = observer.exchange(
        alice.user_id, cursor=cursor, operations=[operation("create", new, set={"text": "x"})]
    )
    assert [result.status for result in exchange.results] == ["applied"]
    assert new in exchange.delta.changes
    assert alice.get("/tasks").json() == []
