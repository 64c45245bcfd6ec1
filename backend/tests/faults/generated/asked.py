"""One request after the other, made up by chance. One seed makes one sequence, as long as the
answers that it learns from are the same."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from contract.conformance import find
from contract.operations import OPERATIONS, Operation
from contract.wire import chunked
from faults.generated.bodies import a_body
from faults.generated.heads import (
    METHODS,
    Lines,
    a_path,
    a_query,
    authorization,
    content_type,
    others,
    preconditions,
)
from faults.generated.memory import Memory
from faults.generated.values import CANARY, a_uuid

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

# A stream has no end.
ENDLESS = "/events"
# As often as others, some would leave nothing to ask for.
WEIGHTS = {
    "create_task": 3.0,
    "create_task_of_user": 3.0,
    "delete_task": 0.3,
    "delete_task_of_user": 0.3,
    "clear_completed_tasks": 0.1,
    "clear_completed_tasks_of_user": 0.1,
    "erase_account": 0.02,
}


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    target: str
    raw: bytes
    operation: Operation | None
    # The one that has to come back.
    request_id: str | None
    memory: Memory

    @property
    def to_head(self) -> bool:
        return self.method == "HEAD"


class Requests:
    def __init__(self, seed: int, memories: list[Memory]) -> None:
        self._chance = random.Random(seed)
        self._memories = memories
        self._operations = [each for each in OPERATIONS if each.path != ENDLESS]
        self._weights = [WEIGHTS.get(each.id, 1.0) for each in self._operations]

    def next(self) -> Asked:
        chance = self._chance
        memory = chance.choice(self._memories)
        if memory.read and chance.random() < 0.05:
            return self._again(memory)
        (operation,) = chance.choices(self._operations, self._weights)
        method = operation.method
        if chance.random() < 0.04:
            method = chance.choice(METHODS)
        elif method == "GET" and chance.random() < 0.08:
            method = "HEAD"
        path = a_path(operation, chance, memory)
        query = a_query(operation, chance, memory)
        media_type, body = a_body(operation, chance, memory)
        request_id, told = self._request_id()
        lines = [
            ("Host", "taskwell.test"),
            *authorization(chance, memory),
            *preconditions(chance, memory),
            *others(chance),
            *told,
            *([] if media_type is None else content_type(media_type, chance)),
        ]
        target = path + query
        raw = self._rendered(method, target, lines, body)
        # What the path came to be may mean another operation, or none.
        return Asked(method, target, raw, find(method, path), request_id, memory)

    def _again(self, memory: Memory) -> Asked:
        """Whether it is still as it was read."""
        target, tag = self._chance.choice(memory.read)
        lines = [
            ("Host", "taskwell.test"),
            ("Authorization", f"Bearer {memory.token}"),
            ("If-None-Match", tag),
        ]
        raw = self._rendered("GET", target, lines, None)
        return Asked("GET", target, raw, find("GET", target.partition("?")[0]), None, memory)

    def _request_id(self) -> tuple[str | None, Lines]:
        kind = self._chance.random()
        if kind < 0.5:
            return None, []
        given = a_uuid(self._chance)
        if kind < 0.95:
            return given, [("X-Request-ID", given)]
        bad = self._chance.choice(
            ("", "a" * 129, f'"{CANARY}', "a b", "\xe9", f"{CANARY}\t{CANARY}", "%0A")
        )
        return None, [("X-Request-ID", bad)]

    def _rendered(self, method: str, target: str, lines: Lines, body: bytes | None) -> bytes:
        if body is not None:
            if self._chance.random() < 0.1:
                lines = [*lines, ("Transfer-Encoding", "chunked")]
                body = chunked(body, self._chance.choice((1 + len(body) // 9, 4096)))
            else:
                lines = [*lines, ("Content-Length", str(len(body)))]
        head = "\r\n".join([f"{method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in lines)])
        return head.encode("latin-1") + b"\r\n\r\n" + (body or b"")
