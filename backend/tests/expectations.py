"""What every answer of a kind has in common, checked as a whole."""

from __future__ import annotations

import re
from typing import Any

from httpx2 import Response

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TAG = re.compile(r'"[A-Za-z0-9_-]{16}\.\d+"')

MEMBERS = [
    "id",
    "user_id",
    "text",
    "completed",
    "order",
    "created_at",
    "updated_at",
    "completed_at",
    "rev",
]
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


def expect_problem(
    response: Response, status: int, code: str, *extra_members: str
) -> dict[str, Any]:
    """The one shape of all errors, complete, with nothing beside it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    body: dict[str, Any] = response.json()
    assert set(body) == PROBLEM_MEMBERS | set(extra_members)
    assert body["type"] == f"/problems/{code}"
    assert (body["status"], body["code"]) == (status, code)
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    return body


def expect_flaws(response: Response, *flaws: tuple[str, str]) -> None:
    """422, with these places and codes."""
    body = expect_problem(response, 422, "validation-failed", "errors")
    assert [(flaw["pointer"], flaw["code"]) for flaw in body["errors"]] == list(flaws)
    for flaw in body["errors"]:
        assert set(flaw) == {"pointer", "code", "message"}
        assert flaw["message"]


def expect_task(response: Response, status: int = 200) -> dict[str, Any]:
    """A task, complete, in the documented order, with its tag."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["vary"] == "Authorization, Origin"
    body: dict[str, Any] = response.json()
    assert list(body) == MEMBERS
    assert UUID.fullmatch(body["id"])
    assert TIME.fullmatch(body["created_at"])
    assert TIME.fullmatch(body["updated_at"])
    assert (body["completed_at"] is not None) == body["completed"]
    assert body["completed_at"] is None or TIME.fullmatch(body["completed_at"])
    assert TAG.fullmatch(response.headers["etag"])
    assert response.headers["etag"].endswith(f'.{body["rev"]}"')
    return body
