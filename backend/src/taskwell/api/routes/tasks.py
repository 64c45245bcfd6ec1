"""Everything under /tasks, and the same under /api/{user_id}/tasks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import MISSING
from starlette.responses import JSONResponse, Response

from taskwell.api import documented as says
from taskwell.api.answers import (
    PRIVATE,
    collection_path,
    list_answer,
    no_content,
    seen_account_tags,
    task_answer,
)
from taskwell.api.bodies import JSON, MERGE_PATCH, json_body, optional_json_body
from taskwell.api.call import Call
from taskwell.api.parameters import ListParameters, clears_completed, list_query
from taskwell.api.preconditions import (
    ANY,
    has_if_match,
    if_match,
    if_none_match,
    wants_exact_count,
)
from taskwell.api.routing import KeyedRoute
from taskwell.errors import FilterRequired, Flaw, InputInvalid, PreconditionFailed
from taskwell.schemas.sync import Move
from taskwell.schemas.tasks import (
    Cleared,
    Task,
    TaskCompletion,
    TaskCreate,
    TaskPatch,
    TaskReplace,
)
from taskwell.services import lists
from taskwell.services.lists import Status

router = APIRouter(tags=["tasks"], route_class=KeyedRoute)

TaskId = Annotated[
    str, Path(description="The task's id, a UUID; any other string is answered as absent.")
]


@router.get(
    "/tasks",
    name="list_tasks",
    summary="List the tasks",
    response_model=list[Task],
    responses={
        200: {
            "headers": says.headers(
                "ETag", "Link", "X-Total-Count", "X-Sync-Cursor", "Preference-Applied"
            )
        },
        304: {
            "description": "Nothing has changed.",
            "headers": says.headers("ETag", "X-Total-Count", "X-Sync-Cursor", "Preference-Applied"),
        },
        **says.guarded(
            "cursor-invalid", "malformed-header", "target-too-long", "validation-failed"
        ),
    },
    openapi_extra=says.with_query(ListParameters, says.if_none_match_or_prefer),
)
async def list_tasks(call: Call) -> Response:
    """All that the user has, or what the filters leave of it, page by page."""
    query = list_query(call)
    seen = if_none_match(call.headers)
    page = await call.lists.page(
        call.user,
        query,
        seen=seen_account_tags(seen, query),
        counts=wants_exact_count(call.headers),
    )
    return list_answer(call, query, page, seen)


@router.post(
    "/tasks",
    name="create_task",
    summary="Create a task",
    status_code=201,
    response_model=Task,
    responses={
        200: {
            "model": Task,
            "description": "The same create again: the task as it now is.",
            "headers": says.headers("ETag", "Location"),
        },
        201: {"description": "Created.", "headers": says.headers("ETag", "Location")},
        **says.guarded(
            *says.BODY_PROBLEMS,
            "task-id-taken",
            "task-deleted",
            "task-limit-reached",
            "precondition-failed",
        ),
    },
    openapi_extra={**says.takes(TaskCreate, JSON), **says.if_new},
)
async def create_task(call: Call) -> Response:
    """Send an `id` of your own making and the create can be repeated safely."""
    task = await json_body(call, TaskCreate)
    must_be_new = if_none_match(call.headers) == ANY
    if has_if_match(call.headers):
        # A task that is yet to be made has no tag that could match.
        raise PreconditionFailed
    created = await call.tasks.create(call.user, task, must_be_new=must_be_new)
    location = f"{collection_path(call)}/{created.id}"
    return task_answer(created.task, 201 if created.is_new else 200, location=location)


@router.delete(
    "/tasks",
    name="clear_completed_tasks",
    summary="Delete the completed tasks",
    response_model=Cleared,
    responses=says.guarded("filter-required", "malformed-header", "precondition-failed"),
    openapi_extra=says.only_completed_if_match,
)
async def clear_completed_tasks(call: Call) -> Response:
    """With If-Match, only if the list of the completed tasks still has that tag."""
    if not clears_completed(call):
        raise FilterRequired
    completed = lists.ListQuery(status=Status.COMPLETED)
    deleted = await call.tasks.clear_completed(
        call.user, seen_account_tags(if_match(call.headers), completed)
    )
    return JSONResponse({"deleted": deleted}, headers=PRIVATE)


@router.get(
    "/tasks/{task_id}",
    name="read_task",
    summary="Read a task",
    response_model=Task,
    responses={
        200: {"headers": says.headers("ETag")},
        304: {"description": "It has not changed.", "headers": says.headers("ETag")},
        **says.guarded("task-not-found", "malformed-header"),
    },
    openapi_extra=says.if_none_match,
)
async def read_task(call: Call, task_id: TaskId) -> Response:
    seen = if_none_match(call.headers)
    return task_answer(await call.tasks.read(call.user, task_id), seen=seen)


@router.put(
    "/tasks/{task_id}",
    name="replace_task",
    summary="Replace a task",
    response_model=Task,
    responses={
        200: {"headers": says.headers("ETag")},
        **says.guarded(*says.BODY_PROBLEMS, "task-not-found", "precondition-failed"),
    },
    openapi_extra={**says.takes(TaskReplace, JSON), **says.if_match},
)
async def replace_task(call: Call, task_id: TaskId) -> Response:
    """Never creates. `completed` left out is false; `order` left out stays."""
    task = await json_body(call, TaskReplace)
    if task.id is not MISSING and task.id != task_id.lower():
        raise InputInvalid(Flaw("/id", "immutable", "must be the id in the path, or be left out"))
    return task_answer(await call.tasks.replace(call.user, task_id, task, if_match(call.headers)))


@router.patch(
    "/tasks/{task_id}",
    name="update_task",
    summary="Change some members of a task",
    response_model=Task,
    responses={
        200: {"headers": says.headers("ETag")},
        **says.guarded(*says.BODY_PROBLEMS, "task-not-found", "precondition-failed"),
    },
    openapi_extra={**says.takes(TaskPatch, JSON, MERGE_PATCH), **says.if_match},
)
async def update_task(call: Call, task_id: TaskId) -> Response:
    """What is left out stays. A patch that changes nothing makes no new revision."""
    patch = await json_body(call, TaskPatch, JSON, MERGE_PATCH)
    return task_answer(await call.tasks.patch(call.user, task_id, patch, if_match(call.headers)))


@router.delete(
    "/tasks/{task_id}",
    name="delete_task",
    summary="Delete a task",
    status_code=204,
    responses={
        204: {"description": "Deleted."},
        **says.guarded("task-not-found", "malformed-header", "precondition-failed"),
    },
    openapi_extra=says.if_match,
)
async def delete_task(call: Call, task_id: TaskId) -> Response:
    await call.tasks.delete(call.user, task_id, if_match(call.headers))
    return no_content()


@router.patch(
    "/tasks/{task_id}/toggle",
    name="toggle_task",
    summary="Flip completed",
    response_model=Task,
    responses={
        200: {"headers": says.headers("ETag")},
        **says.guarded("task-not-found", "malformed-header", "precondition-failed"),
    },
    openapi_extra=says.if_match,
)
async def toggle_task(call: Call, task_id: TaskId) -> Response:
    """No body is read. Not safe to repeat: `complete` with a body is."""
    return task_answer(await call.tasks.toggle(call.user, task_id, if_match(call.headers)))


@router.patch(
    "/tasks/{task_id}/complete",
    name="complete_task",
    summary="Set completed, or flip it",
    response_model=Task,
    responses={
        200: {"headers": says.headers("ETag")},
        **says.guarded(*says.BODY_PROBLEMS, "task-not-found", "precondition-failed"),
    },
    openapi_extra={**says.takes(TaskCompletion, JSON, required=False), **says.if_match},
)
async def complete_task(call: Call, task_id: TaskId) -> Response:
    """With a body it is safe to repeat; without one it flips."""
    match = if_match(call.headers)
    wanted = await optional_json_body(call, TaskCompletion)
    if wanted is None:
        return task_answer(await call.tasks.toggle(call.user, task_id, match))
    return task_answer(await call.tasks.complete(call.user, task_id, wanted.completed, match))


@router.post(
    "/tasks/{task_id}/move",
    name="move_task",
    summary="Put a task before or after another",
    response_model=Task,
    responses={
        200: {"headers": says.headers("ETag")},
        **says.guarded(*says.BODY_PROBLEMS, "task-not-found", "precondition-failed"),
    },
    openapi_extra={**says.takes(Move, JSON), **says.if_match},
)
async def move_task(call: Call, task_id: TaskId) -> Response:
    """Where there is no room left in between, a few neighbours get a new `order` too."""
    where = await json_body(call, Move)
    return task_answer(await call.tasks.move(call.user, task_id, where, if_match(call.headers)))


@router.post(
    "/tasks/{task_id}/restore",
    name="restore_task",
    summary="Bring a deleted task back",
    response_model=Task,
    responses={
        200: {"headers": says.headers("ETag")},
        **says.guarded(
            "task-not-found", "task-limit-reached", "malformed-header", "precondition-failed"
        ),
    },
    openapi_extra=says.if_match,
)
async def restore_task(call: Call, task_id: TaskId) -> Response:
    """While it is kept: `GET /tasks?status=deleted` lists them. A living task stays as it is."""
    return task_answer(await call.tasks.restore(call.user, task_id, if_match(call.headers)))
