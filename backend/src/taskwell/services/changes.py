"""What has changed for a user since they last asked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from taskwell.database.transaction import Runner
from taskwell.errors import CursorInvalid, SyncResetRequired
from taskwell.services.lists import NOTHING_YET
from taskwell.statements.catalogue import CHANGES, LOOK_AT_ACCOUNT

_CURSOR = re.compile(r"([A-Za-z0-9_-]{1,32})\.([0-9]{1,18})(?:\.([0-9]{1,18}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a device has come. `began` is the revision at which a walk from the beginning
    began: what was deleted before that, the device has never seen."""

    epoch: str
    rev: int
    began: int | None = None

    @classmethod
    def read(cls, text: str | None) -> Cursor | None:
        """None: from the beginning."""
        if text is None or text == NOTHING_YET:
            return None
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise CursorInvalid
        epoch, rev, began = found.groups()
        return cls(epoch, int(rev), None if began is None else int(began))

    def __str__(self) -> str:
        began = "" if self.began is None else f".{self.began}"
        return f"{self.epoch}.{self.rev}{began}"

    def check(self, epoch: str, rev: int, purged_rev: int) -> None:
        """Never a silent partial answer: what this cursor has not seen must still be there."""
        told = self.rev if self.began is None else self.began
        if self.epoch != epoch or max(self.rev, told) > rev or told < purged_rev:
            raise SyncResetRequired


@dataclass(frozen=True, slots=True)
class Delta:
    """`changes` is a JSON array already."""

    changes: str
    cursor: str
    has_more: bool


class Changes:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def poll(self, user_id: str, cursor: Cursor | None, limit: int) -> Delta:
        if cursor is not None and cursor.began is None:
            # What is found mostly: nothing. A look at the account tells it for half of the work.
            account = await self._runner.row(LOOK_AT_ACCOUNT, user_id=user_id)
            if account is not None and account["tag"] == str(cursor):
                return Delta("[]", str(cursor), has_more=False)
        return await self.since(user_id, cursor, limit)

    async def since(self, user_id: str, cursor: Cursor | None, limit: int) -> Delta:
        row = await self._runner.row(
            CHANGES,
            user_id=user_id,
            after=0 if cursor is None else cursor.rev,
            began=None if cursor is None else _known_deletions(cursor),
            limit=limit,
            rows=limit + 1,
        )
        if row is None:
            if cursor is not None:
                raise SyncResetRequired
            return Delta("[]", NOTHING_YET, has_more=False)
        if cursor is not None:
            cursor.check(row["epoch"], row["rev"], row["purged_rev"])
        first_walk = cursor is None or cursor.began is not None
        if row["last_rev"] is None:
            following = Cursor(row["epoch"], row["rev"])
        else:
            following = Cursor(row["epoch"], row["last_rev"], row["began"] if first_walk else None)
        return Delta(
            f"[{row['bodies'] or ''}]", str(following), has_more=row["last_rev"] is not None
        )


def _known_deletions(cursor: Cursor) -> int:
    return cursor.rev if cursor.began is None else cursor.began
