"""What the server has to do, in plain Python: one account, no database, no shared code."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

STEP = 1024
GREATEST = 2**53 - 1
FIELDS = ("text", "completed", "order")

_lives = itertools.count(1)
_moments = itertools.count(1)


@dataclass(frozen=True)
class Author:
    device: int | None = None
    op_id: str = ""


@dataclass
class Task:
    id: str
    text: str
    completed: bool
    order: int
    made_as: tuple[Any, ...]
    rev: int
    field_revs: dict[str, int]
    deleted: bool = False
    # When it was completed: two are equal exactly if the times are.
    completed_at: int | None = None
    # When which field was set, and by whom.
    edits: list[tuple[int, str, Author]] = field(default_factory=list)

    @property
    def key(self) -> tuple[int, str]:
        return self.order, self.id

    def is_foreign(self, name: str, base_rev: int, author: Author) -> bool:
        """Somebody else has set it since then, or what the same device did later: an operation
        that could not be done finds that there when it is sent again."""
        return any(
            rev > base_rev
            and name == edited
            and (who.device != author.device or who.op_id >= author.op_id)
            for rev, edited, who in self.edits
        )

    def shown(self) -> dict[str, Any]:
        if self.deleted:
            return {"id": self.id, "rev": self.rev, "deleted": True}
        return {"id": self.id, "rev": self.rev} | {name: getattr(self, name) for name in FIELDS}


class Refused(Exception):
    def __init__(self, code: str, clashes: dict[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.clashes = clashes


@dataclass
class Account:
    most_tasks: int
    life: int | None = None
    rev: int = 0
    last_order: int = 0
    purged_rev: int = 0
    tasks: dict[str, Task] = field(default_factory=dict)
    author: Author = Author()

    def open(self) -> None:
        if self.life is None:
            self.life = next(_lives)

    @property
    def living(self) -> list[Task]:
        return sorted(
            (task for task in self.tasks.values() if not task.deleted), key=lambda task: task.key
        )

    def erase(self) -> None:
        self.__init__(self.most_tasks)  # type: ignore[misc]  # as if it had never been

    def purge(self, ids: set[str]) -> None:
        for task_id in ids:
            self.purged_rev = max(self.purged_rev, self.tasks.pop(task_id).rev)

    def create(self, task_id: str, text: str, completed: bool, order: int | None) -> bool:
        """False if it is there already, made the same way."""
        made_as = (text, completed, order)
        present = self.tasks.get(task_id)
        if present is not None:
            if present.deleted:
                raise Refused("task-deleted")
            if present.made_as != made_as:
                raise Refused("task-id-taken")
            return False
        self._make_room()
        self._add(task_id, made_as, completed_at=next(_moments) if completed else None)
        return True

    def find(self, task_id: str) -> Task:
        task = self.tasks.get(task_id)
        if task is None:
            raise Refused("task-not-found")
        return task

    def find_living(self, task_id: str) -> Task:
        task = self.find(task_id)
        if task.deleted:
            raise Refused("task-not-found")
        return task

    def change(self, task: Task, values: dict[str, Any]) -> bool:
        changed = {name: new for name, new in values.items() if getattr(task, name) != new}
        if not changed:
            return False
        task.rev = self._next()
        for name, new in changed.items():
            setattr(task, name, new)
            task.field_revs[name] = task.rev
            task.edits.append((task.rev, name, self.author))
        if "completed" in changed:
            task.completed_at = next(_moments) if task.completed else None
        self.last_order = max(self.last_order, task.order)
        return True

    def delete(self, task: Task) -> None:
        task.deleted = True
        task.rev = self._next()

    def restore(self, task: Task) -> None:
        if task.deleted:
            self._make_room()
            task.deleted = False
            task.rev = self._next()

    def clear_completed(self) -> int:
        done = sorted((t for t in self.living if t.completed), key=lambda task: task.rev)
        for task in done:
            self.delete(task)
        return len(done)

    def move(self, task: Task, where: dict[str, str], *, may_be_deleted: bool) -> None:
        others = [each for each in self.living if each is not task]
        ((side, target),) = where.items()
        if side == "to":
            place = 0 if target == "first" else len(others)
        else:
            anchor = self.tasks.get(target)
            if anchor is None or anchor is task or (anchor.deleted and not may_be_deleted):
                raise Refused("validation-failed")
            is_after = side == "after" and not anchor.deleted
            place = sum(1 for each in others if each.key < anchor.key) + is_after
        before, after = others[:place], others[place:]
        if all(each.key < task.key for each in before) and all(task.key < a.key for a in after):
            return
        for placed, order in _orders(before, task, after):
            if placed is task:
                self.change(task, {"order": order})
            else:
                self._renumber(placed, order)

    def _renumber(self, task: Task, order: int) -> None:
        """Its place among the others is what it was: nobody has edited it."""
        if task.order != order:
            task.order = order
            task.rev = self._next()
            self.last_order = max(self.last_order, order)

    def bring_back(self, exported: tuple[list[Task], list[Task]]) -> dict[str, int]:
        counts = {"created": 0, "updated": 0, "unchanged": 0}
        tasks, deleted = exported
        for source in tasks:
            present = self.tasks.get(source.id)
            if present is None:
                self._make_room()
                self._import(source)
                counts["created"] += 1
                continue
            was = present.rev
            self.restore(present)
            changed = self.change(present, {name: getattr(source, name) for name in FIELDS})
            if not changed and present.completed_at != source.completed_at and present.rev == was:
                present.rev = self._next()
            present.completed_at = source.completed_at
            counts["unchanged" if present.rev == was else "updated"] += 1
        for source in deleted:
            if source.id in self.tasks:
                counts["unchanged"] += 1
            else:
                self._import(source).deleted = True
                counts["created"] += 1
        return counts

    def _import(self, source: Task) -> Task:
        made_as = (source.text, source.completed, source.order)
        return self._add(source.id, made_as, source.completed_at)

    def _add(self, task_id: str, made_as: tuple[Any, ...], completed_at: int | None) -> Task:
        text, completed, order = made_as
        rev = self._next()
        order = min(self.last_order + STEP, GREATEST) if order is None else order
        self.last_order = max(self.last_order, order)
        revs = dict.fromkeys(FIELDS, rev)
        task = Task(task_id, text, completed, order, made_as, rev, revs, False, completed_at)
        task.edits = [(rev, name, self.author) for name in FIELDS]
        self.tasks[task_id] = task
        return task

    def _make_room(self) -> None:
        if len(self.living) >= self.most_tasks:
            raise Refused("task-limit-reached")

    def _next(self) -> int:
        self.rev += 1
        return self.rev


def _orders(before: list[Task], task: Task, after: list[Task]) -> list[tuple[Task, int]]:
    """The middle of the room, or else more room for a few on each side, the moved one last."""
    low = before[-1].order if before else None
    high = after[0].order if after else None
    if low is None:
        middle = STEP if high is None else high - STEP
    elif high is None:
        middle = low + STEP
    else:
        middle = (low + high) // 2
    has_room = low is None or high is None or high - low >= 2
    if has_room and abs(middle) <= GREATEST:
        return [(task, middle)]
    reach = 8
    while True:
        near = [*before[-reach:], task, *after[:reach]]
        low = before[-reach - 1].order if len(before) > reach else None
        high = after[reach].order if len(after) > reach else None
        step = STEP
        if low is not None and high is not None:
            step = (high - low) // (len(near) + 1)
        elif low is None:
            low = -step * (len(near) // 2 + 1) if high is None else high - step * (len(near) + 1)
        assert low is not None
        placed = [(each, low + step * nth) for nth, each in enumerate(near, start=1)]
        if step >= 32 and all(abs(order) <= GREATEST for _, order in placed):
            return sorted(placed, key=lambda pair: pair[0] is task)
        reach *= 8
