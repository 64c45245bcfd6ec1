"""What routes ask for by name.

All are coroutines, though few wait: the framework runs plain functions in a thread each.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Path, Query, Request
from starlette.datastructures import Headers

from taskwell.api import trace
from taskwell.auth.gate import Gate
from taskwell.auth.identity import Identity
from taskwell.errors import Flaw, InputInvalid, TaskNotFound
from taskwell.services import lists, tasks
from taskwell.services.belongings import Belongings
from taskwell.services.lists import LONGEST_SEARCH, SortKey, Status
from taskwell.services.live import Live
from taskwell.services.receipts import Claim
from taskwell.services.sync import Sync
from taskwell.services.upkeep import DenyList, Purge

SortWord = Literal[
    "order",
    "-order",
    "created_at",
    "-created_at",
    "updated_at",
    "-updated_at",
    "completed_at",
    "-completed_at",
    "text",
    "-text",
]


async def identify(request: Request) -> Identity:
    gate: Gate = request.app.state.gate
    identity = await gate.user(
        [
            value.decode("latin-1")
            for name, value in request.scope["headers"]
            if name == b"authorization"
        ]
    )
    deny_list: DenyList = request.app.state.deny_list
    await deny_list.check(identity.user_id, identity.issued_at, identity.kid)
    purge: Purge = request.app.state.purge
    purge.begin_if_due()
    trace.of(request.scope).user_id = identity.user_id
    return identity


CurrentIdentity = Annotated[Identity, Depends(identify)]


async def _current_user(identity: CurrentIdentity) -> str:
    return identity.user_id


CurrentUser = Annotated[str, Depends(_current_user)]


async def own_path(
    user: CurrentUser,
    user_id: Annotated[
        str, Path(description="The `sub` of your token; any other is answered as absent.")
    ],
) -> None:
    if user_id != user:
        raise TaskNotFound


async def _tasks(request: Request) -> tasks.Tasks:
    found: tasks.Tasks = request.app.state.tasks
    claim: Claim | None = getattr(request.state, "claim", None)
    return found if claim is None else found.within(claim.runner)


async def _lists(request: Request) -> lists.Lists:
    found: lists.Lists = request.app.state.lists
    return found


async def _sync(request: Request) -> Sync:
    found: Sync = request.app.state.sync
    return found


async def _belongings(request: Request) -> Belongings:
    found: Belongings = request.app.state.belongings
    return found


async def _live(request: Request) -> Live:
    found: Live = request.app.state.live
    return found


async def _headers(request: Request) -> Headers:
    return request.headers


async def _list_query(
    status: Annotated[Status, Query(description="Which tasks.")] = Status.ALL,
    q: Annotated[
        str | None,
        Query(
            max_length=LONGEST_SEARCH,
            json_schema_extra={"pattern": r"^[^\u0000]*$"},
            description="Part of the text, upper or lower case; `%` and `_` mean themselves.",
        ),
    ] = None,
    sort: Annotated[SortWord, Query(description="With `-`: descending.")] = "order",
    limit: Annotated[
        int, Query(ge=1, le=lists.MOST_ON_A_PAGE, description="The most that one answer has.")
    ] = lists.MOST_ON_A_PAGE,
    cursor: Annotated[
        str | None, Query(max_length=8192, description="From the Link of the page before.")
    ] = None,
) -> lists.ListQuery:
    if q is not None and "\0" in q:
        raise InputInvalid(Flaw("/q", "nul-character", "must not contain the NUL character"))
    return lists.ListQuery(
        status=status,
        search=q or None,
        sort=SortKey(sort.removeprefix("-")),
        descending=sort.startswith("-"),
        limit=limit,
        cursor=cursor,
    )


Tasks = Annotated[tasks.Tasks, Depends(_tasks)]
SyncService = Annotated[Sync, Depends(_sync)]
BelongingsService = Annotated[Belongings, Depends(_belongings)]
LiveService = Annotated[Live, Depends(_live)]
Lists = Annotated[lists.Lists, Depends(_lists)]
RequestHeaders = Annotated[Headers, Depends(_headers)]
ListQuery = Annotated[lists.ListQuery, Depends(_list_query)]
TaskId = Annotated[
    str, Path(description="The task's id, a UUID; any other string is answered as absent.")
]
