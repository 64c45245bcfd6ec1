"""What `taskwell backup` and `taskwell restore` do: the private database into a file and back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from taskwell import __version__
from taskwell.config import Settings
from taskwell.database import archive
from taskwell.database.archive import Note
from taskwell.database.binaries import account_for
from taskwell.database.cluster import CLUSTER, require_cluster
from taskwell.database.dumps import dump, load
from taskwell.database.embedded import EmbeddedPostgres, running_database
from taskwell.database.folder import DataFolder
from taskwell.database.postmaster import find_running
from taskwell.errors import BackupRefused
from taskwell.migrations import runner
from taskwell.operating import renew_epochs

# What is restored is here until it is complete.
DRAFT = "restoring"


def backup(settings: Settings, target: Path) -> str:
    _require_own(settings, "backup", "pg_dump, or what its provider offers")
    require_cluster(settings.data)
    path = _new_file(target.absolute())
    with running_database(DataFolder(settings.data)) as database:
        schema = runner.state(database.url).current
        if schema is None:
            raise BackupRefused(f"The database in {settings.data} has nothing in it yet.")
        version = database.programs()[1].version
        note = Note(_now().isoformat(timespec="seconds"), __version__, version, schema)
        size = archive.write(path, note, partial(dump, database))
    return f"Backed up {settings.data} to {path} ({_shown(size)})."


def restore(settings: Settings, source: Path) -> str:
    """Beside the place where the database belongs, and there in one step at the end."""
    _require_own(settings, "restore", "pg_restore, then `taskwell new-epoch`")
    with archive.checked(source.absolute()) as (note, pieces):
        folder = DataFolder(settings.data)
        folder.lock("command")
        try:
            _require_empty(folder)
            with _draft(folder) as database:
                _require_version(database, note, source)
                load(database, pieces)
                found = runner.state(database.url)
                if found.too_new:
                    raise found.mismatch()
                accounts = renew_epochs(settings, database.url)
                database.stop()
                _put_in_place(folder)
        finally:
            folder.unlock()
    return (
        f"Restored {accounts} accounts from {note.made_at} into {settings.data}. Their epochs are "
        "new, so every client fetches everything again."
    )


def _require_own(settings: Settings, verb: str, instead: str) -> None:
    if not settings.uses_embedded_database:
        raise BackupRefused(
            f"`taskwell {verb}` is for the private database, but DATABASE_URL names another one: "
            f"use {instead}."
        )


def _new_file(target: Path) -> Path:
    path = target / f"taskwell-{_now():%Y%m%dT%H%M%SZ}.tar" if target.is_dir() else target
    if path.exists():
        raise BackupRefused(f"There is a file {path} already: choose another name.")
    if not path.parent.is_dir():
        raise BackupRefused(f"There is no folder {path.parent} to put the backup in.")
    return path


def _require_empty(folder: DataFolder) -> None:
    if (folder.path / CLUSTER).exists():
        raise BackupRefused(
            f"The data folder {folder.path} has a database already, which stays as it is: choose "
            "an empty folder with --data or TASKWELL_DATA."
        )


def _require_version(database: EmbeddedPostgres, note: Note, source: Path) -> None:
    here = database.programs()[1]
    if here.major < note.major:
        raise BackupRefused(
            f"The backup {source} was made by PostgreSQL {note.major}, but here is PostgreSQL "
            f"{here.major}: install {note.major} or later."
        )


@contextmanager
def _draft(folder: DataFolder) -> Iterator[EmbeddedPostgres]:
    place = folder.path / DRAFT
    # As root PostgreSQL runs as somebody else, who must get there.
    account = account_for(folder.path / CLUSTER)
    if account.is_another:
        folder.open_to_group(account.gid)
    _sweep(place)
    database = EmbeddedPostgres(DataFolder(place))
    try:
        database.start()
        yield database
    finally:
        database.stop()
        shutil.rmtree(place)


def _sweep(place: Path) -> None:
    """What a restore left behind that was killed."""
    running = find_running(place / CLUSTER)
    if running is not None:
        running.shut_down()
    if place.exists():
        shutil.rmtree(place)


def _put_in_place(folder: DataFolder) -> None:
    (folder.path / DRAFT / CLUSTER).rename(folder.path / CLUSTER)
    descriptor = os.open(folder.path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _now() -> datetime:
    return datetime.now(UTC)


def _shown(size: int) -> str:
    return f"{size / 1024:.0f} KiB" if size < 1024**2 else f"{size / 1024**2:.1f} MiB"
