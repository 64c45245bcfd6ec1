"""The revision that this version of the service needs; here, so that serving needs no Alembic."""

from __future__ import annotations

import asyncio

import asyncpg

from taskwell.database.mishaps import MISHAPS
from taskwell.database.url import target

HEAD = "0004"


def is_current(url: str) -> bool:
    """Whether the schema has just this revision; False too where nobody can tell."""
    try:
        return asyncio.run(_revisions(url)) == [HEAD]
    except MISHAPS:
        return False


async def _revisions(url: str) -> list[str]:
    where = target(url)
    connection = await asyncpg.connect(where.dsn, statement_cache_size=0, **where.options)
    try:
        # Behind a pooler both halves of a query meet the same session only in a transaction.
        async with connection.transaction():
            rows = await connection.fetch("SELECT version_num FROM alembic_version")
    finally:
        await connection.close()
    return [row["version_num"] for row in rows]
