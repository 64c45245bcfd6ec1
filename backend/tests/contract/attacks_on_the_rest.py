"""Keys, moves, batches and imports."""

from __future__ import annotations

import json
from typing import Any

from contract.attacks import ABSENT, JSON, MINE, Attack, invalid
from contract.attacks_on_lists import encoded

_TASK = f"/tasks/{MINE}"


def _keys(name: str, *values: str) -> list[Attack]:
    headers = tuple(("Idempotency-Key", value) for value in values)
    return [
        Attack(
            f"key: {name}, {method} {path.count('/')}",
            400,
            "idempotency-key-invalid",
            method,
            path,
            headers=(*headers, *JSON),
            body=body,
        )
        for method, path, body in (
            ("POST", "/tasks", b'{"text": "canary"}'),
            ("PATCH", _TASK, b'{"text": "canary"}'),
            ("DELETE", _TASK, None),
            ("PATCH", f"{_TASK}/toggle", None),
            ("DELETE", "/tasks?status=completed", None),
        )
    ]


KEYS = [
    *_keys("empty", ""),
    *_keys("256 characters", "a" * 256),
    *_keys("8 KB", "a" * 8192),
    *_keys("a space", "can ary"),
    *_keys("beyond ASCII", "can\xe4ry"),
    *_keys("two of them", "canary", "canary"),
]


def _move(name: str, content: object, flaw: str) -> Attack:
    body = json.dumps(content).encode()
    return invalid(f"move: {name}", body, flaw, path=f"{_TASK}/move")


MOVES = [
    _move("nowhere", {}, "one-of"),
    _move("to two places", {"to": "first", "before": ABSENT}, "one-of"),
    _move("to no place", {"to": "canary"}, "not-a-choice"),
    _move("to null", {"to": None}, "not-a-choice"),
    _move("beside no UUID", {"before": "canary"}, "not-a-uuid"),
    _move("beside NUL", {"after": "\0"}, "not-a-uuid"),
    _move("beside half a surrogate pair", {"after": "\ud800"}, "not-a-uuid"),
    _move("beside null", {"after": None}, "wrong-type"),
    _move("beside what is absent", {"after": ABSENT}, "no-such-task"),
    _move("with more", {"to": "first", "canary": 1}, "unknown-member"),
]


def _sync(name: str, content: object, flaw: str) -> Attack:
    return invalid(f"sync: {name}", json.dumps(content).encode(), flaw, path="/sync")


def _cursor(name: str, value: str) -> list[Attack]:
    body = json.dumps({"cursor": value}).encode()
    posted = Attack(
        f"sync: {name}, sent", 400, "cursor-invalid", path="/sync", headers=JSON, body=body
    )
    query = "".join(f"%{byte:02X}" for byte in value.encode())
    return [
        posted,
        Attack(f"sync: {name}, asked", 400, "cursor-invalid", "GET", f"/sync?since={query}"),
    ]


SYNC = [
    _sync("501 operations", {"operations": [{}] * 501}, "too-long"),
    _sync("operations of another type", {"operations": {"canary": 1}}, "wrong-type"),
    _sync("an unknown member", {"canary": []}, "unknown-member"),
    _sync("a limit out of range", {"limit": 1001}, "out-of-range"),
    _sync("atomic as a number", {"atomic": 1}, "wrong-type"),
    _sync("a cursor of another type", {"cursor": 1}, "wrong-type"),
    _sync("half a surrogate pair as cursor", {"cursor": "\ud800"}, "lone-surrogate"),
    _sync("a cursor of 201 characters", {"cursor": "a" * 201}, "too-long"),
    *_cursor("a garbled cursor", "canary"),
    *_cursor("NUL as cursor", "\0"),
    *_cursor("a cursor beyond all revisions", "canary." + "9" * 100),
    *_cursor("a revision below zero", "canary.-1"),
    *_cursor("a revision in other digits", "canary.\u0661"),
    *_cursor("a cursor of a list", encoded(["canary", "1", ABSENT])),
    Attack(
        "sync: over the limit",
        413,
        "body-too-large",
        path="/sync",
        headers=JSON,
        body=b"[" + b" " * (8 * 1024 * 1024),
    ),
]


def _import(name: str, flaw: str, task: dict[str, Any] | None = None, **members: Any) -> Attack:
    whole = {
        "id": ABSENT,
        "text": "canary",
        "completed": False,
        "order": 1,
        "created_at": "2026-11-21T08:30:00Z",
        "updated_at": "2026-11-21T08:30:00Z",
        "completed_at": None,
        **(task or {}),
    }
    document = {"format": "taskwell-export-1", "tasks": [whole], **members}
    return invalid(f"import: {name}", json.dumps(document).encode(), flaw, path="/me/import")


IMPORTS = [
    _import("another format", "not-a-choice", format="canary"),
    _import("no list", "wrong-type", tasks={}),
    _import("an unknown member", "unknown-member", canary=1),
    _import("an unknown member of a task", "unknown-member", {"canary": 1}),
    _import("NUL", "nul-character", {"text": "\0canary"}),
    _import("half a surrogate pair", "lone-surrogate", {"text": "\ud800"}),
    _import("blank", "blank", {"text": " "}),
    _import("an order out of range", "out-of-range", {"order": 2**53}),
    _import("a time of words", "wrong-type", {"created_at": "infinity"}),
    _import("a time without an offset", "wrong-type", {"created_at": "2026-11-21T08:30:00"}),
    _import("a time out of range", "out-of-range", {"updated_at": "0001-01-01T00:00:00+23:59"}),
    _import("a time as a number", "wrong-type", {"updated_at": 1e18}),
    _import("a contradiction", "contradiction", {"completed": True}),
]

ATTACKS_ON_THE_REST = [*KEYS, *MOVES, *SYNC, *IMPORTS]
