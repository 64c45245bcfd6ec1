"""What each command does; each imports what it needs when it runs, so that small ones are quick."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from taskwell import __version__
from taskwell.errors import SettingsInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from taskwell.config import Settings

Said = argparse.Namespace


def serve(said: Said) -> None:
    """Start the service; Ctrl-C ends it.

    With nothing configured it runs for a developer, on this machine only: with a PostgreSQL of
    its own in the data folder, and tokens made by `taskwell token`.

    Examples: `taskwell serve`, `taskwell serve --port 8080`, `taskwell serve --data ./data`.

    SIGTERM ends it when the running requests are answered. SIGHUP reads settings and code again
    without a gap; the address and the data folder stay.
    """
    # All that is imported stays: there is nothing to be collected until it is complete.
    gc.disable()
    from taskwell.configuring import as_given  # noqa: PLC0415  # as in _settings
    from taskwell.server import service  # noqa: PLC0415  # the largest import of all

    file = _told_file(said)
    try:
        if said.check:
            service.check(_settings(said))
            _print(
                "The settings are usable. Nobody has looked at the port, the data folder and the "
                "database: `taskwell doctor` looks at the database."
            )
        else:
            service.serve(partial(_settings, said), file)
    except SettingsInvalid as error:
        raise SettingsInvalid(as_given(str(error), _flags(said))) from None


def migrate(said: Said) -> int:
    """Bring the database's schema up to this version.

    Safe beside a running service, and safe to run twice at once. It uses DATABASE_URL_UNPOOLED,
    or DATABASE_URL where that isn't set; the private database is migrated by `taskwell serve`.

    Examples: `taskwell migrate`, `taskwell migrate --check`, `taskwell migrate --sql > all.sql`.
    """
    from taskwell import migrating  # noqa: PLC0415  # imports Alembic and SQLAlchemy

    if said.sql:
        _print(migrating.sql())
        return 0
    settings = _settings(said)
    if not said.check:
        _print(migrating.upgrade(settings))
        return 0
    report = migrating.look(settings)
    _print(report.text)
    return 0 if report.is_current else 1


def token(said: Said) -> None:
    """Print a token of the development issuer.

    Only while no real issuer is configured; with one, tokens come from there.

    Example: `curl -H "Authorization: Bearer $(taskwell token alice)" http://127.0.0.1:8000/tasks`
    """
    settings = _settings(said)
    if not settings.uses_development_issuer:
        raise SettingsInvalid(
            f"Tokens come from {settings.issuer} here: `taskwell token` works only as long as "
            "neither BETTER_AUTH_URL nor another setting names an issuer."
        )
    from taskwell.auth.development import has_key  # noqa: PLC0415  # only this command
    from taskwell.auth.gate import development_issuer  # noqa: PLC0415  # as above
    from taskwell.database.cluster import has_cluster  # noqa: PLC0415  # as above

    is_used = has_cluster if settings.uses_embedded_database else has_key
    was_used = is_used(settings.data)
    _print(development_issuer(settings).token(said.user, said.ttl))
    if not was_used:
        sys.stderr.write(
            f"No service has used {settings.data} yet: this token is for one that is started with "
            "that data folder.\n"
        )


def doctor(said: Said) -> int:
    """Look at everything the service depends on, and say what to do about what is wrong.

    Exit code 1 when something is. No secret is ever printed.

    Examples: `taskwell doctor`, `taskwell doctor --token - < token.txt`.
    """
    from taskwell.doctor import examine  # noqa: PLC0415  # imports the driver and cryptography

    text = sys.stdin.read().strip() if said.token == "-" else said.token
    is_well = True
    for finding in examine(_settings(said), text, _told_file(said)):
        is_well = is_well and finding.passed
        _print(f"{'ok  ' if finding.passed else 'FAIL'}  {finding.check}: {finding.text}")
    return 0 if is_well else 1


def deny(said: Said) -> None:
    """Cut off a user or a key now, before the tokens expire.

    Every process follows within 5 seconds, and ends the live streams too. A user comes back with
    a token that is issued later: sign them out at the issuer as well.

    Examples: `taskwell deny user alice`, `taskwell deny key 3fJ9`.
    """
    from taskwell import operating  # noqa: PLC0415  # imports the driver

    _print(operating.deny(_settings(said), said.kind, said.name, said.issued_before))


def allow(said: Said) -> None:
    """Take back what `taskwell deny` did.

    Example: `taskwell allow user alice`
    """
    from taskwell import operating  # noqa: PLC0415  # imports the driver

    _print(operating.allow(_settings(said), said.kind, said.name))


def denied(said: Said) -> None:
    """List who is cut off."""
    from taskwell import operating  # noqa: PLC0415  # imports the driver

    _print(operating.denied(_settings(said)))


def purge(said: Said) -> None:
    """Let go of deleted tasks and receipts that were kept long enough, now.

    The service does so by itself, about once an hour while it is used.
    """
    from taskwell import operating  # noqa: PLC0415  # imports the driver

    _print(operating.purge(_settings(said)))


def backup(said: Said) -> None:
    """Back up the private database, while the service runs or not.

    The file has its name only once it is complete. In a folder it is named after the time. It has
    everything but the development issuer's key.

    Example: `taskwell backup /var/backups`
    """
    from taskwell import archiving  # noqa: PLC0415  # imports the driver and Alembic

    _print(archiving.backup(_settings(said), said.target))


def restore(said: Said) -> None:
    """Put a backup into a data folder that has no database yet.

    The database is there at the end and complete, or not at all. Clients fetch everything again.

    Example: `taskwell restore tasks.tar --data ./restored`
    """
    from taskwell import archiving  # noqa: PLC0415  # imports the driver and Alembic

    _print(archiving.restore(_settings(said), said.source))


def new_epoch(said: Said) -> None:
    """Make every tag and cursor worthless, after a database was restored or set back.

    `taskwell restore` does so by itself. Without this a client might take an old answer for a new
    one, since revisions count over numbers that it has seen already.

    Example: `taskwell new-epoch --yes`
    """
    from taskwell import operating  # noqa: PLC0415  # imports the driver

    _print(operating.new_epoch(_settings(said), is_meant=said.yes))


def version(said: Said) -> None:
    """Print the version."""
    _print(__version__)


def _settings(said: Said) -> Settings:
    from taskwell.configuring import load_settings, settings_file  # noqa: PLC0415  # version has none

    return load_settings(settings_file(said.env_file), **_flags(said))


def _flags(said: Said) -> dict[str, object]:
    from taskwell.configuring import FLAGS  # noqa: PLC0415  # as in _settings

    return {name: getattr(said, name, None) for name in FLAGS}


def _told_file(said: Said) -> Path | None:
    """The file that settings come from; what has no effect is told on the way."""
    from taskwell.configuring import settings_file, unknown_settings  # noqa: PLC0415  # as above

    file = settings_file(said.env_file)
    for sentence in unknown_settings(file):
        sys.stderr.write(f"{sentence}\n")
    return file


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


COMMANDS: dict[str, Callable[[Said], int | None]] = {
    run.__name__.replace("_", "-"): run
    for run in (
        *(serve, migrate, token, doctor, deny, allow, denied),
        *(purge, backup, restore, new_epoch, version),
    )
}
