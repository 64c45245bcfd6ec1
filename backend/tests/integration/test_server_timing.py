"""Server-Timing, where the operator wants it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from newcomers import Newcomer
from running import running
from taskwell.config import Settings

SHAPE = re.compile(r"auth;dur=(\d+\.\d\d), db;dur=(\d+\.\d\d), total;dur=(\d+\.\d\d)")


@pytest.fixture
def telling(settings: Settings) -> Iterator[TestClient]:
    with running(settings, server_timing=True) as client:
        yield client


def times(told: str) -> tuple[float, float, float]:
    found = SHAPE.fullmatch(told)
    assert found is not None, told
    auth, database, total = map(float, found.groups())
    return auth, database, total


@pytest.mark.parametrize("path", ["/tasks", "/sync", "/me/export"])
def test_a_read_tells_its_times(telling: TestClient, newcomer: Newcomer, path: str) -> None:
    auth, database, total = times(newcomer(telling).get(path).headers["server-timing"])
    assert auth > 0
    assert database > 0
    assert total >= max(auth, database)


def test_so_does_a_write_in_a_transaction(telling: TestClient, newcomer: Newcomer) -> None:
    user = newcomer(telling)
    answer = user.post("/tasks", {"text": "a"}, headers={"idempotency-key": "one"})
    _, database, total = times(answer.headers["server-timing"])
    assert answer.status_code == 201
    assert 0 < database <= total


def test_who_does_not_get_to_the_database_has_not_been_there(telling: TestClient) -> None:
    assert times(telling.get("/health/live").headers["server-timing"])[:2] == (0, 0)
    refused = telling.get("/tasks")
    assert refused.status_code == 401
    assert times(refused.headers["server-timing"])[1] == 0


def test_each_request_has_its_own_time(telling: TestClient, newcomer: Newcomer) -> None:
    user = newcomer(telling)
    user.get("/tasks")
    told = [times(user.get("/tasks").headers["server-timing"]) for _ in range(40)]
    totals = [total for _, _, total in told]
    # Did it add up, each would be more than the one before.
    assert min(totals[20:]) < max(totals[:20])
    assert all(database <= total for _, database, total in told)


def test_nothing_is_told_unasked(alice: ApiUser) -> None:
    assert "server-timing" not in alice.get("/tasks").headers
