"""Nobody can tell another user's task from one that does not exist, by any road.

The matrix is made from the service's own description: a route that is added is in it.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response

from api_user import ApiUser
from contract.asking import (
    BY_RESOURCE,
    BY_USER,
    Owned,
    methods,
    name_resources,
    own_something,
    send,
)
from contract.operations import (
    GUARDED,
    OPEN,
    Body,
    Operation,
    named,
    operation_called,
)
from contract.rows import Rows


def bytes_of(response: Response) -> tuple[Any, ...]:
    headers = [pair for pair in response.headers.raw if pair[0].lower() != b"date"]
    return response.status_code, headers, response.content


def preconditions(theirs: Owned) -> list[dict[str, str]]:
    """All that somebody could try who has got hold of a tag."""
    return [
        {},
        *({"if-match": tag} for tag in (theirs.tag, theirs.list_tag, "*")),
        *({"if-none-match": tag} for tag in (theirs.tag, theirs.list_tag, "*")),
    ]


def test_every_operation_but_these_needs_a_token() -> None:
    assert [operation.id for operation in OPEN] == [
        "read_health",
        "read_liveness",
        "read_readiness",
        "read_problem",
    ]


def test_every_operation_on_tasks_has_both_spellings() -> None:
    short = {(each.method, each.path) for each in GUARDED if each.path.startswith("/tasks")}
    long = {(each.method, each.path.removeprefix("/api/{user_id}")) for each in BY_USER}
    assert short
    assert short == long


@pytest.mark.parametrize("operation", BY_RESOURCE, ids=named)
def test_a_foreign_task_is_answered_as_an_absent_one(
    operation: Operation, alice: ApiUser, bob: ApiUser, rows: Rows
) -> None:
    own_something(alice)
    theirs = own_something(bob)
    before = rows.of(alice.user_id, bob.user_id)
    foreign = name_resources(operation, alice.user_id, theirs.id)
    absent = name_resources(operation, alice.user_id, str(uuid4()))
    for method in methods(operation):
        for body in operation.bodies:
            for headers in preconditions(theirs):
                answers = [
                    send(alice, operation, names, body, method=method, headers=headers)
                    for names in (foreign, absent)
                ]
                assert bytes_of(answers[0]) == bytes_of(answers[1])
                assert answers[0].status_code == 404
    assert rows.of(alice.user_id, bob.user_id) == before


@pytest.mark.parametrize("operation", BY_USER, ids=named)
def test_a_foreign_path_is_answered_as_an_absent_task(
    operation: Operation, alice: ApiUser, bob: ApiUser, rows: Rows
) -> None:
    mine, theirs = own_something(alice), own_something(bob)
    before = rows.of(alice.user_id, bob.user_id)
    absent = alice.get(f"/tasks/{uuid4()}", headers={"x-request-id": "the-same"})
    roads = [
        name_resources(operation, bob.user_id, theirs.id),
        name_resources(operation, bob.user_id, mine.id),
        name_resources(operation, "nobody-at-all", theirs.id),
        name_resources(operation, alice.user_id.upper(), mine.id),
    ]
    for names in roads:
        for body in operation.bodies:
            for headers in preconditions(theirs):
                answer = send(alice, operation, names, body, headers=headers)
                assert bytes_of(answer) == bytes_of(absent)
    assert absent.status_code == 404
    assert rows.of(alice.user_id, bob.user_id) == before


@pytest.mark.parametrize("operation", GUARDED, ids=named)
def test_without_a_token_nothing_is_told(
    operation: Operation, alice: ApiUser, bob: ApiUser, rows: Rows
) -> None:
    theirs = own_something(bob)
    before = rows.of(bob.user_id)
    nobody = ApiUser(alice.client, "", "")
    for names in (
        name_resources(operation, bob.user_id, theirs.id),
        name_resources(operation, "nobody-at-all", str(uuid4())),
    ):
        for authorization, code in (("", "token-missing"), ("Bearer x", "token-invalid")):
            for method in methods(operation):
                answer = send(
                    nobody,
                    operation,
                    names,
                    method=method,
                    headers={"authorization": authorization},
                )
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Bearer")
                if method != "HEAD":
                    assert answer.json()["code"] == code
    assert rows.of(bob.user_id) == before


@pytest.mark.parametrize("name", ["create_task", "create_task_of_user"])
def test_two_users_may_use_one_id(name: str, alice: ApiUser, bob: ApiUser, rows: Rows) -> None:
    theirs = own_something(bob)
    before = rows.of(bob.user_id)
    operation = operation_called(name)
    body = Body("application/json", b'{"id": "%s", "text": "Also mine"}' % theirs.id.encode())
    names = name_resources(operation, alice.user_id, theirs.id)
    only_new = {"if-none-match": "*"}
    assert send(alice, operation, names, body, headers=only_new).status_code == 201
    again = send(alice, operation, names, body)
    assert (again.status_code, again.json()["user_id"]) == (200, alice.user_id)
    assert send(alice, operation, names, body, headers=only_new).status_code == 412
    assert alice.get(f"/tasks/{theirs.id}").json()["text"] == "Also mine"
    for headers in preconditions(theirs):
        alice.request("DELETE", "/tasks?status=completed", headers=headers)
    for method, path, sent in (
        ("PUT", "", {"text": "Changed"}),
        ("PATCH", "", {"text": "Changed again"}),
        ("PATCH", "/toggle", None),
        ("PATCH", "/complete", {"completed": True}),
        ("DELETE", "", None),
    ):
        answer = alice.request(method, f"/tasks/{theirs.id}{path}", json=sent)
        assert answer.status_code in (200, 204)
    assert rows.of(bob.user_id) == before


def test_clearing_deletes_only_ones_own(alice: ApiUser, bob: ApiUser, rows: Rows) -> None:
    """Even where both have completed tasks of the same ids."""
    theirs = own_something(bob)
    before = rows.of(bob.user_id)
    alice.create("Also mine", id=theirs.id, completed=True)
    assert alice.delete("/tasks?status=completed").json() == {"deleted": 1}
    assert rows.of(bob.user_id) == before


def test_lists_have_only_what_is_theirs(alice: ApiUser, bob: ApiUser) -> None:
    own_something(bob)
    mine = own_something(alice)
    for query in ("", "?status=completed", "?q=mine", "?sort=-text", "?sort=-completed_at&limit=1"):
        listed = alice.get(f"/tasks{query}", headers={"prefer": "count=exact"})
        assert [task["id"] for task in listed.json()] == [mine.id]
        assert listed.headers["x-total-count"] == "1"
        assert "link" not in listed.headers
    assert alice.delete("/tasks?status=completed").json() == {"deleted": 1}
    assert len(bob.get("/tasks").json()) == 1


def test_tags_are_of_ones_own_account(alice: ApiUser, bob: ApiUser) -> None:
    """Whoever came first, and whoever wrote last."""
    bob.create("Theirs")
    created = alice.post("/tasks", {"id": str(uuid4()), "text": "Mine"})
    bob.create("Theirs again")
    path, tag = created.headers["location"], created.headers["etag"]
    again = alice.post("/tasks", {"id": created.json()["id"], "text": "Mine"})
    assert (again.status_code, again.headers["etag"]) == (200, tag)
    assert alice.get(path).headers["etag"] == tag
    for preferred in ({}, {"prefer": "count=exact"}):
        for query in ("", "?q=mine", "?sort=-text&limit=1"):
            listed = alice.get(f"/tasks{query}", headers=preferred)
            assert f'"{listed.headers["x-sync-cursor"]}"' == tag
    assert alice.get("/sync").json()["cursor"] == tag.strip('"')


def test_a_cursor_of_another_user_opens_nothing(alice: ApiUser, bob: ApiUser) -> None:
    for _ in range(2):
        own_something(bob)
    mine = own_something(alice)
    link = bob.get("/tasks?limit=1").headers["link"]
    target = link.partition(">")[0].removeprefix("<")
    found = alice.get(target)
    assert {task["id"] for task in found.json()} <= {mine.id}
    assert {task["user_id"] for task in found.json()} <= {alice.user_id}
