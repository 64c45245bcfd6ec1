"""Does everything once more, one change after the other in the order of the revisions, and looks
whether every writer was told what it would have been told then."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from concurrency.events import Event, Outcome, Verb
from taskwell.models.limits import GREATEST_ORDER, ORDER_STEP

_FIELDS = ("text", "completed", "order")

Task = dict[str, Any]


def replay(user_id: str, events: list[Event], stored: list[Task], account: Task) -> Counter[str]:
    """Counts what happened by verb and outcome."""
    history = _History(user_id, events, stored, account)
    history.replay()
    history.check_what_changed_nothing()
    history.check_what_is_stored()
    return Counter(f"{event.verb}: {event.outcome}" for event in events)


def wanted(before: Task, event: Event) -> Task:
    """The fields as the write would leave them."""
    after = {name: event.asked.get(name, before[name]) for name in _FIELDS}
    if event.verb is Verb.TOGGLE:
        after["completed"] = not before["completed"]
    return after


def fields(task: Task) -> Task:
    return {name: task[name] for name in _FIELDS}


class _History:
    def __init__(
        self, user_id: str, events: list[Event], stored: list[Task], account: Task
    ) -> None:
        self._user_id = user_id
        self._events = events
        self._stored = {str(task["id"]): task for task in stored}
        self._account = account
        self._changes = _by_revision(events)
        self._lists: dict[int, list[Event]] = defaultdict(list)
        for event in events:
            if event.verb is Verb.SEE_ALL:
                self._lists[event.rev].append(event)
        # As the replay goes on: what is alive, every state that was, and who made it.
        self._alive: dict[str, Task] = {}
        self._field_revs: dict[str, dict[str, int]] = {}
        self._written: dict[int, Task] = {}
        self._creates: dict[str, Event] = {}
        self._greatest_order = 0

    def replay(self) -> None:
        cleared_by_rev = {
            task["rev"]: task_id
            for task_id, task in self._stored.items()
            if task["rev"] not in self._changes
        }
        cleared = sum(event.answer for event in self._events if event.verb is Verb.CLEAR)
        assert len(cleared_by_rev) == cleared, "a clear deleted more or less than it said"
        # With the sets disjoint and complete, no revision was given twice, burned, or lost.
        revisions = sorted([*self._changes, *cleared_by_rev])
        assert revisions == list(range(1, self._account["rev"] + 1))
        for rev in revisions:
            if rev in self._changes:
                self._apply(rev, self._changes[rev])
            else:
                self._clear(cleared_by_rev[rev])
                if rev + 1 not in cleared_by_rev:
                    left = [task for task in self._alive.values() if task["completed"]]
                    assert not left, "a clear left completed tasks"
            self._check_lists(rev)

    def _apply(self, rev: int, event: Event) -> None:
        after: Task = event.answer
        assert event.task_id is not None
        assert (after["id"], after["user_id"], after["rev"]) == (event.task_id, self._user_id, rev)
        self._written[rev] = after
        if event.verb is Verb.CREATE:
            self._create(event, after)
        else:
            self._change(event, self._alive.pop(event.task_id), after)

    def _create(self, event: Event, after: Task) -> None:
        assert after["id"] not in self._creates, "the same id was made twice"
        self._creates[after["id"]] = event
        at_the_end = min(self._greatest_order + ORDER_STEP, GREATEST_ORDER)
        assert fields(after) == {"order": at_the_end, **event.asked}
        assert after["updated_at"] == after["created_at"]
        assert after["completed_at"] == (after["created_at"] if after["completed"] else None)
        self._greatest_order = max(self._greatest_order, after["order"])
        self._alive[after["id"]] = after
        self._field_revs[after["id"]] = _at(after["rev"], _FIELDS)

    def _change(self, event: Event, before: Task, after: Task) -> None:
        assert fields(after) == wanted(before, event)
        assert event.match is None or _rev(event.match) == before["rev"], "two winners"
        assert after["created_at"] == before["created_at"]
        assert after["updated_at"] >= before["updated_at"]
        if after["completed"] == before["completed"]:
            assert after["completed_at"] == before["completed_at"]
        else:
            assert after["completed_at"] == (after["updated_at"] if after["completed"] else None)
        if event.verb is Verb.DELETE:
            return
        others = [name for name in _FIELDS if after[name] != before[name]]
        assert others, "a write that changed nothing took a revision"
        self._field_revs[after["id"]].update(_at(after["rev"], others))
        self._greatest_order = max(self._greatest_order, after["order"])
        self._alive[after["id"]] = after

    def _clear(self, task_id: str) -> None:
        assert self._alive.pop(task_id)["completed"], "a clear deleted a pending task"

    def _check_lists(self, rev: int) -> None:
        if rev in self._lists:
            alive = sorted(self._alive.values(), key=lambda task: (task["order"], task["id"]))
            for seen in self._lists[rev]:
                assert seen.answer == alive

    def check_what_changed_nothing(self) -> None:
        for event in self._events:
            if event.verb in (Verb.CLEAR, Verb.SEE_ALL) or event.outcome is Outcome.CHANGED:
                continue
            if event.outcome is Outcome.FULL:
                assert event.verb is Verb.CREATE
            elif event.outcome is Outcome.ABSENT:
                assert not event.known or not self._is_alive(event.task_id)
            elif event.outcome is Outcome.DELETED:
                assert event.task_id in self._creates
                assert not self._is_alive(event.task_id)
            else:
                self._check_told(event)

    def _check_told(self, event: Event) -> None:
        """The answer showed a state that was, and that state explains the answer."""
        assert event.task_id is not None
        if event.verb is Verb.CREATE:
            first = self._creates[event.task_id]
            if event.outcome is Outcome.TAKEN:
                assert first.asked != event.asked
                return
            assert event.must_be_new is (event.outcome is Outcome.STALE)
            assert event.must_be_new or first.asked == event.asked
        assert event.answer == self._written[event.rev]
        assert event.answer["id"] == event.task_id
        if event.verb in (Verb.CREATE, Verb.READ):
            return
        if event.outcome is Outcome.STALE:
            assert event.match is not None
            assert event.rev > _rev(event.match), "a loser was shown an older task"
        else:
            assert event.outcome is Outcome.SAME
            assert wanted(event.answer, event) == fields(event.answer)
            assert event.match is None or event.match == event.tag

    def check_what_is_stored(self) -> None:
        epochs = {event.tag.rpartition(".")[0] for event in self._events if event.tag is not None}
        assert epochs - {"new"} == {self._account["epoch"]}
        assert self._account["live"] == len(self._alive)
        assert self._account["last_order"] == self._greatest_order
        assert set(self._stored) == set(self._creates)
        for task_id, task in self._stored.items():
            assert (task["deleted_at"] is None) is self._is_alive(task_id)
            field_revs = {name: task[f"{name}_rev"] for name in _FIELDS}
            assert field_revs == self._field_revs[task_id]
            if self._is_alive(task_id):
                assert fields(task) == fields(self._alive[task_id])
                assert task["rev"] == self._alive[task_id]["rev"]

    def _is_alive(self, task_id: str | None) -> bool:
        return task_id in self._alive


def _at(rev: int, names: Iterable[str]) -> dict[str, int]:
    return dict.fromkeys(names, rev)


def _rev(tag: str) -> int:
    return int(tag.rpartition(".")[2])


def _by_revision(events: Iterable[Event]) -> dict[int, Event]:
    changes: dict[int, Event] = {}
    last_of_writer: dict[int, int] = {}
    for event in events:
        if event.outcome is not Outcome.CHANGED or event.verb is Verb.CLEAR:
            continue
        assert event.rev not in changes, "two writes took the same revision"
        changes[event.rev] = event
        # The events of one writer come in the order in which it did them.
        assert event.rev > last_of_writer.get(event.writer, 0), "a later write came earlier"
        last_of_writer[event.writer] = event.rev
    return changes
