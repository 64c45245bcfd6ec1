"""What `taskwell migrate` does, on whichever database the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from taskwell.config import Settings
from taskwell.database.cluster import require_cluster
from taskwell.database.embedded import running_database
from taskwell.database.folder import DataFolder
from taskwell.migrations import runner


@dataclass(frozen=True, slots=True)
class Report:
    is_current: bool
    text: str


def sql() -> str:
    return runner.upgrade_sql()


def upgrade(settings: Settings) -> str:
    with migrated_url(settings, makes=True) as url:
        applied = runner.upgrade(url)
    if not applied:
        return "Nothing to do: the schema is up to date."
    return "\n".join(f"Applied {name}." for name in applied)


def look(settings: Settings) -> Report:
    with migrated_url(settings) as url:
        found = runner.state(url)
    if found.too_new:
        raise found.mismatch()
    if not found.is_known:
        return Report(True, f"The schema is newer ({found.current}), and may be served by this.")
    if found.behind:
        now = found.current or "nothing"
        return Report(
            False, f"The schema is at {now}, {found.head} is needed: run `taskwell migrate`."
        )
    return Report(True, f"The schema is up to date ({found.head}).")


@contextmanager
def migrated_url(settings: Settings, *, makes: bool = False) -> Iterator[str]:
    """The direct connection where there is one: a pooler can't hold what a migration needs.

    A private database that isn't there yet is made by who says so only.
    """
    url = settings.database_url_unpooled or settings.database_url
    if url is not None:
        yield url.get_secret_value()
    else:
        if not makes:
            require_cluster(settings.data)
        with running_database(DataFolder(settings.data)) as database:
            yield database.url
