"""Sync: what changed, and many operations in one request."""

from __future__ import annotations

import json

from fastapi import APIRouter
from starlette.responses import Response

from taskwell.api import documented as says
from taskwell.api import trace
from taskwell.api.answers import PRIVATE
from taskwell.api.bodies import JSON, large_json_body
from taskwell.api.call import Call
from taskwell.api.large_bodies import Share
from taskwell.api.parameters import SyncParameters, sync_parameters
from taskwell.api.problems import code_of, content, listed
from taskwell.api.routing import PersonalRoute
from taskwell.errors import EditConflict, InputInvalid, RequestRefused
from taskwell.schemas.sync import Changes, SyncAnswer, SyncRequest
from taskwell.services.batch import Result
from taskwell.services.changes import Delta
from taskwell.services.sync import Exchange

router = APIRouter(tags=["sync"], route_class=PersonalRoute)

_LARGEST_BATCH = 8 * 1024 * 1024


@router.get(
    "/sync",
    name="pull_changes",
    summary="What changed since a cursor",
    response_model=Changes,
    responses=says.guarded("cursor-invalid", "sync-reset-required", "validation-failed"),
    openapi_extra=says.with_query(SyncParameters),
)
async def pull_changes(call: Call) -> Response:
    """Every task changed after the cursor, deleted ones as tombstones, in the order of `rev`."""
    wanted = sync_parameters(call)
    delta = await call.sync.pull(call.user, wanted.since, wanted.limit)
    return Response(f"{{{_delta(delta)}}}", 200, PRIVATE, JSON)


@router.post(
    "/sync",
    name="exchange_changes",
    summary="Send operations and take what changed",
    response_model=SyncAnswer,
    responses=says.guarded(
        *says.BODY_PROBLEMS, "cursor-invalid", "sync-reset-required", "validation-failed"
    ),
    openapi_extra=says.takes(SyncRequest, JSON),
)
async def exchange_changes(call: Call) -> Response:
    """Each operation takes effect once. The changes include what the operations did."""
    with Share(call.user) as share:
        batch = await large_json_body(call, SyncRequest, _LARGEST_BATCH, share)
        exchange = await call.sync.exchange(call.user, batch)
    request_id = trace.of(call.scope).request_id
    results = ",".join(_result(result, exchange, request_id) for result in exchange.results)
    return Response(f'{{"results":[{results}],{_delta(exchange.delta)}}}', 200, PRIVATE, JSON)


def _delta(delta: Delta) -> str:
    more = "true" if delta.has_more else "false"
    return f'"changes":{delta.changes},"cursor":"{delta.cursor}","has_more":{more}'


def _result(result: Result, exchange: Exchange, request_id: str) -> str:
    """Tasks are JSON already, and go in as they came from the database."""
    members = [f'"op_id":{json.dumps(result.op_id)}', f'"status":"{result.status}"']
    task_id = result.task_id
    if task_id in exchange.bodies:
        members.append(f'"task":{exchange.bodies[task_id]}')
    elif task_id in exchange.tombstones:
        members.append(f'"task":{json.dumps(_tombstone(task_id, exchange.tombstones[task_id]))}')
    if result.refusal is not None:
        problem = content(code_of(result.refusal), request_id, _particulars(result.refusal))
        members.append(f'"problem":{json.dumps(problem)}')
    return f"{{{','.join(members)}}}"


def _tombstone(task_id: str, rev: int) -> dict[str, object]:
    return {"id": task_id, "rev": rev, "deleted": True}


def _particulars(refusal: RequestRefused) -> dict[str, object]:
    match refusal:
        case InputInvalid():
            return listed(refusal.flaws)
        case EditConflict():
            return {
                "conflicts": {
                    name: {"base_rev": clash.base_rev, "mine": clash.mine, "theirs": clash.theirs}
                    for name, clash in refusal.clashes.items()
                }
            }
    return {}
