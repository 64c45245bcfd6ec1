"""The file of compiled statements: `python -m taskwell.queries` writes it, a test holds it true."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files

from taskwell.database.statement import Statement

FILE = files("taskwell.statements") / "compiled.json"


def as_text(statements: list[Statement]) -> str:
    """A line each, so that a change shows which one has changed."""
    lines = [json.dumps(asdict(statement)) for statement in statements]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _read() -> dict[str, Statement]:
    found = {}
    for members in json.loads(FILE.read_text()):
        parameters = tuple(members.pop("parameters"))
        found[members["name"]] = Statement(parameters=parameters, **members)
    return found


_ALL = _read()


def statement(name: str) -> Statement:
    return _ALL[name]
