"""All that a user has: taken out, brought back, erased."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from taskwell.database.transaction import Runner
from taskwell.errors import TaskLimitReached
from taskwell.schemas.belongings import ImportDocument, ImportedTask
from taskwell.services.tasks import fingerprint_of
from taskwell.services.workbench import Draft, Workbench, lock_account
from taskwell.statements.catalogue import COUNT_DELETED, ERASE, EXPORT

Outcome = Literal["created", "updated", "unchanged"]


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
        async with self._runner.transaction() as transaction:
            bench = await Workbench.open(transaction, user_id, self._most_tasks)
            await bench.load(task.id for task in (*document.tasks, *document.deleted_tasks))
            for task in document.tasks:
                counts[_bring_back(bench, task)] += 1
            lost = [task for task in document.deleted_tasks if bench.find(task.id) is None]
            if lost and len(lost) + await _count_deleted(transaction, user_id) > self._most_tasks:
                raise TaskLimitReached
            for task in lost:
                bench.add(_draft(task, deleted=True), task.order)
            counts["created"] += len(lost)
            counts["unchanged"] += len(document.deleted_tasks) - len(lost)
            await bench.save()
        return counts

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
    if not bench.change(draft, values) and draft.completed_at == completed_at:
        return "updated" if was_deleted else "unchanged"
    bench.keep_times(draft, _text(task.updated_at), completed_at)
    return "updated"


async def _count_deleted(runner: Runner, user_id: str) -> int:
    """Those that are kept already: to bring more back is no way around the limit."""
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
