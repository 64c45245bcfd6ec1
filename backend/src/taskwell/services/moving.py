"""Putting a task between two others.

`order` is an integer with room between neighbours. A move takes the middle of the room; where there
is none left, the nearest neighbours are spread out again, as few of them as will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from pydantic import MISSING

from taskwell.errors import Flaw, InputInvalid
from taskwell.models.limits import GREATEST_ORDER, ORDER_STEP
from taskwell.schemas.sync import Move
from taskwell.services.workbench import Draft, Neighbour, Workbench

# How many neighbours on each side are looked at, and how many times more if that is not enough.
_REACH = 8
_WIDER = 8
# What spreading must leave between two tasks: enough for a few more moves to the same place.
_LEAST_ROOM = 32

_LOWEST_ID, _HIGHEST_ID = str(UUID(int=0)), str(UUID(int=2**128 - 1))
_BEYOND = 2**62


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """The living tasks on each side of a place, the nearest first."""

    before: list[Neighbour]
    after: list[Neighbour]

    def hold(self, task: Draft) -> bool:
        key = (task.order, task.id)
        return (not self.before or self.before[0].key < key) and (
            not self.after or key < self.after[0].key
        )

    def middle(self) -> int | None:
        """None where there is no room."""
        if not self.after:
            order = self.before[0].order + ORDER_STEP if self.before else ORDER_STEP
        elif not self.before:
            order = self.after[0].order - ORDER_STEP
        else:
            low, high = self.before[0].order, self.after[0].order
            return (low + high) // 2 if high - low >= 2 else None
        return order if abs(order) <= GREATEST_ORDER else None

    def spread(self, moved_id: str, reach: int) -> dict[str, int] | None:
        """New orders for the task and its `reach` nearest on each side; None if those are too
        many for the room between the next ones out."""
        near = [neighbour.id for neighbour in reversed(self.before[:reach])]
        near += [moved_id, *(neighbour.id for neighbour in self.after[:reach])]
        low = self.before[reach].order if len(self.before) > reach else None
        high = self.after[reach].order if len(self.after) > reach else None
        step = ORDER_STEP
        if low is not None and high is not None:
            step = (high - low) // (len(near) + 1)
            if step < _LEAST_ROOM:
                return None
        if low is None:
            low = -step * (len(near) // 2 + 1) if high is None else high - step * (len(near) + 1)
        orders = {task_id: low + step * nth for nth, task_id in enumerate(near, start=1)}
        fits = all(abs(order) <= GREATEST_ORDER for order in orders.values())
        return orders if fits else None


async def move(
    bench: Workbench,
    task_id: str,
    where: Move,
    *,
    under: str = "",
    may_be_deleted: bool = False,
) -> None:
    """`under`: where it was said. `may_be_deleted`: a place beside a deleted task is known as long
    as its tombstone is kept."""
    await bench.save()
    anchor_id = _anchor_id(where)
    await bench.load([task_id] if anchor_id is None else [task_id, anchor_id])
    moved = bench.find(task_id)
    assert moved is not None
    anchor = None if anchor_id is None else bench.find(anchor_id)
    if anchor_id is not None and not _is_usable(anchor, moved, may_be_deleted):
        member = "/before" if where.before is not MISSING else "/after"
        raise InputInvalid(Flaw(under + member, "no-such-task", "must be another task of yours"))
    reach = _REACH
    while True:
        around = await _surroundings(bench, moved, where, anchor, reach + 1)
        if around.hold(moved):
            return
        order = around.middle()
        orders = around.spread(moved.id, reach) if order is None else {moved.id: order}
        if orders is not None:
            await _place(bench, moved, orders)
            return
        reach *= _WIDER


def _anchor_id(where: Move) -> str | None:
    if where.before is not MISSING:
        return where.before
    return None if where.after is MISSING else where.after


def _is_usable(anchor: Draft | None, moved: Draft, may_be_deleted: bool) -> bool:
    return anchor is not None and anchor is not moved and (may_be_deleted or not anchor.deleted)


async def _surroundings(
    bench: Workbench, moved: Draft, where: Move, anchor: Draft | None, rows: int
) -> _Surroundings:
    if anchor is None:
        is_first = where.to == "first"
        order, anchor_id = (-_BEYOND, _LOWEST_ID) if is_first else (_BEYOND, _HIGHEST_ID)
    else:
        order, anchor_id = anchor.order, anchor.id
    before, after = await bench.neighbours(moved.id, order, anchor_id, rows)
    if anchor is not None and not anchor.deleted:
        beside = Neighbour(anchor.order, anchor.id)
        if where.before is not MISSING:
            after = [beside, *after]
        else:
            before = [beside, *before]
    return _Surroundings(before, after)


async def _place(bench: Workbench, moved: Draft, orders: dict[str, int]) -> None:
    """The moved task last: its revision is the one that the move is remembered by."""
    await bench.load(orders)
    for task_id, order in orders.items():
        near = bench.find(task_id)
        assert near is not None
        if near is not moved:
            bench.make_room(near, order)
    bench.change(moved, {"order": orders[moved.id]})
