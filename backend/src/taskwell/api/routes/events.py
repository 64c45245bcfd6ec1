"""Live events: a nudge to pull, whenever something has changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from taskwell.api import documented as says
from taskwell.api.call import Call
from taskwell.api.routing import StreamRoute
from taskwell.schemas.sync import Nudge
from taskwell.services.live import Stream

router = APIRouter(tags=["sync"], route_class=StreamRoute)


async def _followed(
    call: Call,
    last_event_id: Annotated[
        str | None, Header(description="Where an earlier stream ended; it goes on from there.")
    ] = None,
) -> AsyncIterator[Stream]:
    """Until the request is over. What yields the events may be left where it is when the client
    goes, and be tidied up only with the rest of the garbage."""
    identity = call.identity
    stream = Stream(identity.user_id, identity.issued_at, identity.kid, last_event_id)
    async with call.live.follow(stream):
        yield stream


@router.get(
    "/events",
    name="stream_events",
    summary="Be told when something has changed",
    response_class=EventSourceResponse,
    responses=says.guarded(),
)
async def stream_events(
    call: Call, stream: Annotated[Stream, Depends(_followed)]
) -> AsyncIterator[ServerSentEvent]:
    """Events of the name `change`, each with the cursor to pull from as its id: the first at once
    (unless Last-Event-ID is the newest already), then after every change. Ends with the token."""
    expires_at = call.identity.expires_at
    # Asked each time: news that are there already take no wait, and so have no time-out.
    while (left := expires_at - time.time()) > 0:
        try:
            async with asyncio.timeout(left):
                cursor = await stream.news()
        except TimeoutError:
            return
        if cursor is None:
            return
        rev = int(cursor.rpartition(".")[2])
        yield ServerSentEvent(event="change", id=cursor, data=Nudge(rev=rev))
