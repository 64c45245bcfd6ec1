"""All that a user has: taken out, brought back, erased."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from taskwell.database.transaction import Runner
from taskwell.errors import TaskLimitReached
from taskwell.schemas.belongings import ImportDocument, ImportedTask
from taskwell.services.tasks import fingerprint_of
from taskwell.services.workbench import Draft, Workbench, lock_account
from taskwell.statements.catalogue import COUNT_DELETED, ERASE, EXPORT

Outcome = Literal["created", "updated", "unchanged"]

# Tasks between two round trips, in which others have their turn.
_PORTION = 500


class Belongings:
    def __init__(self, runner: Runner, most_tasks: int) -> None:
        self._runner = runner
        self._most_tasks = most_tasks

    async def export(self, user_id: str) -> str:
        """One JSON document, which `bring_back` takes."""
        row = await self._runner.row(EXPORT, user_id=user_id, most_tasks=self._most_tasks)
        assert row is not None
        return (
            f'{{"format":"taskwell-export-1","user_id":{json.dumps(user_id)},'
            f'"exported_at":"{row["exported_at"]}","tasks":[{row["tasks"] or ""}],'
            f'"deleted_tasks":[{row["deleted_tasks"] or ""}]}}'
        )

    async def bring_back(self, user_id: str, document: ImportDocument) -> dict[Outcome, int]:
        """Ids and times are kept; what is there already as it is in the document stays."""
        if len(document.tasks) > self._most_tasks:
            raise TaskLimitReached
        counts: dict[Outcome, int] = {"created": 0, "updated": 0, "unchanged": 0}
        lost = 0
        async with self._runner.transaction() as transaction:
            for tasks in _portions(document.tasks):
                bench = await self._laid_out(transaction, user_id, tasks)
                for task in tasks:
                    counts[_bring_back(bench, task)] += 1
                await bench.save()
            for tasks in _portions(document.deleted_tasks):
                bench = await self._laid_out(transaction, user_id, tasks)
                for task in tasks:
                    if bench.find(task.id) is None:
                        bench.add(_draft(task, deleted=True), task.order)
                        lost += 1
                await bench.save()
            # With those that are kept already: to bring more back is no way around the limit.
            if lost and await _count_deleted(transaction, user_id) > self._most_tasks:
                raise TaskLimitReached
        counts["created"] += lost
        counts["unchanged"] += len(document.deleted_tasks) - lost
        return counts

    async def _laid_out(
        self, transaction: Runner, user_id: str, tasks: Sequence[ImportedTask]
    ) -> Workbench:
        """A bench of its own for each portion: none has to look through all that came before."""
        bench = await Workbench.open(transaction, user_id, self._most_tasks)
        await bench.load(task.id for task in tasks)
        return bench

    async def erase(self, user_id: str) -> None:
        async with self._runner.transaction() as transaction:
            # Made where there is none: else nothing keeps a first task out meanwhile.
            await lock_account(transaction, user_id)
            await transaction.row(ERASE, user_id=user_id)


def _bring_back(bench: Workbench, task: ImportedTask) -> Outcome:
    draft = bench.find(task.id)
    if draft is None:
        bench.add(_draft(task), task.order)
        return "created"
    was_deleted = draft.deleted
    if was_deleted:
        bench.restore(draft)
    values = {"text": task.text, "completed": task.completed, "order": task.order}
    completed_at = _text(task.completed_at)
    is_other = bench.change(draft, values) or draft.completed_at != completed_at
    if not (was_deleted or is_other):
        return "unchanged"
    bench.keep_times(draft, _text(task.updated_at), completed_at)
    return "updated"


def _portions(tasks: Sequence[ImportedTask]) -> Iterator[Sequence[ImportedTask]]:
    for begin in range(0, len(tasks), _PORTION):
        yield tasks[begin : begin + _PORTION]


async def _count_deleted(runner: Runner, user_id: str) -> int:
    row = await runner.row(COUNT_DELETED, user_id=user_id)
    assert row is not None
    return int(row["deleted"])


def _draft(task: ImportedTask, *, deleted: bool = False) -> Draft:
    return Draft(
        id=task.id,
        text=task.text,
        completed=task.completed,
        order=task.order,
        fingerprint=fingerprint_of(task.text, task.completed, task.order).hex(),
        created_at=_text(task.created_at),
        updated_at=_text(task.updated_at),
        completed_at=_text(task.completed_at),
        deleted=deleted,
        keeps_times=True,
    )


def _text(moment: datetime | None) -> str | None:
    """As PostgreSQL renders it, so that the two compare."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
