"""CORS: the listed origins get every answer, errors of every layer included; no other gets any."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from httpx2 import Response
from pydantic import SecretStr
from starlette.testclient import TestClient

from api_user import ApiUser
from newcomers import Newcomer
from running import running
from taskwell.config import Settings

FRONT_END = "https://app.example.com"
EXPOSED = {
    "ETag",
    "Link",
    "Location",
    "Retry-After",
    "X-Request-ID",
    "X-Total-Count",
    "X-Sync-Cursor",
    "Idempotency-Replayed",
}
JSON = {"content-type": "application/json"}
TASK_ID = "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f"
Sent = dict[str, str]
STRANGERS = [
    "https://evil.example.com",
    "https://app.example.com.evil.example",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://APP.example.com",
    "null",
    "*",
    "",
]


def expect_shared(answer: Response) -> None:
    assert answer.headers["access-control-allow-origin"] == FRONT_END
    assert set(answer.headers["access-control-expose-headers"].split(", ")) == EXPOSED
    assert "access-control-allow-credentials" not in answer.headers
    assert "Origin" in answer.headers["vary"]
    assert answer.headers["vary"].count("Origin") == 1


def expect_not_shared(answer: Response) -> None:
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "Origin" in answer.headers["vary"]


@pytest.fixture(scope="module")
def broken(settings: Settings) -> Iterator[TestClient]:
    """An instance with a route that has a defect, and no database."""
    url = SecretStr("postgresql://127.0.0.1:1/nowhere")
    with running(settings, database_url=url) as client:
        assert isinstance(client.app, FastAPI)

        @client.app.get("/broken")
        async def fail() -> None:
            raise LookupError("a defect")

        yield client


def task_of(user: ApiUser) -> str:
    return f"/tasks/{user.create()['id']}"


def same_id_twice(user: ApiUser, sent: Sent) -> Response:
    user.post("/tasks", {"id": TASK_ID, "text": "a"})
    return user.post("/tasks", {"id": TASK_ID, "text": "b"}, headers=sent)


def send(user: ApiUser, raw: bytes, headers: Sent) -> Response:
    return user.request("POST", "/tasks", content=raw, headers=headers)


ANSWERS: dict[int, Callable[[ApiUser, Sent], Response]] = {
    200: lambda user, sent: user.get("/tasks", headers=sent),
    201: lambda user, sent: user.post("/tasks", {"text": "a"}, headers=sent),
    204: lambda user, sent: user.delete(task_of(user), headers=sent),
    304: lambda user, sent: user.get(task_of(user), headers={**sent, "if-none-match": "*"}),
    400: lambda user, sent: send(user, b"{", {**sent, **JSON}),
    401: lambda user, sent: user.client.get("/tasks", headers=sent),
    404: lambda user, sent: user.get("/nowhere", headers=sent),
    405: lambda user, sent: user.put("/tasks", {}, headers=sent),
    409: same_id_twice,
    412: lambda user, sent: user.delete(task_of(user), headers={**sent, "if-match": '"other"'}),
    413: lambda user, sent: send(user, b" " * (1024 * 1024 + 1), {**sent, **JSON}),
    415: lambda user, sent: send(user, b"a", sent),
    422: lambda user, sent: user.post("/tasks", {}, headers=sent),
}
BROKEN_ANSWERS = {500: "/broken", 503: "/tasks"}


@pytest.mark.parametrize("status", ANSWERS)
def test_a_listed_origin_may_read_every_answer(alice: ApiUser, status: int) -> None:
    shared = ANSWERS[status](alice, {"origin": FRONT_END})
    assert shared.status_code == status
    expect_shared(shared)


@pytest.mark.parametrize("status", ANSWERS)
def test_a_foreign_origin_may_read_none(alice: ApiUser, status: int) -> None:
    answer = ANSWERS[status](alice, {"origin": "https://evil.example.com"})
    assert answer.status_code == status
    expect_not_shared(answer)


@pytest.mark.parametrize(("status", "path"), BROKEN_ANSWERS.items())
def test_faults_of_ours_are_no_exception(
    broken: TestClient, newcomer: Newcomer, status: int, path: str
) -> None:
    user = newcomer(broken)
    answer = user.get(path, headers={"origin": FRONT_END})
    assert answer.status_code == status
    expect_shared(answer)
    answer = user.get(path, headers={"origin": "https://evil.example.com"})
    assert answer.status_code == status
    expect_not_shared(answer)


@pytest.mark.parametrize("origin", STRANGERS)
def test_only_the_very_same_origin_is_listed(client: TestClient, origin: str) -> None:
    expect_not_shared(client.get("/health", headers={"origin": origin}))
    expect_not_shared(client.options("/tasks", headers={"origin": origin}))


def test_without_an_origin_a_cache_is_told_all_the_same(client: TestClient) -> None:
    expect_not_shared(client.get("/health"))


ASKED = {
    "origin": FRONT_END,
    "access-control-request-method": "PATCH",
    "access-control-request-headers": "authorization,content-type,if-match",
}


class TestPreflight:
    @pytest.mark.parametrize("path", ["/tasks/nonsense", "/api/somebody/tasks/nonsense"])
    def test_a_listed_origin(self, client: TestClient, path: str) -> None:
        answer = client.options(path, headers=ASKED)
        assert (answer.status_code, answer.content) == (204, b"")
        expect_shared(answer)
        allowed = answer.headers["access-control-allow-methods"]
        assert allowed == answer.headers["allow"] == "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
        taken = answer.headers["access-control-allow-headers"].lower().split(", ")
        assert {
            "authorization",
            "content-type",
            "if-match",
            "if-none-match",
            "prefer",
            "traceparent",
            "x-request-id",
        } <= set(taken)
        assert int(answer.headers["access-control-max-age"]) > 0

    def test_a_foreign_origin(self, client: TestClient) -> None:
        asked = {**ASKED, "origin": "https://evil.example.com"}
        answer = client.options("/tasks/nonsense", headers=asked)
        assert answer.status_code == 204
        expect_not_shared(answer)

    def test_a_path_that_is_nowhere(self, client: TestClient) -> None:
        answer = client.options("/nowhere", headers=ASKED)
        assert answer.status_code == 404
        expect_shared(answer)


class TestNoneListed:
    @pytest.fixture
    def closed(self, settings: Settings) -> Iterator[TestClient]:
        with running(settings, cors_origins=()) as client:
            yield client

    def test_nobody_may_read(self, closed: TestClient, alice: ApiUser) -> None:
        user = ApiUser(closed, alice.user_id, alice.token)
        sent = {"origin": FRONT_END}
        for answer in (
            user.get("/tasks", headers=sent),
            user.get("/nowhere", headers=sent),
            closed.options("/tasks", headers=sent),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
