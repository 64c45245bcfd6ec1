"""All that the user has: out, back in, erased."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, Response

from taskwell.api import documented as says
from taskwell.api.answers import PRIVATE, no_content
from taskwell.api.bodies import JSON, json_body
from taskwell.api.dependencies import BelongingsService, CurrentUser
from taskwell.schemas.belongings import ExportDocument, ImportDocument, Imported

router = APIRouter(prefix="/me", tags=["me"])

_LARGEST_IMPORT = 64 * 1024 * 1024

Document = Annotated[
    ImportDocument, Depends(json_body(ImportDocument, JSON, limit=_LARGEST_IMPORT))
]


@router.get(
    "/export",
    name="export_account",
    summary="Everything, as one document",
    response_model=ExportDocument,
    responses=says.guarded(),
)
async def export_account(user: CurrentUser, belongings: BelongingsService) -> Response:
    """What `POST /me/import` takes, here or elsewhere."""
    return Response(await belongings.export(user), 200, PRIVATE, JSON)


@router.post(
    "/import",
    name="import_account",
    summary="Bring an export back",
    response_model=Imported,
    responses=says.guarded(*says.BODY_PROBLEMS, "task-limit-reached"),
    openapi_extra=says.takes(ImportDocument, JSON),
)
async def import_account(
    user: CurrentUser, document: Document, belongings: BelongingsService
) -> Response:
    """Ids and times are kept. Safe to repeat; all of it or nothing."""
    return JSONResponse(await belongings.bring_back(user, document), headers=PRIVATE)


@router.delete(
    "",
    name="erase_account",
    summary="Erase everything",
    status_code=204,
    responses={204: {"description": "Erased."}, **says.guarded()},
)
async def erase_account(user: CurrentUser, belongings: BelongingsService) -> Response:
    """At once and for good, deleted tasks too. No cursor or tag from before fits after it."""
    await belongings.erase(user)
    return no_content()
