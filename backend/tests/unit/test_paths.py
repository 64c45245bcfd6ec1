"""A path is one of ours, or it is not: what looks like one leads nowhere."""

from __future__ import annotations

import pytest
from starlette.routing import Match

from taskwell.api.operations import operations
from taskwell.configuring import load_settings
from taskwell.main import create_app

APP = create_app(load_settings(database_url="postgresql://127.0.0.1/nowhere"))
PATHS = {path for _, path in operations(APP)}


def leads_somewhere(path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "path_params": {}, "headers": []}
    return any(route.matches(scope)[0] is not Match.NONE for route in APP.router.routes)


def test_all_kinds_of_routes_are_looked_at() -> None:
    assert {"/tasks", "/events", "/me/export", "/health/live", "/docs"} <= PATHS


@pytest.mark.parametrize("path", sorted(PATHS))
def test_a_path_has_no_line_end(path: str) -> None:
    """But an id that is in the path may be anything, and is nobody's then."""
    assert leads_somewhere(path)
    assert leads_somewhere(path + "\n") == path.endswith("}")
