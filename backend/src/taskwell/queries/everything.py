"""All statements there are, each by its name."""

from __future__ import annotations

from collections.abc import Iterator

from taskwell.database.statement import Statement
from taskwell.queries import (
    accounts,
    batches,
    belongings,
    changes,
    listing,
    moving,
    receipts,
    tasks,
    upkeep,
)

_PLACES = (accounts, tasks, moving, changes, batches, receipts, belongings, upkeep)


def statements() -> Iterator[Statement]:
    for place in _PLACES:
        yield from (value for value in vars(place).values() if isinstance(value, Statement))
    yield from listing.LISTS
