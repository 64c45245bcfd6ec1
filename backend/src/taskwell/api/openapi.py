"""The description of the API: what the routes say of themselves, and what holds for all of them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from taskwell import __version__
from taskwell.api import documented as says
from taskwell.schemas.belongings import ImportDocument
from taskwell.schemas.problems import Problem
from taskwell.schemas.sync import Move, SyncOperation, SyncRequest
from taskwell.schemas.tasks import TaskCompletion, TaskCreate, TaskPatch, TaskReplace

_DESCRIPTION = """\
Tasks of many users, each of whom sees only their own.

Every request but those for health, problems and this description carries a token of the issuer:
`Authorization: Bearer <JWT>`. Somebody else's task is answered exactly as one that does not exist.
`/tasks` and `/api/{user_id}/tasks` are the same resource, `{user_id}` being the token's `sub`.
Every GET answers HEAD, every path OPTIONS, and every error is `application/problem+json`.

Whatever is asked for, the answer may also be one of these: `malformed-request` (400),
`not-found` (404), `method-not-allowed` (405), `request-timeout` (408), `target-too-long` (414),
`headers-too-large` (431), `internal-error` (500), `overloaded` (503, with Retry-After). What they
and all others mean is told at `/problems/{code}`. Within the results of a sync there are
`edit-conflict`, `operation-reused` and `batch-aborted` too. Range, conditions on dates and Accept
are not honoured: each answer is whole, and of the type that is given here.
"""
_INPUTS = (
    TaskCreate,
    TaskReplace,
    TaskPatch,
    TaskCompletion,
    Move,
    SyncRequest,
    SyncOperation,
    ImportDocument,
    Problem,
)
_USER = {
    "name": "user_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "title": "User Id"},
    "description": "The `sub` of your token; any other is answered as absent.",
}
_OPEN_TAGS = ("health", "problems")


def operation_id(route: APIRoute) -> str:
    """Stable, and what a generated client calls its methods."""
    if route.path_format.startswith("/api/{user_id}"):
        return f"{route.name}_of_user"
    return route.name


def describe(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title="Taskwell",
            version=__version__,
            description=_DESCRIPTION,
            routes=app.routes,
            license_info={"name": "MIT", "identifier": "MIT"},
        )
        _complete(document)
        app.openapi_schema = document
    return app.openapi_schema


def _complete(document: dict[str, Any]) -> None:
    _, inputs = models_json_schema(
        [(model, "validation") for model in _INPUTS],
        ref_template="#/components/schemas/{model}",
    )
    components = document["components"]
    components["schemas"] = {**components["schemas"], **inputs["$defs"]}
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete_operation(path, method, operation)


def _complete_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    own = responses.get("422", {}).get("content", {})
    if "application/json" in own:
        # The framework's own idea of an error, which is never sent.
        del responses["422"]
    if "/tasks" in path and method != "get":
        says.add_idempotency(operation)
    if path.startswith("/api/{user_id}"):
        absent = says.problems("task-not-found")[404]
        responses.setdefault("404", absent)
        operation["parameters"] = [_USER, *operation.get("parameters", [])]
    if operation["tags"][0] not in _OPEN_TAGS:
        operation["security"] = [{"token": []}]
    for response in responses.values():
        says.complete_response(response)
