"""Bodies: what each operation takes, and what it never should."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from contract.operations import OPERATIONS, Operation
from faults.generated.memory import Memory
from faults.generated.values import a_text, a_uuid, bitten, dumped, spoiled

_TYPES = ("create", "update", "complete", "move", "delete", "restore")


def _order(chance: random.Random) -> int:
    return chance.choice((0, 1, 1024, 1024, 2048, -5, 2**53 - 1, -(2**53) + 1))


def _create(chance: random.Random, memory: Memory) -> dict[str, Any]:
    made: dict[str, Any] = {"text": a_text(chance)}
    if chance.random() < 0.4:
        made["id"] = memory.some_id(chance)
    if chance.random() < 0.4:
        made["completed"] = chance.random() < 0.5
    if chance.random() < 0.2:
        made["order"] = _order(chance)
    return made


def _replace(chance: random.Random, _: Memory) -> dict[str, Any]:
    made: dict[str, Any] = {"text": a_text(chance), "completed": chance.random() < 0.5}
    return {**made, "rev": 1, "user_id": "x"} if chance.random() < 0.3 else made


def _patch(chance: random.Random, _: Memory) -> dict[str, Any]:
    whole = {"text": a_text(chance), "completed": chance.random() < 0.5, "order": _order(chance)}
    return {name: value for name, value in whole.items() if chance.random() < 0.5}


def _complete(chance: random.Random, _: Memory) -> dict[str, Any]:
    return {"completed": chance.random() < 0.5}


def _move(chance: random.Random, memory: Memory) -> dict[str, Any]:
    side = chance.choice(("before", "after", "to", "to"))
    return {side: chance.choice(("first", "last")) if side == "to" else memory.some_id(chance)}


def _operation(chance: random.Random, memory: Memory) -> dict[str, Any]:
    kind = chance.choice(_TYPES)
    made: dict[str, Any] = {
        "op_id": memory.some_operation(chance),
        "type": kind,
        "id": memory.some_id(chance),
    }
    if chance.random() < 0.4:
        made["base_rev"] = chance.choice((0, 1, memory.rev, memory.rev + 1, 2**62))
    if kind == "create":
        made["set"] = {"text": a_text(chance)}
    elif kind == "complete":
        made["set"] = _complete(chance, memory)
    elif kind == "move":
        made["set"] = _move(chance, memory)
    elif kind in ("update", "restore"):
        made["set"] = _patch(chance, memory)
    return made


def _sync(chance: random.Random, memory: Memory) -> dict[str, Any]:
    many = chance.choice((0, 1, 1, 2, 3, 8))
    made: dict[str, Any] = {"operations": [_operation(chance, memory) for _ in range(many)]}
    if chance.random() < 0.5:
        made["cursor"] = memory.some_sync_cursor(chance)
    if chance.random() < 0.3:
        made["atomic"] = chance.random() < 0.5
    made["limit"] = chance.choice((1, 2, 20, 50))
    return made


def _import(chance: random.Random, memory: Memory) -> dict[str, Any]:
    def task() -> dict[str, Any]:
        at = f"{chance.choice((1901, 2020, 2026, 8999))}-11-21T08:30:00.123456+00:00"
        done = chance.random() < 0.5
        return {
            "id": memory.some_id(chance), "text": a_text(chance), "completed": done,
            "order": _order(chance), "created_at": at, "updated_at": at,
            "completed_at": at if done else None,
        }  # fmt: skip

    return {
        "format": "taskwell-export-1",
        "tasks": [task() for _ in range(chance.randrange(4))],
        "deleted_tasks": [task() for _ in range(chance.choice((0, 0, 1)))],
    }


_MAKERS: dict[str, Callable[[random.Random, Memory], dict[str, Any]]] = {
    "TaskCreate": _create,
    "TaskReplace": _replace,
    "TaskPatch": _patch,
    "TaskCompletion": _complete,
    "Move": _move,
    "SyncRequest": _sync,
    "ImportDocument": _import,
}


def _described(operation: Operation) -> tuple[list[str], str, list[Any]]:
    """Its media types, the name of its schema, and the examples of it."""
    described = operation.description.get("requestBody")
    if described is None:
        return [], "", []
    (name,) = {
        content["schema"]["$ref"].rpartition("/")[2] for content in described["content"].values()
    }
    examples = [json.loads(body.content) for body in operation.bodies if body is not None]
    return list(described["content"]), name, examples


_DESCRIBED = {operation.id: _described(operation) for operation in OPERATIONS}


def a_body(
    operation: Operation, chance: random.Random, memory: Memory
) -> tuple[str | None, bytes | None]:
    """And its media type; neither where there is none."""
    media_types, name, examples = _DESCRIBED[operation.id]
    if not media_types:
        return (None, None) if chance.random() < 0.95 else ("application/json", b"{}")
    if chance.random() < 0.02:
        return None, None
    maker = _MAKERS.get(name)
    value = chance.choice(examples) if maker is None else maker(chance, memory)
    kind = chance.random()
    if kind < 0.6:
        raw = dumped(value)
    elif kind < 0.9:
        raw = spoiled(value, chance)
    elif kind < 0.98:
        raw = bitten(dumped(value), chance)
    else:
        raw = chance.choice((b"", b" ", b"null", b"[]", b"{}", b'""', a_uuid(chance).encode()))
    if chance.random() < 0.002:
        raw = raw.ljust(chance.choice((70_000, 2**20, 2**20 + 1)))
    return chance.choice(media_types), raw
