"""Of what was written, that is counted which stayed written."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response

from api_user import ApiUser
from batches import operation, statuses
from expectations import expect_problem
from newcomers import Newcomer
from running import running
from second_connection import SecondConnection
from taskwell.config import Settings
from taskwell.database.pool import Patience
from taskwell.measures.revisions import WRITTEN

KEYED = {"headers": {"idempotency-key": "k"}}
TAKE_KEY = """
    INSERT INTO receipt (user_id, key, fingerprint, status, body, created_at)
    VALUES ($1, 'k', '', 200, '', now())
"""


# One revision each.
WRITES = {
    "create": ("POST", "/tasks", {"text": "Another"}),
    "change": ("PATCH", "/tasks/{id}", {"text": "Changed"}),
    "move": ("POST", "/tasks/{id}/move", {"to": "last"}),
    "clear": ("DELETE", "/tasks?status=completed", None),
}


def write(user: ApiUser, name: str, task_id: str, **more: Any) -> Response:
    method, path, body = WRITES[name]
    return user.request(method, path.format(id=task_id), json=body, **more)


@pytest.fixture
def done(alice: ApiUser) -> str:
    """A task that is completed, the first of two."""
    done: str = alice.create("Done", completed=True)["id"]
    alice.create("Open")
    return done


@pytest.mark.parametrize("more", [{}, KEYED], ids=["plain", "under a key"])
@pytest.mark.parametrize("name", WRITES)
def test_what_is_written_counts_once(
    alice: ApiUser, done: str, name: str, more: dict[str, Any]
) -> None:
    before = WRITTEN.total
    for _ in range(2 if more else 1):
        assert write(alice, name, done, **more).is_success
    assert WRITTEN.total - before == 1


@pytest.mark.parametrize("name", WRITES)
def test_what_is_rolled_back_with_its_receipt_does_not_count(
    alice: ApiUser,
    done: str,
    settings: Settings,
    newcomer: Newcomer,
    sql: SecondConnection,
    name: str,
) -> None:
    with running(settings, Patience(statement=0.3)) as client:
        user = newcomer(client, alice.user_id)
        sql.run("BEGIN")
        sql.value(TAKE_KEY, alice.user_id)
        before = WRITTEN.total
        expect_problem(write(user, name, done, **KEYED), 503, "database-unavailable")
        assert WRITTEN.total == before
        sql.run("ROLLBACK")


def test_an_atomic_batch_that_fails_does_not_count(alice: ApiUser, done: str) -> None:
    renamed = operation("update", done, set={"text": "Renamed"})
    failing = operation("delete", str(uuid4()))
    before = WRITTEN.total
    assert statuses(alice, renamed, failing, atomic=True) == ["rejected", "rejected"]
    assert WRITTEN.total == before
    assert statuses(alice, renamed, atomic=True) == ["applied"]
    assert WRITTEN.total == before + 1
