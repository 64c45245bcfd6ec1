"""The description of the API is right, complete, and what is served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31
from starlette.testclient import TestClient

from contract.conformance import flaws
from contract.operations import (
    DOCUMENT,
    GUARDED,
    OPERATIONS,
    Json,
    Operation,
    named,
    operation_called,
    resolve,
)
from taskwell.api.catalogue import CATALOGUE

# What clients are generated from: a name that is here is never changed.
OPERATION_IDS = {
    "list_tasks": "GET /tasks",
    "create_task": "POST /tasks",
    "clear_completed_tasks": "DELETE /tasks",
    "read_task": "GET /tasks/{task_id}",
    "replace_task": "PUT /tasks/{task_id}",
    "update_task": "PATCH /tasks/{task_id}",
    "delete_task": "DELETE /tasks/{task_id}",
    "toggle_task": "PATCH /tasks/{task_id}/toggle",
    "complete_task": "PATCH /tasks/{task_id}/complete",
    "move_task": "POST /tasks/{task_id}/move",
    "restore_task": "POST /tasks/{task_id}/restore",
    "list_tasks_of_user": "GET /api/{user_id}/tasks",
    "create_task_of_user": "POST /api/{user_id}/tasks",
    "clear_completed_tasks_of_user": "DELETE /api/{user_id}/tasks",
    "read_task_of_user": "GET /api/{user_id}/tasks/{task_id}",
    "replace_task_of_user": "PUT /api/{user_id}/tasks/{task_id}",
    "update_task_of_user": "PATCH /api/{user_id}/tasks/{task_id}",
    "delete_task_of_user": "DELETE /api/{user_id}/tasks/{task_id}",
    "toggle_task_of_user": "PATCH /api/{user_id}/tasks/{task_id}/toggle",
    "complete_task_of_user": "PATCH /api/{user_id}/tasks/{task_id}/complete",
    "move_task_of_user": "POST /api/{user_id}/tasks/{task_id}/move",
    "restore_task_of_user": "POST /api/{user_id}/tasks/{task_id}/restore",
    "pull_changes": "GET /sync",
    "exchange_changes": "POST /sync",
    "stream_events": "GET /events",
    "export_account": "GET /me/export",
    "import_account": "POST /me/import",
    "erase_account": "DELETE /me",
    "read_health": "GET /health",
    "read_liveness": "GET /health/live",
    "read_readiness": "GET /health/ready",
    "read_problem": "GET /problems/{code}",
}


def test_it_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    validator = jsonschema_rs.Draft202012Validator(OPENAPI_31)
    assert [str(error) for error in validator.iter_errors(DOCUMENT)] == []


def test_operation_ids_stay_as_they_are() -> None:
    found = {each.id: f"{each.method} {each.path}" for each in OPERATIONS}
    assert found == OPERATION_IDS
    assert len(found) == len(OPERATIONS)


def _walk(node: Any) -> Iterator[Json]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _walk(value)
    if isinstance(node, list):
        for value in node:
            yield from _walk(value)


def test_every_reference_leads_somewhere() -> None:
    references = {node["$ref"] for node in _walk(DOCUMENT) if isinstance(node.get("$ref"), str)}
    assert references
    for reference in references:
        assert resolve(reference)


def test_every_schema_is_used() -> None:
    references = {node["$ref"] for node in _walk(DOCUMENT) if "$ref" in node}
    for name in DOCUMENT["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in references


def test_every_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_examples_fit_their_schemas(name: str) -> None:
    for example in DOCUMENT["components"]["schemas"][name].get("examples", ()):
        assert flaws({"$ref": f"#/components/schemas/{name}"}, example) == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_an_operation_says_what_it_does(operation: Operation) -> None:
    described = operation.description
    assert described["summary"]
    assert len(described["tags"]) == 1
    assert operation.bodies
    for parameters in ("path", "query", "header"):
        for parameter in operation.parameters(parameters).values():
            assert parameter.get("description"), f"{operation.id}: {parameter['name']}"
    path_names = set(re.findall(r"{(\w+)}", operation.path))
    assert operation.parameters("path").keys() == path_names


def expected_statuses(operation: Operation) -> set[int]:
    """What follows from the shape of an operation; what is its own comes on top."""
    found: set[int] = set()
    if operation.needs_token:
        found |= {401, 429, 503}
    if operation.names_user or operation.resources:
        found.add(404)
    if "requestBody" in operation.description:
        found |= {400, 413, 415, 422}
    headers = {name.lower() for name in operation.parameters("header")}
    if "if-match" in headers:
        found |= {400, 412}
    if "if-none-match" in headers:
        found |= {400, 304} if operation.method == "GET" else {400, 412}
    if "idempotency-key" in headers:
        found |= {400, 409, 422}
    return found


OWN_STATUSES = {
    "list_tasks": {200, 400, 414, 422},
    "create_task": {200, 201, 409},
    "clear_completed_tasks": {200, 400},
    "delete_task": {204},
    "restore_task": {200, 409},
    "pull_changes": {200, 400, 410, 422},
    "exchange_changes": {200, 410},
    "import_account": {200, 409},
    "erase_account": {204},
    "read_health": {200, 503},
    "read_readiness": {200, 503},
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_every_status_is_described(operation: Operation) -> None:
    own = OWN_STATUSES.get(operation.id.removesuffix("_of_user"), {200})
    assert operation.statuses == expected_statuses(operation) | own


HEADERS_OF_STATUS = {
    401: {"WWW-Authenticate"},
    429: {"Retry-After", "RateLimit", "RateLimit-Policy"},
    503: {"Retry-After"},
    201: {"ETag", "Location"},
    304: {"ETag"},
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_every_answer_is_described(operation: Operation) -> None:
    for status, response in operation.description["responses"].items():
        assert response["description"] not in ("", "Successful Response")
        headers = response["headers"]
        assert HEADERS_OF_STATUS.get(int(status), set()) <= headers.keys()
        assert "X-Request-ID" in headers
        for header in headers.values():
            assert header["description"]
            assert header["schema"]
        contents = response.get("content", {})
        assert bool(contents) == (status not in ("204", "304"))
        for media_type, content in contents.items():
            if int(status) >= 400:
                assert media_type == "application/problem+json"
                _check_examples(int(status), content)


def _check_examples(status: int, content: Json) -> None:
    examples = content["examples"]
    assert examples
    for code, example in examples.items():
        problem = example["value"]
        assert flaws(content["schema"], problem) == []
        assert (problem["status"], problem["code"]) == (status, code)
        assert CATALOGUE[code].status == status
        assert ("errors" in problem) == (code == "validation-failed")


def test_every_problem_is_met_somewhere() -> None:
    described = {
        code
        for operation in OPERATIONS
        for response in operation.description["responses"].values()
        for content in response.get("content", {}).values()
        for code in content.get("examples", {})
        if code in CATALOGUE
    }
    text = DOCUMENT["info"]["description"]
    assert {code for code in CATALOGUE if f"`{code}`" not in text} - described == set()


@pytest.mark.parametrize("operation", GUARDED, ids=named)
def test_tokens_are_asked_for(operation: Operation) -> None:
    assert operation.description["security"] == [{"token": []}]
    assert DOCUMENT["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.names_user], ids=named)
def test_both_spellings_are_described_alike(operation: Operation) -> None:
    short = operation_called(operation.id.removesuffix("_of_user")).description
    long = operation.description
    assert {**long, "operationId": "", "parameters": [], "responses": {}} == {
        **short,
        "operationId": "",
        "parameters": [],
        "responses": {},
    }
    assert [each for each in long["parameters"] if each["name"] != "user_id"] == short.get(
        "parameters", []
    )
    assert _without_titles(long["responses"]) == {
        **_without_titles(short["responses"]),
        "404": _without_titles(long["responses"])["404"],
    }


def _without_titles(node: Any) -> Any:
    """The framework makes them up from the operation's id."""
    if isinstance(node, dict):
        return {key: _without_titles(value) for key, value in node.items() if key != "title"}
    if isinstance(node, list):
        return [_without_titles(value) for value in node]
    return node


def test_it_is_what_is_served(client: TestClient) -> None:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == DOCUMENT


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_there_are_pages_to_read_it(path: str, client: TestClient) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "/openapi.json" in answer.text
