"""What an attack is: one request that is wrong, and the one answer that it gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contract.wire import Headers

JSON: Headers = (("Content-Type", "application/json"),)

# Stand in a path for a task of the sender's own and for one that never was.
MINE = "{mine}"
ABSENT = "01975b3e-8f2a-7c41-9d0e-000000000000"


@dataclass(frozen=True, slots=True)
class Attack:
    name: str
    status: int
    code: str | None
    method: str = "POST"
    path: str = "/tasks"
    headers: Headers = ()
    body: bytes | None = None
    # The code of the first flaw, for 422.
    flaw: str | None = None
    sends_token: bool = True
    # Headers that every request has, and this one must not.
    without: tuple[str, ...] = field(default=())


def invalid(name: str, body: bytes, flaw: str, **more: Any) -> Attack:
    return Attack(name, 422, "validation-failed", headers=JSON, body=body, flaw=flaw, **more)
