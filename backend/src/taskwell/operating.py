"""What operators do by hand to a database that is being served."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import SecretStr

from taskwell.auth.claims import is_user_id
from taskwell.auth.tokens import is_key_id
from taskwell.config import Settings
from taskwell.database.mishaps import SchemaIncomplete
from taskwell.database.pool import USUAL_PATIENCE, Database, Patience
from taskwell.errors import SettingsInvalid, StartRefused, Unavailable
from taskwell.migrating import migrated_url
from taskwell.models.limits import Denied
from taskwell.services.deny_list import DenyList
from taskwell.services.upkeep import Epochs, Purge

ONE_HOUR = 3600.0

Result = TypeVar("Result")


def deny(settings: Settings, kind: str, name: str, issued_before: datetime | None) -> str:
    _require_name(kind, name)
    if kind == Denied.KEY and issued_before is not None:
        raise SettingsInvalid("--issued-before is for users: a key is cut off with all its tokens.")
    moment = _run(
        settings, lambda database: DenyList(database).deny(Denied(kind), name, issued_before)
    )
    shown = _visible(name)
    if kind == Denied.KEY:
        return f"Tokens of the key {shown} are refused from now on, in every process within 5 s."
    return (
        f"Tokens of {shown} that were issued before {_shown(moment)} are refused from now on, "
        "in every process within 5 s."
    )


def allow(settings: Settings, kind: str, name: str) -> str:
    _require_name(kind, name)
    if _run(settings, lambda database: DenyList(database).allow(Denied(kind), name)):
        return f"The {kind} {_visible(name)} is let in again."
    return f"The {kind} {_visible(name)} was not cut off."


def denied(settings: Settings) -> str:
    users, keys = _run(settings, lambda database: DenyList(database).everyone())
    lines = [
        f"user {_visible(name)}: tokens issued before {_shown(moment)}"
        for name, moment in sorted(users.items())
    ]
    lines += [f"key {_visible(name)}: all tokens" for name in sorted(keys)]
    return "\n".join(lines) or "Nobody is cut off."


def purge(settings: Settings) -> str:
    gone = _run(settings, lambda database: Purge(database, settings.retention_days).run())
    return f"{gone} rows that were kept long enough are gone."


def new_epoch(settings: Settings, *, is_meant: bool) -> str:
    if not is_meant:
        raise StartRefused(
            "After this no tag and no cursor that a client has matches any more, and each fetches "
            "everything again: say --yes if the database was restored or set back."
        )
    with migrated_url(settings) as url:
        accounts = renew_epochs(settings, url)
    return f"The epochs of {accounts} accounts are new: every client fetches everything again."


def renew_epochs(settings: Settings, url: str) -> int:
    # All accounts in one statement, which may take its time.
    patience = replace(USUAL_PATIENCE, statement=ONE_HOUR)
    return _within(settings, url, lambda database: Epochs(database).renew(), patience)


def _require_name(kind: str, name: str) -> None:
    if not (is_key_id if kind == Denied.KEY else is_user_id)(name):
        raise SettingsInvalid(
            "A user is 1 to 255 characters without control characters, and a key's kid 1 to 255 "
            "visible ASCII characters."
        )


def _visible(name: str) -> str:
    """What a terminal would obey, or nobody would see, as its number."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in name
    )


def _run(settings: Settings, work: Callable[[Database], Awaitable[Result]]) -> Result:
    with migrated_url(settings) as url:
        return _within(settings, url, work)


def _within(
    settings: Settings,
    url: str,
    work: Callable[[Database], Awaitable[Result]],
    patience: Patience = USUAL_PATIENCE,
) -> Result:
    async def run() -> Result:
        there = settings.model_copy(update={"database_url": SecretStr(url)})
        database = Database(there, patience)
        await database.open()
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except SchemaIncomplete:
        raise StartRefused(
            "The database has no schema yet, or an earlier version's: run `taskwell migrate`."
        ) from None
    except Unavailable as error:
        raise StartRefused(
            f"The database can't do this ({error.reason}): see what taskwell doctor says."
        ) from None


def _shown(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
