"""HEAD, OPTIONS, and methods that a path does not take."""

from __future__ import annotations

from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem

COLLECTION = "GET, HEAD, POST, DELETE, OPTIONS"
TASK = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
READ_ONLY = "GET, HEAD, OPTIONS"
PATCH_ONLY = "PATCH, OPTIONS"

ALLOWED = {
    "/tasks": COLLECTION,
    "/api/somebody/tasks": COLLECTION,
    "/tasks/nonsense": TASK,
    "/api/somebody/tasks/nonsense": TASK,
    "/tasks/nonsense/toggle": PATCH_ONLY,
    "/api/somebody/tasks/nonsense/toggle": PATCH_ONLY,
    "/tasks/nonsense/complete": PATCH_ONLY,
    "/health": READ_ONLY,
    "/health/live": READ_ONLY,
    "/health/ready": READ_ONLY,
    "/problems/not-found": READ_ONLY,
    "/docs": READ_ONLY,
    "/redoc": READ_ONLY,
    "/openapi.json": READ_ONLY,
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW"]
NOWHERE = ["/", "/task", "/tasks/", "/tasks/a/b", "/tasks//toggle", "/api", "/api/x", "/TASKS"]


@pytest.mark.parametrize("path", ["/health", "/health/live", "/problems/not-found", "/docs"])
def test_every_open_get_answers_head(client: TestClient, path: str) -> None:
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    ignored = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in whole.headers.items() if k not in ignored
    }


def test_the_gets_of_tasks_answer_head(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    same = {"x-request-id": "same"}
    for path in (tasks, f"{tasks}/{task['id']}", f"{tasks}/{uuid4()}", f"{tasks}?limit=0"):
        whole = alice.get(path, headers=same)
        head = alice.request("HEAD", path, headers=same)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert head.headers == whole.headers
    tag = alice.get(tasks).headers["etag"]
    assert alice.request("HEAD", tasks, headers={"if-none-match": tag}).status_code == 304


def test_head_needs_a_token_too(client: TestClient, tasks: str) -> None:
    head = client.head(tasks)
    assert (head.status_code, head.content) == (401, b"")
    assert head.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("path", "allowed"), ALLOWED.items())
def test_options_lists_the_methods(client: TestClient, path: str, allowed: str) -> None:
    answer = client.options(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == allowed
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("path", "allowed"), ALLOWED.items())
def test_another_method_is_refused_before_anything_else(
    client: TestClient, alice: ApiUser, path: str, allowed: str
) -> None:
    refused = set(METHODS) - set(allowed.split(", "))
    assert refused
    for method in refused:
        for answer in (client.request(method, path), alice.request(method, path)):
            expect_problem(answer, 405, "method-not-allowed")
            assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "BREW"])
def test_a_path_that_is_nowhere(client: TestClient, path: str, method: str) -> None:
    expect_problem(client.request(method, path), 404, "not-found")


def test_head_on_a_path_without_get(client: TestClient) -> None:
    head = client.head("/tasks/nonsense/toggle")
    assert (head.status_code, head.content) == (405, b"")
    assert head.headers["allow"] == PATCH_ONLY


def test_every_answer_forbids_guessing_its_type(client: TestClient, alice: ApiUser) -> None:
    for answer in (client.get("/health/live"), client.get("/nowhere"), alice.get("/tasks")):
        assert answer.headers["x-content-type-options"] == "nosniff"
