"""The operations of one device, carried out in their order. How they meet what other devices did
meanwhile:

- edits of different members merge, edits of one member to different values are a conflict;
- without `base_rev` the last write wins;
- a delete wins, and only `restore` brings a task back;
- an operation takes effect once, however often it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

from pydantic import MISSING, BaseModel, ValidationError

from taskwell.database.transaction import Runner
from taskwell.errors import (
    BatchAborted,
    Clash,
    EditConflict,
    InputInvalid,
    OperationReused,
    RequestRefused,
    TaskDeleted,
    TaskIdTaken,
    TaskLimitReached,
    TaskNotFound,
)
from taskwell.schemas.sync import CONTENTS, Move, NewContent, SyncOperation
from taskwell.schemas.tasks import is_uuid
from taskwell.services.flaws import flaws_of
from taskwell.services.moving import move
from taskwell.services.tasks import fingerprint_of
from taskwell.services.workbench import Draft, Workbench
from taskwell.statements.catalogue import LOAD_OPERATIONS, SAVE_OPERATIONS

Status = Literal["applied", "merged", "duplicate", "conflict", "rejected"]

_CONFLICTS = (EditConflict, TaskDeleted, TaskIdTaken)


@dataclass(frozen=True, slots=True)
class Result:
    op_id: str | None
    status: Status
    task_id: str | None = None
    refusal: RequestRefused | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    said: SyncOperation
    content: BaseModel
    fingerprint: str


def read(entry: object) -> Operation | Result:
    op_id = entry.get("op_id") if isinstance(entry, dict) else None
    known_id = op_id.lower() if isinstance(op_id, str) and is_uuid(op_id) else None
    try:
        said = SyncOperation.model_validate(entry)
    except ValidationError as error:
        return Result(known_id, "rejected", None, InputInvalid(*flaws_of(error.errors())))
    try:
        content = CONTENTS[said.type].model_validate(said.set)
    except ValidationError as error:
        flaws = flaws_of(error.errors(), under="/set")
        return Result(known_id, "rejected", None, InputInvalid(*flaws))
    # Without `base_rev`, which has to change where the account begins another life.
    canonical = json.dumps([said.type, said.id, said.set], sort_keys=True)
    mark = blake2b(canonical.encode(), digest_size=16).hexdigest()
    return Operation(said, content, mark)


class Batch:
    def __init__(self, runner: Runner, user_id: str, bench: Workbench) -> None:
        self._runner = runner
        self._user_id = user_id
        self._bench = bench
        # A base beyond it is of another life of the account.
        self._newest = bench.rev
        self._done: dict[str, tuple[str, int]] = {}
        # Of these, those that were done before this batch.
        self._former: frozenset[str] = frozenset()
        self._new: list[dict[str, object]] = []
        # Tasks that there was no room for: what follows on them can be done once there is.
        self._without_room: set[str] = set()
        # The revisions that this device made: it does not meet itself as somebody else.
        self._own: set[int] = set()

    async def run(self, batch: list[Operation | Result]) -> list[Result]:
        operations = [entry for entry in batch if isinstance(entry, Operation)]
        await self._load_done(operation.said.op_id for operation in operations)
        ids = {operation.said.id for operation in operations}
        results = []
        for entry in batch:
            if isinstance(entry, Result):
                results.append(entry)
            else:
                # A move saves what came before it; what is needed after it is loaded again.
                await self._bench.load(ids)
                results.append(await self._once(entry))
        await self._bench.save()
        await self._save_done()
        return results

    def undone(self, result: Result) -> Result:
        """Where the batch comes to nothing. Those that failed say why, and what was done before it
        is done; the others could have been done, and were not."""
        was_done = result.status == "duplicate" and result.op_id in self._former
        if result.refusal is not None or was_done:
            return result
        return Result(result.op_id, "rejected", result.task_id, BatchAborted())

    async def _once(self, operation: Operation) -> Result:
        said = operation.said
        known = self._done.get(said.op_id)
        if known is not None:
            fingerprint, rev = known
            if fingerprint != operation.fingerprint:
                return Result(said.op_id, "rejected", None, OperationReused())
            self._own.add(rev)
            return Result(said.op_id, "duplicate", said.id)
        before = self._bench.rev
        try:
            status = await self._apply(said, operation.content)
        except RequestRefused as refusal:
            conflict = isinstance(refusal, _CONFLICTS)
            return Result(said.op_id, "conflict" if conflict else "rejected", said.id, refusal)
        if status != "duplicate":
            self._remember(operation, before)
        return Result(said.op_id, status, said.id)

    def _remember(self, operation: Operation, before: int) -> None:
        op_id = operation.said.op_id
        # 0 where it changed nothing: the newest revision is then somebody else's.
        rev = self._bench.rev if self._bench.rev > before else 0
        self._own.update(range(before + 1, self._bench.rev + 1))
        self._done[op_id] = (operation.fingerprint, rev)
        self._new.append({"op_id": op_id, "fingerprint": operation.fingerprint, "rev": rev})

    async def _apply(self, said: SyncOperation, content: BaseModel) -> Status:
        draft = self._bench.find(said.id)
        if isinstance(content, NewContent):
            return self._create(said.id, content, draft)
        if draft is None:
            raise TaskLimitReached if said.id in self._without_room else TaskNotFound
        if said.type == "delete":
            if not draft.deleted:
                self._bench.delete(draft)
            return "applied"
        if said.type == "restore" and draft.deleted:
            self._bench.restore(draft)
            self._bench.change(draft, content.model_dump(exclude_unset=True))
            return "applied"
        if draft.deleted:
            raise TaskDeleted
        if isinstance(content, Move):
            await move(self._bench, draft.id, content, under="/set", may_be_deleted=True)
            return "applied"
        return self._edit(draft, content.model_dump(exclude_unset=True), said.base_rev)

    def _create(self, task_id: str, content: NewContent, present: Draft | None) -> Status:
        order = None if content.order is MISSING else content.order
        fingerprint = fingerprint_of(content.text, content.completed, order).hex()
        if present is None:
            draft = Draft(task_id, content.text, content.completed, 0, fingerprint)
            try:
                self._bench.add(draft, order)
            except TaskLimitReached:
                self._without_room.add(task_id)
                raise
            return "applied"
        if present.deleted:
            raise TaskDeleted
        if present.fingerprint != fingerprint:
            raise TaskIdTaken
        return "duplicate"

    def _edit(self, draft: Draft, mine: dict[str, Any], base_rev: Any) -> Status:
        merges = False
        if base_rev is not MISSING:
            base = base_rev if base_rev <= self._newest else 0
            clashes = {
                name: Clash(base_rev, value, getattr(draft, name))
                for name, value in mine.items()
                if self._is_foreign(getattr(draft, f"{name}_rev"), base)
                and getattr(draft, name) != value
            }
            if clashes:
                raise EditConflict(clashes)
            merges = self._is_foreign(draft.rev, base)
        self._bench.change(draft, mine)
        return "merged" if merges else "applied"

    def _is_foreign(self, rev: int, base_rev: int) -> bool:
        return rev > base_rev and rev not in self._own

    async def _load_done(self, op_ids: Iterable[str]) -> None:
        row = await self._runner.row(LOAD_OPERATIONS, user_id=self._user_id, ids=list(op_ids))
        if row is not None and row["op_ids"] is not None:
            marks = zip(row["fingerprints"], row["revs"], strict=True)
            self._done = dict(zip(row["op_ids"], marks, strict=True))
            self._former = frozenset(self._done)

    async def _save_done(self) -> None:
        if self._new:
            await self._runner.row(
                SAVE_OPERATIONS, user_id=self._user_id, operations=json.dumps(self._new)
            )
