"""What `taskwell doctor` looks at: the settings, the database, the issuer, this machine."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from taskwell.auth import diagnosis as auth_diagnosis
from taskwell.config import Settings
from taskwell.database import diagnosis as database_diagnosis
from taskwell.database.cluster import has_cluster
from taskwell.database.diagnosis import Expectations, Finding
from taskwell.errors import DatabaseNotStarted, SettingsInvalid, StartRefused
from taskwell.migrating import look, migrated_url

ENOUGH_FILES = 4096
NAME_THE_FOLDER = "if there is one elsewhere, name its folder with --data or TASKWELL_DATA"


def examine(settings: Settings, token: str | None, file: Path | None = None) -> Iterator[Finding]:
    """`file` is the one that settings come from, beside the environment and the flags."""
    yield from _settings(settings, file)
    yield from _database(settings)
    yield from asyncio.run(_issuer(settings, token))
    yield _files()


def _settings(settings: Settings, file: Path | None) -> Iterator[Finding]:
    place = "DATABASE_URL" if settings.database_url else f"a private one in {settings.data}"
    source = f"; read from {file.absolute()} too" if file else ""
    yield Finding("settings", True, f"usable; database: {place}{source}")
    if settings.uses_development_issuer:
        text = "the development issuer, for this machine only; production needs BETTER_AUTH_URL"
    else:
        text = f"{settings.issuer}, for {', '.join(settings.audiences)}"
    yield Finding("issuer", True, text)


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        if settings.uses_embedded_database and not has_cluster(settings.data):
            text = f"none in {settings.data} yet: `taskwell serve` makes it; {NAME_THE_FOLDER}"
            yield Finding("database", True, text)
            return
        with migrated_url(settings) as direct:
            pooled = settings.database_url and settings.database_url.get_secret_value()
            yield from asyncio.run(_one_database(pooled or direct, settings, is_direct=False))
            if settings.database_url_unpooled is not None:
                for finding in asyncio.run(_one_database(direct, settings, is_direct=True)):
                    yield Finding(f"direct {finding.check}", finding.passed, finding.text)
        report = look(settings)
        yield Finding("schema", report.is_current, report.text)
    except (DatabaseNotStarted, SettingsInvalid) as error:
        yield Finding("database", False, str(error))
    except StartRefused as error:
        yield Finding("schema", False, str(error))


async def _one_database(url: str, settings: Settings, *, is_direct: bool) -> list[Finding]:
    expected = Expectations(
        connections=settings.workers * settings.pool_size,
        prepared_statements=settings.prepared_statements,
        is_direct=is_direct,
    )
    return await _all(database_diagnosis.examine(url, expected))


async def _all(findings: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in findings]


async def _issuer(settings: Settings, token: str | None) -> list[Finding]:
    if token is None:
        found = [await auth_diagnosis.examine_keys(settings)]
    else:
        found = await auth_diagnosis.explain(token, settings)
    return [
        Finding(
            finding.check if token is None else f"token's {finding.check}",
            finding.passed,
            finding.advice or "good",
        )
        for finding in found
    ]


def _files() -> Finding:
    """Each connection is an open file; `taskwell serve` raises its limit as far as it may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= most < ENOUGH_FILES:
        text = f"Only {most} may be open at once: raise the limit, for example with `ulimit -Hn`."
        return Finding("files", False, text)
    return Finding("files", True, "enough may be open at once")
