"""The method, the token, the path, the input, the task, the precondition: in this order, always."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from api_user import ApiUser
from contract.asking import BY_RESOURCE, BY_USER, methods, name_resources, own_something, send
from contract.operations import GUARDED, OPERATIONS, Body, Operation, named

GARBLED = {"if-match": "garbled", "if-none-match": "garbled"}
INPUT_REFUSED = {400, 413, 415, 422}


def faults(operation: Operation) -> list[tuple[Body | None, dict[str, str], str | None]]:
    """Input that the operation refuses, one flaw each: body, headers, query."""
    good = operation.bodies[-1]
    found: list[tuple[Body | None, dict[str, str], str | None]] = []
    if good is not None:
        found += [
            (Body(good.media_type, b"{"), {}, None),
            (Body(good.media_type, b'{"unknown": 1}'), {}, None),
            (Body("text/plain", good.content), {}, None),
            (Body(good.media_type, b" " * (1024 * 1024 + 1)), {}, None),
        ]
    for name in operation.parameters("header"):
        if name.lower() in GARBLED:
            found.append((good, {name: "garbled"}, None))
    for name, parameter in operation.parameters("query").items():
        # Free text can't be wrong but by its length.
        if name != "q":
            found.append((good, {}, urlencode({name: "\0"})))
        if parameter["required"]:
            found.append((good, {}, ""))
    return found


def with_faults(operations: list[Operation]) -> list[Any]:
    return [
        pytest.param(operation, *fault, id=f"{operation.id}-{number}")
        for operation in operations
        for number, fault in enumerate(faults(operation))
    ]


@pytest.mark.parametrize("path", sorted({operation.path for operation in OPERATIONS}))
def test_the_method_is_checked_before_the_token(path: str, alice: ApiUser) -> None:
    here = [operation for operation in OPERATIONS if operation.path == path]
    allowed = {method for operation in here for method in methods(operation)}
    target = here[0].target({"user_id": "bob", "task_id": "1", "code": "x"}, "")
    for method in sorted({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - allowed):
        answer = alice.client.request(method, target, headers={"if-match": "garbled"})
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allowed | {"OPTIONS"}
        if method != "HEAD":
            assert answer.json()["code"] == "method-not-allowed"


@pytest.mark.parametrize(("operation", "body", "headers", "query"), with_faults(GUARDED))
def test_the_token_is_checked_before_the_path_and_the_input(
    operation: Operation,
    body: Body | None,
    headers: dict[str, str],
    query: str | None,
    alice: ApiUser,
) -> None:
    nobody = ApiUser(alice.client, "", "not-a-token")
    names = name_resources(operation, "bob", "no-uuid")
    assert send(nobody, operation, names, body, headers=headers, query=query).status_code == 401


@pytest.mark.parametrize(("operation", "body", "headers", "query"), with_faults(BY_USER))
def test_the_path_is_checked_before_the_input(
    operation: Operation,
    body: Body | None,
    headers: dict[str, str],
    query: str | None,
    alice: ApiUser,
    bob: ApiUser,
) -> None:
    names = name_resources(operation, bob.user_id, str(uuid4()))
    assert send(alice, operation, names, body, headers=headers, query=query).status_code == 404


@pytest.mark.parametrize(("operation", "body", "headers", "query"), with_faults(GUARDED))
def test_the_input_is_checked_before_the_task(
    operation: Operation,
    body: Body | None,
    headers: dict[str, str],
    query: str | None,
    alice: ApiUser,
) -> None:
    for task_id in (str(uuid4()), "no-uuid"):
        names = name_resources(operation, alice.user_id, task_id)
        answer = send(alice, operation, names, body, headers=headers, query=query)
        assert answer.status_code in INPUT_REFUSED & operation.statuses


@pytest.mark.parametrize(
    "operation", [each for each in BY_RESOURCE if 412 in each.statuses], ids=named
)
def test_the_task_is_looked_for_before_the_precondition(
    operation: Operation, alice: ApiUser
) -> None:
    mine = own_something(alice)
    for task_id, status in ((str(uuid4()), 404), ("no-uuid", 404), (mine.id, 412)):
        names = name_resources(operation, alice.user_id, task_id)
        answer = send(
            alice, operation, names, operation.bodies[-1], headers={"if-match": '"stale"'}
        )
        assert answer.status_code == status
