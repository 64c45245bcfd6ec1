"""Straight to our own routes: what the framework does before it comes to them, they don't need."""

from __future__ import annotations

from collections.abc import Awaitable

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from taskwell.api.routing import PersonalRoute


class Shortcut:
    """Everything else, a path without a route and a method that it does not take among it, goes
    the framework's way."""

    def __init__(self, app: ASGIApp, *, service: FastAPI) -> None:
        self._app = app
        # By method and depth, which leaves a few to be looked at; in the framework's order.
        self._routes: dict[tuple[str, int], list[PersonalRoute]] = {}
        for route in service.router.routes:
            if isinstance(route, PersonalRoute):
                for method in route.methods or ():
                    self._routes.setdefault((method, route.path.count("/")), []).append(route)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        found = self.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            return self._app(scope, receive, send)
        route, path_params = found
        scope.update(route=route, endpoint=route.endpoint, path_params=path_params)
        return route.app(scope, receive, send)

    def find(self, method: str, path: str) -> tuple[PersonalRoute, dict[str, str]] | None:
        for route in self._routes.get((method, path.count("/")), ()):
            match = route.path_regex.match(path)
            if match is not None:
                return route, match.groupdict()
        return None
