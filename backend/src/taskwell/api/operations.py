"""What can be asked for, and how it can be answered: the words that measures are told apart by."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from taskwell.api.catalogue import CATALOGUE

_SUCCESSES = {200, 201, 204, 304}


def operations(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Methods and route templates; every GET answers HEAD."""
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            yield method, str(route.path)
            if method == "GET":
                yield "HEAD", str(route.path)


def statuses() -> set[int]:
    return _SUCCESSES | {kind.status for kind in CATALOGUE.values()}
