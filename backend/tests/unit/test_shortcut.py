"""The shortcut leads where the framework would lead."""

from __future__ import annotations

from itertools import product

import pytest
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from taskwell.api.routing import PersonalRoute
from taskwell.api.shortcut import Shortcut
from taskwell.configuring import load_settings
from taskwell.main import create_app

APP = create_app(load_settings(database_url="postgresql://127.0.0.1/nowhere"))
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
WORDS = ("", "tasks", "sync", "me", "events", "api", "health", "toggle", "a b", "ä", "me\n", "\0")
PATHS = {
    "*",
    "tasks",
    *("/" + "/".join(words) for many in range(1, 4) for words in product(WORDS, repeat=many)),
    *(f"/api/ada/{path}" for path in ("tasks/", "tasks/1", "tasks/1/toggle", "tasks/1/2", "me")),
    *(f"/tasks/{path}" for path in ("1/2/3", "1/move", "1/restore", "1/complete", "deleted")),
}


def by_framework(method: str, path: str) -> object:
    scope = {"type": "http", "method": method, "path": path, "path_params": {}, "headers": []}
    for route in APP.router.routes:
        match, child = route.matches(scope)
        if match is Match.FULL:
            return (route, child["path_params"]) if isinstance(route, PersonalRoute) else None
    return None


@pytest.mark.parametrize("method", METHODS)
def test_it_leads_where_the_framework_would_lead(method: str) -> None:
    async def framework(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("nothing is asked of it here")

    shortcut = Shortcut(framework, service=APP)
    found = {path: shortcut.find(method, path) for path in PATHS}
    assert found == {path: by_framework(method, path) for path in PATHS}
    is_taken = method in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert any(found.values()) == is_taken
