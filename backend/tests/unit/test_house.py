"""Who may import whom: the corridor is straight, and nothing imports upwards."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import taskwell

SOURCE = Path(taskwell.__file__).parent

# What a room may import beside itself. A name with a dot is one module of a room.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "models": set(),
    "logs": set(),
    "waiting": set(),
    "machine": set(),
    "config": {"machine"},
    "configuring": {"config", "errors"},
    "measures": set(),
    "schemas": {"models.limits"},
    "database": {
        *("errors", "config", "machine", "waiting", "measures.stopwatch", "measures.revisions"),
    },
    "queries": {"models", "database.statement", "statements"},
    "statements": {"database.statement"},
    "migrations": {"models", "database", "errors"},
    "services": {"statements", "schemas", "errors", "database", "models.limits", "waiting"},
    "auth": {"config", "errors"},
    "api": {"services", "schemas", "auth", "errors", "config", "logs", "measures"},
    "measuring": {"api.admission", "auth", "database", "services", "measures"},
    "main": {"api", "services", "auth", "database", "migrations.head", "config", "measuring"},
    "server": {
        *("main", "api", "services", "auth", "migrations", "database"),
        *("config", "errors", "logs", "measures"),
    },
    "migrating": {"migrations", "database", "config", "errors"},
    "operating": {"migrating", "services", "auth", "models.limits", "database", "config", "errors"},
    "archiving": {"operating", "migrations", "database", "config", "errors"},
    "doctor": {"migrating", "auth", "database", "config", "errors"},
    "commands": {
        *("server", "operating", "archiving", "doctor", "migrating", "auth", "database"),
        *("config", "configuring", "errors"),
    },
    "cli": {"commands", "errors"},
    "__main__": {"cli"},
}
FRAMEWORKS = {"fastapi", "starlette", "uvicorn"}
DRIVERS = {"asyncpg"}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name and "versions" not in parts:
            yield name, path


MODULES = dict(_modules())


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _imports(path: Path) -> Iterator[str]:
    """Full names of modules; `from a import b` is a.b where that is a module of ours."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            source = node.module or ""
            for name in node.names:
                full = f"{source}.{name.name}"
                yield full if full.removeprefix("taskwell.") in MODULES else source


def _own_imports(path: Path) -> Iterator[str]:
    """Names within our package; its version, which stands at its top, is everybody's."""
    for name in _imports(path):
        if name.startswith("taskwell."):
            yield name.removeprefix("taskwell.")


def _room(module: str) -> str:
    return module.partition(".")[0]


def _is_allowed(importer: str, imported: str) -> bool:
    room = _room(importer)
    if room == _room(imported):
        return True
    return any(
        imported == allowed or imported.startswith(f"{allowed}.") for allowed in MAY_IMPORT[room]
    )


def test_every_room_is_in_the_table() -> None:
    assert {_room(module) for module in MODULES} == MAY_IMPORT.keys()


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    refused = [name for name in _own_imports(MODULES[module]) if not _is_allowed(module, name)]
    assert refused == []


def test_there_are_no_circles() -> None:
    rooms = {room: {_room(name) for name in allowed} for room, allowed in MAY_IMPORT.items()}
    assert list(TopologicalSorter(rooms).static_order())
    modules = {
        module: {name for name in _own_imports(path) if name in MODULES and name != module}
        for module, path in MODULES.items()
    }
    try:
        TopologicalSorter(modules).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {error.args[1]}")


def _importers_of(*packages: str) -> set[str]:
    return {
        module
        for module, path in MODULES.items()
        if any(
            name == each or name.startswith(f"{each}.")
            for name in _imports(path)
            for each in packages
        )
    }


def test_only_upkeep_runs_the_statements_that_belong_to_no_user() -> None:
    assert _importers_of("taskwell.statements.upkeep") == {"services.deny_list", "services.upkeep"}


HEAVY = ("sqlalchemy", "sqlmodel", "alembic", "mako", "rich", "httpx2")


def test_who_answers_requests_carries_no_sqlalchemy() -> None:
    """It would be a fifth of the memory of the whole service, for text that is made beforehand."""
    code = "import sys, taskwell.server.service, taskwell.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE.parent)},
    )
    assert not {name.partition(".")[0] for name in loaded.stdout.split()} & set(HEAVY)


def test_only_the_edge_knows_http() -> None:
    assert {_room(module) for module in _importers_of(*FRAMEWORKS)} <= {"api", "main", "server"}


def test_only_the_database_touches_the_driver() -> None:
    assert {_room(module) for module in _importers_of(*DRIVERS)} <= {"database", "migrations"}


def _reads_environment(path: Path) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (
            isinstance(node, ast.ImportFrom)
            and any(n.name in ("environ", "getenv") for n in node.names)
        )
        for node in ast.walk(_tree(path))
    )


# A process that becomes another program hands over what it has.
PASSES_ENVIRONMENT_ON = {"server.handover"}


def test_only_the_settings_read_the_environment() -> None:
    readers = {module for module, path in MODULES.items() if _reads_environment(path)}
    assert readers - PASSES_ENVIRONMENT_ON == {"config", "configuring"}


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_sizes_are_told(record_property: Callable[[str, object], None]) -> None:
    """Told and not enforced: past these sizes one asks what the second idea is."""
    for module, path in MODULES.items():
        lines = len(path.read_text().splitlines())
        if lines > 250:
            record_property(module, lines)
        for name, length in _functions(path):
            if length > 40:
                record_property(f"{module}.{name}", length)
    assert MODULES
