"""What a client meets while there is no room for writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem, expect_task
from newcomers import Newcomer
from taskwell.config import Settings
from taskwell.database.pool import USUAL_PATIENCE
from taskwell.database.storage import Storage
from taskwell.main import create_app

OPERATION = {
    "op_id": "01a1fd20-4c1f-7d3a-9a51-3f0c9a6b1e01",
    "type": "create",
    "id": "01a1fd20-4c1e-7b52-8c44-7d1e2f3a4b5c",
    "set": {"text": "offline"},
}
ID = "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f"
WRITES = [
    ("POST", "/tasks", {"text": "a"}),
    ("POST", "/tasks", {"id": ID, "text": "a"}),
    ("PUT", "/tasks/{id}", {"text": "a"}),
    ("PATCH", "/tasks/{id}", {"text": "a"}),
    ("PATCH", "/tasks/{id}/toggle", None),
    ("PATCH", "/tasks/{id}/complete", {"completed": True}),
    ("POST", "/tasks/{id}/move", {"to": "first"}),
    ("POST", "/tasks/{id}/restore", None),
    ("DELETE", "/tasks/{id}", None),
    ("DELETE", "/tasks?status=completed", None),
    ("POST", "/sync", {"operations": [OPERATION]}),
    ("DELETE", "/me", None),
]
READS = ["/tasks", "/tasks/{id}", "/tasks?status=deleted", "/sync", "/me/export"]


@pytest.fixture
def storage() -> Storage:
    return Storage()


@pytest.fixture
def client(settings: Settings, storage: Storage) -> Iterator[TestClient]:
    """An instance of its own, whose disk gets full when the test says so."""
    app = create_app(settings, USUAL_PATIENCE, storage)
    with TestClient(app, base_url="http://taskwell.test") as running:
        yield running


@pytest.fixture
def user(client: TestClient, newcomer: Newcomer) -> ApiUser:
    return newcomer(client)


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_no_write_gets_to_the_database(
    method: str, path: str, body: object, storage: Storage, user: ApiUser
) -> None:
    task = user.create()
    storage.is_full = True
    path = path.format(id=task["id"])
    extra = {} if body is None else {"json": body}
    for headers in ({}, {"idempotency-key": "one"}):
        refused = user.request(method, path, headers=headers, **extra)
        expect_problem(refused, 503, "storage-full")
        assert refused.headers["retry-after"] == "30"
    storage.is_full = False
    assert user.get("/tasks").json() == [task]
    assert user.create()["rev"] == 2


def test_reading_goes_on(storage: Storage, user: ApiUser) -> None:
    task = user.create()
    storage.is_full = True
    for path in READS:
        assert user.get(path.format(id=task["id"])).status_code == 200, path
    assert expect_task(user.get(f"/tasks/{task['id']}")) == task
    nothing = user.post("/sync", {"operations": []})
    assert nothing.status_code == 200


def test_the_health_checks_tell(storage: Storage, client: TestClient) -> None:
    for is_full, status, database in ((True, "degraded", "full"), (False, "ok", "ok")):
        storage.is_full = is_full
        for path in ("/health", "/health/ready"):
            answer = client.get(path)
            said = answer.json()
            found = (answer.status_code, said["status"], said["database"])
            assert found == (200, status, database)
        assert client.get("/health/live").json() == {"status": "ok"}
