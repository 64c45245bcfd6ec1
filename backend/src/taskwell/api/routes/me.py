"""All that the user has: out, back in, erased."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from taskwell.api import documented as says
from taskwell.api.answers import PRIVATE, no_content
from taskwell.api.bodies import JSON, large_json_body
from taskwell.api.call import Call
from taskwell.api.large_bodies import Share
from taskwell.api.routing import PersonalRoute
from taskwell.schemas.belongings import ExportDocument, ImportDocument, Imported

router = APIRouter(prefix="/me", tags=["me"], route_class=PersonalRoute)

_LARGEST_IMPORT = 64 * 1024 * 1024


@router.get(
    "/export",
    name="export_account",
    summary="Everything, as one document",
    response_model=ExportDocument,
    responses=says.guarded(),
)
async def export_account(call: Call) -> Response:
    """What `POST /me/import` takes, here or elsewhere."""
    return Response(await call.belongings.export(call.user), 200, PRIVATE, JSON)


@router.post(
    "/import",
    name="import_account",
    summary="Bring an export back",
    response_model=Imported,
    responses=says.guarded(*says.BODY_PROBLEMS, "task-limit-reached"),
    openapi_extra=says.takes(ImportDocument, JSON),
)
async def import_account(call: Call) -> Response:
    """Ids and times are kept. Safe to repeat; all of it or nothing."""
    with Share(call.user) as share:
        document = await large_json_body(call, ImportDocument, _LARGEST_IMPORT, share)
        imported = await call.belongings.bring_back(call.user, document)
    return JSONResponse(imported, headers=PRIVATE)


@router.delete(
    "",
    name="erase_account",
    summary="Erase everything",
    status_code=204,
    responses={204: {"description": "Erased."}, **says.guarded()},
)
async def erase_account(call: Call) -> Response:
    """At once and for good, deleted tasks too. No cursor or tag from before fits after it."""
    await call.belongings.erase(call.user)
    return no_content()
