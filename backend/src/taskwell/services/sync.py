"""Many operations of one device in one round trip, and what it missed in return."""

from __future__ import annotations

from dataclasses import dataclass

from taskwell.database.transaction import Runner
from taskwell.schemas.sync import SyncRequest
from taskwell.services.batch import Batch, Result, read
from taskwell.services.changes import Changes, Cursor, Delta
from taskwell.services.workbench import Workbench, load_drafts, show_tasks


@dataclass(frozen=True, slots=True)
class Exchange:
    """`bodies` has the tasks that are alive, `tombstones` the revisions of the deleted ones."""

    results: list[Result]
    bodies: dict[str, str]
    tombstones: dict[str, int]
    delta: Delta


class _Rollback(Exception):
    def __init__(self, results: list[Result]) -> None:
        super().__init__("an operation of an atomic batch failed")
        self.results = results


class Sync:
    def __init__(self, runner: Runner, most_tasks: int) -> None:
        self._runner = runner
        self._most_tasks = most_tasks
        self._changes = Changes(runner)

    async def pull(self, user_id: str, cursor: str | None, limit: int) -> Delta:
        return await self._changes.poll(user_id, Cursor.read(cursor), limit)

    async def exchange(self, user_id: str, request: SyncRequest) -> Exchange:
        cursor = Cursor.read(request.cursor)
        if not request.operations:
            return Exchange([], {}, {}, await self._changes.since(user_id, cursor, request.limit))
        batch = [read(entry) for entry in request.operations]
        try:
            async with self._runner.transaction() as transaction:
                bench = await Workbench.open(transaction, user_id, self._most_tasks)
                if cursor is not None:
                    cursor.check(bench.epoch, bench.rev, bench.purged_rev)
                work = Batch(transaction, user_id, bench)
                results = await work.run(batch)
                if request.atomic and any(result.refusal for result in results):
                    raise _Rollback([work.undone(result) for result in results])
                # Under the lock still: no reset can come between the writes and their answer.
                return await _answered(transaction, user_id, results, cursor, request.limit)
        except _Rollback as rollback:
            return await _answered(self._runner, user_id, rollback.results, cursor, request.limit)


async def _answered(
    runner: Runner, user_id: str, results: list[Result], cursor: Cursor | None, limit: int
) -> Exchange:
    ids = sorted({result.task_id for result in results if result.task_id is not None})
    bodies = await show_tasks(runner, user_id, ids)
    drafts = await load_drafts(runner, user_id, [each for each in ids if each not in bodies])
    tombstones = {draft.id: draft.rev for draft in drafts if draft.deleted}
    # Read after the writes, by a statement of its own: only that one sees all of them.
    delta = await Changes(runner).since(user_id, cursor, limit)
    return Exchange(results, bodies, tombstones, delta)
