"""For people, probes and orchestrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from taskwell import __version__
from taskwell.api import documented as says
from taskwell.api import trace
from taskwell.api.problems import problem
from taskwell.errors import DatabaseBusy, Unavailable
from taskwell.schemas.health import Alive, Health
from taskwell.services.upkeep import Upkeep

router = APIRouter(tags=["health"])

_NO_STORE = {"cache-control": "no-store"}


async def _upkeep(request: Request) -> Upkeep:
    found: Upkeep = request.app.state.upkeep
    return found


HouseKeeper = Annotated[Upkeep, Depends(_upkeep)]


@router.get(
    "/health",
    name="read_health",
    summary="Whether the service and its database are well",
    response_model=Health,
    responses=says.problems("database-unavailable", "database-busy", "not-ready"),
)
async def read_health(request: Request, upkeep: HouseKeeper) -> Response:
    return await _look(request, upkeep)


@router.get(
    "/health/live",
    name="read_liveness",
    summary="Whether the process answers",
    response_model=Alive,
)
async def read_liveness() -> Response:
    return JSONResponse({"status": "ok"}, headers=_NO_STORE)


@router.get(
    "/health/ready",
    name="read_readiness",
    summary="Whether requests should be sent here",
    response_model=Health,
    responses=says.problems("database-unavailable", "database-busy", "not-ready"),
)
async def read_readiness(request: Request, upkeep: HouseKeeper) -> Response:
    if request.app.state.draining:
        return problem(request.scope, "not-ready", headers={"retry-after": "1"})
    return await _look(request, upkeep)


async def _look(request: Request, upkeep: Upkeep) -> Response:
    try:
        flaw = await upkeep.flaw()
    except Unavailable as error:
        # A problem like any other, which also says which part is ill.
        trace.of(request.scope).reason = error.reason
        is_busy = isinstance(error, DatabaseBusy)
        return problem(
            request.scope,
            "database-busy" if is_busy else "database-unavailable",
            headers={"retry-after": str(error.retry_after)},
            members={"database": "busy" if is_busy else "unreachable", "version": __version__},
        )
    if flaw is not None:
        trace.of(request.scope).reason = flaw
        return problem(
            request.scope,
            "not-ready",
            headers={"retry-after": "5"},
            members={"database": "behind", "version": __version__},
        )
    status, state = ("ok", "ok") if upkeep.has_room else ("degraded", "full")
    return JSONResponse(
        {"status": status, "database": state, "version": __version__}, headers=_NO_STORE
    )
