"""What is there before anybody asks: every user and task by a formula, in Python and in SQL.

Tasks lie in the order in which they were made, those of all users mixed, as use leaves them: a page
of one user's is spread over the whole table.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path

from comparison.contender import Scale

# Room between neighbours, as Taskwell leaves it.
ORDER_STEP = 1024
PAGE = 50
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
COMPLETED_AFTER = timedelta(hours=1)


def user_id(user: int) -> str:
    """32 characters, as Better Auth makes them."""
    return _digest(f"user {user}")


def task_id(user: int, task: int) -> str:
    """A random UUID. For Taskwell, which makes them in the order of time, see there."""
    digits = _digest(f"task {user} {task}")
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def text(user: int, task: int) -> str:
    return f"Water plant {task} in the garden of user {user}"


def fresh_text(serial: int) -> str:
    return f"Something new to be done, number {serial}"


def is_completed(user: int, task: int) -> bool:
    return (user + task) % 3 == 0


def created_at(scale: Scale, user: int, task: int) -> datetime:
    return BEGAN + timedelta(seconds=task * scale.users + user)


def folder_of(home: Path, name: str, scale: Scale) -> Path:
    """Data of another size is other data."""
    return home / f"{name}-{scale.users}x{scale.tasks_per_user}"


@contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """It gets its name when it is whole: what was interrupted is made again."""
    draft = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    yield draft
    draft.rename(folder)


def seeded_tasks(scale: Scale) -> str:
    """All tasks as a SELECT, oldest first."""
    return f"""
        SELECT user_number, nth,
               md5('user ' || user_number) AS user_id,
               md5('task ' || user_number || ' ' || nth) AS digest,
               'Water plant ' || nth || ' in the garden of user ' || user_number AS text,
               (user_number + nth) % 3 = 0 AS completed,
               (nth + 1) * {ORDER_STEP} AS "order",
               made AS created_at,
               CASE WHEN (user_number + nth) % 3 = 0 THEN made + interval '1 hour' END
                   AS completed_at
        FROM (
            SELECT number % {scale.users} AS user_number,
                   number / {scale.users} AS nth,
                   timestamptz '{BEGAN.isoformat()}' + number * interval '1 second' AS made
            FROM generate_series(0, {scale.tasks - 1}) AS number
        ) AS numbered
    """


def _digest(words: str) -> str:
    return md5(words.encode(), usedforsecurity=False).hexdigest()
