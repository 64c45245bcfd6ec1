"""Responses that carry tasks."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response

from taskwell.api.parameters import list_link
from taskwell.api.preconditions import ANY
from taskwell.services.lists import ListQuery, Page, Status
from taskwell.services.tasks import Rendered

# Anyone's tasks are for that one's own cache only, and to be asked for again each time.
PRIVATE = {"cache-control": "private, no-cache", "vary": "Authorization, Origin"}


def collection_path(request: Request) -> str:
    """The path of the user's tasks, in the spelling of the request."""
    user_id: str | None = request.path_params.get("user_id")
    return "/tasks" if user_id is None else f"/api/{quote(user_id, safe='')}/tasks"


def task_answer(
    task: Rendered,
    status: int = 200,
    *,
    seen: Sequence[str] | None = None,
    location: str | None = None,
) -> Response:
    headers = {**PRIVATE, "etag": f'"{task.tag}"'}
    if seen is not None and (seen == ANY or task.tag in seen):
        return Response(None, 304, headers)
    if location is not None:
        headers["location"] = location
    return Response(task.body, status, headers, "application/json")


def no_content() -> Response:
    return Response(None, 204, PRIVATE)


def seen_account_tags(seen: Sequence[str] | None, query: ListQuery) -> Sequence[str] | None:
    """Of the list tags a client has, those of this very list, as tags of the account."""
    if seen is None or query.status is Status.DELETED:
        return None
    suffix = f".{query.digest}"
    return [tag.removesuffix(suffix) for tag in seen if tag.endswith(suffix)]


def list_answer(
    request: Request, query: ListQuery, page: Page, seen: Sequence[str] | None
) -> Response:
    headers = {**PRIVATE, "x-sync-cursor": page.account_tag}
    if query.status is not Status.DELETED:
        # Deleted tasks leave for good without a revision: no tag would tell.
        headers["etag"] = f'"{page.account_tag}.{query.digest}"'
    if page.total is not None:
        headers["x-total-count"] = str(page.total)
        headers["preference-applied"] = "count=exact"
    if page.body is None or (seen == ANY and "etag" in headers):
        return Response(None, 304, headers)
    if page.next_cursor is not None:
        headers["link"] = f'<{_next(request, page.next_cursor)}>; rel="next"'
    return Response(page.body, 200, headers, "application/json")


def _next(request: Request, cursor: str) -> str:
    return f"{collection_path(request)}?{list_link(request.scope['query_string'])}cursor={cursor}"
