"""What is done about the database's schema at the start. It runs in a process of its own, so that
nothing of what migrating takes stays in the memory of those that serve; and most often there is
nothing to do, which a look at one row tells much sooner than Alembic would."""

from __future__ import annotations

import logging
import os
import select

from taskwell.errors import StartRefused
from taskwell.logs import MEMBERS

logger = logging.getLogger(__name__)


PATIENCE = 3.0
NO_ANSWER = "it has not answered so far"


class Word:
    """What the process that looks at the database lets the one know that prints the banner."""

    def __init__(self) -> None:
        self._heard, self._said = os.pipe()

    def say(self, what_is_wrong: str) -> None:
        # At once, so that it is there as a whole or not at all. The other end is open here too, so
        # that it may be said to somebody who has stopped listening.
        os.write(self._said, what_is_wrong.encode()[: select.PIPE_BUF])

    def listen(self) -> None:
        os.close(self._said)

    def heard(self) -> str:
        """Nothing where nothing is wrong. Waits for the other process to end, but not for long."""
        ready, _, _ = select.select([self._heard], [], [], PATIENCE)
        what_is_wrong = os.read(self._heard, select.PIPE_BUF).decode() if ready else NO_ANSWER
        self.close()
        return what_is_wrong

    def close(self) -> None:
        os.close(self._heard)


def attend(url: str, word: Word, *, is_own: bool) -> bool:
    from taskwell.migrations.head import is_current  # noqa: PLC0415  # only this process waits

    return is_current(url) or (_migrate_own(url) if is_own else _tell_of_foreign(url, word))


def require_fit(url: str) -> None:
    """Before a reload: raises where this version would not understand what it finds."""
    from taskwell.migrations.head import is_current  # noqa: PLC0415  # only this process waits

    if is_current(url):
        return
    from taskwell.migrations.runner import state  # noqa: PLC0415  # only this process pays for it

    try:
        found = state(url)
    except StartRefused:
        # As at a start: it is served once it answers.
        return
    if found.too_new:
        raise found.mismatch()


def _migrate_own(url: str) -> bool:
    """The private database is ours alone, so it follows the version without being asked."""
    from taskwell.migrations.runner import upgrade  # noqa: PLC0415  # only this process pays for it

    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        applied = upgrade(url)
    except StartRefused as error:
        logger.error("the schema could not be migrated", extra={MEMBERS: {"reason": str(error)}})
        return False
    if applied:
        logger.info("migrated", extra={MEMBERS: {"applied": applied}})
    return True


def _tell_of_foreign(url: str, word: Word) -> bool:
    """Others may use a configured database: a process that starts doesn't change it for them.

    Raises where this version would not understand what it finds.
    """
    from taskwell.migrations.runner import state  # noqa: PLC0415  # only this process pays for it

    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        found = state(url)
    except StartRefused as error:
        logger.warning("the schema can't be looked at", extra={MEMBERS: {"reason": str(error)}})
        word.say(str(error).rstrip("."))
        return False
    members = {"schema": found.current, "needed": found.head}
    if found.too_new:
        raise found.mismatch()
    if not found.is_known:
        logger.info(
            "the schema is newer, and may be served by this version", extra={MEMBERS: members}
        )
    elif found.behind:
        logger.warning(
            "the schema is behind: run `taskwell migrate`; not ready until then",
            extra={MEMBERS: members},
        )
        word.say(f"its schema is at {found.current or 'nothing'}, {found.head} is needed")
    return True
