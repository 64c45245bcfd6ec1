"""What the framework calls for each request must not cost a hop to a thread."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

from taskwell.api import problems
from taskwell.api.routes import health

HANDLERS = {"_refused", "_not_valid", "_raised_by_framework"}


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (problems, HANDLERS),
        (health, {"_upkeep"}),
    ],
)
def test_they_are_coroutines(module: ModuleType, names: set[str]) -> None:
    found = {
        name: function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and name in names
    }
    assert len(found) >= len(names)
    assert [name for name in found if not inspect.iscoroutinefunction(found[name])] == []
