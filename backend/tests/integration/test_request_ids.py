"""X-Request-ID: the client's, where it may be one, else one that is made."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser

MADE = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize("given", ["a", "x" * 128, "2026-11-21_17.03-ABC", "."])
def test_the_clients_own_is_kept(client: TestClient, given: str) -> None:
    answer = client.get("/nowhere", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == given
    assert answer.json()["request_id"] == given


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "x" * 129,
        "x" * 8192,
        "a b",
        "a/b",
        "é",
        'a"b',
        "a\n",
        "a\r\nset-cookie: b=c",
        "{}",
        "\x1b[31m",
    ],
)
def test_anything_else_is_replaced(client: TestClient, given: str) -> None:
    headers = [(b"x-request-id", given.encode("latin-1"))]
    answer = client.get("/nowhere", headers=headers)
    assert MADE.fullmatch(answer.headers["x-request-id"])
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/tasks"),
        ("POST", "/tasks"),
        ("BREW", "/tasks"),
        ("OPTIONS", "/tasks"),
        ("HEAD", "/health/live"),
        ("GET", "/health"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/problems/not-found"),
    ],
)
def test_it_is_always_in_the_answer(client: TestClient, method: str, path: str) -> None:
    first, second = client.request(method, path), client.request(method, path)
    assert MADE.fullmatch(first.headers["x-request-id"])
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_it_is_in_a_success_and_in_a_304(alice: ApiUser) -> None:
    given = {"x-request-id": "mine"}
    created = alice.post("/tasks", {"text": "Buy milk"}, headers=given)
    assert created.headers["x-request-id"] == "mine"
    seen = {**given, "if-none-match": created.headers["etag"]}
    same = alice.get(created.headers["location"], headers=seen)
    assert (same.status_code, same.headers["x-request-id"]) == (304, "mine")
