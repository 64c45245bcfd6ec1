"""The pages that the `type` of a problem leads to."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Path, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from taskwell.api import documented as says
from taskwell.api.catalogue import CATALOGUE
from taskwell.schemas.problems import ProblemPage

router = APIRouter(prefix="/problems", tags=["problems"])

_CACHED = {"cache-control": "public, max-age=3600", "vary": "Accept"}

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto }}
</style>
<h1>{title}</h1>
<p>{detail}</p>
<p>Status {status}, code <code>{code}</code>.</p>
</html>
"""


@router.get(
    "/{code}",
    name="read_problem",
    summary="What a problem means",
    response_model=ProblemPage,
    responses={
        200: {
            "description": "JSON, or HTML where that is asked for.",
            "content": {"text/html": {"schema": {"type": "string"}}},
        },
        **says.problems("not-found"),
    },
)
async def read_problem(
    request: Request, code: str = Path(description="The `code` of a problem.")
) -> Response:
    kind = CATALOGUE.get(code)
    if kind is None:
        raise HTTPException(404)
    page = {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail,
        "code": code,
    }
    if "text/html" in request.headers.get("accept", ""):
        content = {name: escape(str(value)) for name, value in page.items()}
        return HTMLResponse(_PAGE.format_map(content), headers=_CACHED)
    return JSONResponse(page, headers=_CACHED)
