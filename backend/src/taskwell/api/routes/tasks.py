"""Everything under /tasks, and the same under /api/{user_id}/tasks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
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
from taskwell.api.dependencies import CurrentUser, ListQuery, Lists, RequestHeaders, TaskId, Tasks
from taskwell.api.idempotency import KeyedRoute
from taskwell.api.preconditions import (
    ANY,
    has_if_match,
    if_match,
    if_none_match,
    wants_exact_count,
)
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

NewTask = Annotated[TaskCreate, Depends(json_body(TaskCreate))]
WholeTask = Annotated[TaskReplace, Depends(json_body(TaskReplace))]
Patch = Annotated[TaskPatch, Depends(json_body(TaskPatch, JSON, MERGE_PATCH))]
Where = Annotated[Move, Depends(json_body(Move))]
Completion = Annotated[TaskCompletion | None, Depends(optional_json_body(TaskCompletion))]


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
    openapi_extra=says.if_none_match_or_prefer,
)
async def list_tasks(
    request: Request, user: CurrentUser, tasks: Lists, query: ListQuery, headers: RequestHeaders
) -> Response:
    """All that the user has, or what the filters leave of it, page by page."""
    seen = if_none_match(headers)
    page = await tasks.page(
        user, query, seen=seen_account_tags(seen, query), counts=wants_exact_count(headers)
    )
    return list_answer(request, query, page, seen)


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
async def create_task(
    request: Request, user: CurrentUser, task: NewTask, tasks: Tasks, headers: RequestHeaders
) -> Response:
    """Send an `id` of your own making and the create can be repeated safely."""
    must_be_new = if_none_match(headers) == ANY
    if has_if_match(headers):
        # A task that is yet to be made has no tag that could match.
        raise PreconditionFailed
    created = await tasks.create(user, task, must_be_new=must_be_new)
    location = f"{collection_path(request)}/{created.id}"
    return task_answer(created.task, 201 if created.is_new else 200, location=location)


@router.delete(
    "/tasks",
    name="clear_completed_tasks",
    summary="Delete the completed tasks",
    response_model=Cleared,
    responses=says.guarded("filter-required", "malformed-header", "precondition-failed"),
    openapi_extra=says.only_completed_if_match,
)
async def clear_completed_tasks(
    user: CurrentUser,
    tasks: Tasks,
    headers: RequestHeaders,
    status: Annotated[str | None, Query(include_in_schema=False)] = None,
) -> Response:
    """With If-Match, only if the list of the completed tasks still has that tag."""
    if status != Status.COMPLETED:
        raise FilterRequired
    completed = lists.ListQuery(status=Status.COMPLETED)
    deleted = await tasks.clear_completed(user, seen_account_tags(if_match(headers), completed))
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
async def read_task(
    user: CurrentUser, task_id: TaskId, tasks: Tasks, headers: RequestHeaders
) -> Response:
    seen = if_none_match(headers)
    return task_answer(await tasks.read(user, task_id), seen=seen)


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
async def replace_task(
    user: CurrentUser, task_id: TaskId, task: WholeTask, tasks: Tasks, headers: RequestHeaders
) -> Response:
    """Never creates. `completed` left out is false; `order` left out stays."""
    if task.id is not MISSING and task.id != task_id.lower():
        raise InputInvalid(Flaw("/id", "immutable", "must be the id in the path, or be left out"))
    return task_answer(await tasks.replace(user, task_id, task, if_match(headers)))


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
async def update_task(
    user: CurrentUser, task_id: TaskId, patch: Patch, tasks: Tasks, headers: RequestHeaders
) -> Response:
    """What is left out stays. A patch that changes nothing makes no new revision."""
    return task_answer(await tasks.patch(user, task_id, patch, if_match(headers)))


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
async def delete_task(
    user: CurrentUser, task_id: TaskId, tasks: Tasks, headers: RequestHeaders
) -> Response:
    await tasks.delete(user, task_id, if_match(headers))
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
async def toggle_task(
    user: CurrentUser, task_id: TaskId, tasks: Tasks, headers: RequestHeaders
) -> Response:
    """No body is read. Not safe to repeat: `complete` with a body is."""
    return task_answer(await tasks.toggle(user, task_id, if_match(headers)))


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
async def complete_task(
    user: CurrentUser, task_id: TaskId, wanted: Completion, tasks: Tasks, headers: RequestHeaders
) -> Response:
    """With a body it is safe to repeat; without one it flips."""
    match = if_match(headers)
    if wanted is None:
        return task_answer(await tasks.toggle(user, task_id, match))
    return task_answer(await tasks.complete(user, task_id, wanted.completed, match))


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
async def move_task(
    user: CurrentUser, task_id: TaskId, where: Where, tasks: Tasks, headers: RequestHeaders
) -> Response:
    """Where there is no room left in between, a few neighbours get a new `order` too."""
    return task_answer(await tasks.move(user, task_id, where, if_match(headers)))


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
async def restore_task(
    user: CurrentUser, task_id: TaskId, tasks: Tasks, headers: RequestHeaders
) -> Response:
    """While it is kept: `GET /tasks?status=deleted` lists them. A living task stays as it is."""
    return task_answer(await tasks.restore(user, task_id, if_match(headers)))
