"""A connection of its own on which notifications come in. Poolers pass none: it wants the direct
way to the database."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import asyncpg

from taskwell.config import Settings
from taskwell.database.mishaps import MISHAPS
from taskwell.database.url import CONNECT_SECONDS, target

logger = logging.getLogger(__name__)


class Listener:
    def __init__(self, settings: Settings) -> None:
        url = settings.database_url_unpooled or settings.database_url
        if url is None:
            raise ValueError("the database's URL must be known by now")
        self._target = target(url.get_secret_value())
        self._connection: Any = None

    async def ensure(self, channel: str, heard: Callable[[str], None]) -> bool:
        """Listen, if that is to be had and is not done already; True where it begins just now."""
        if self._target.pooled or (self._connection and not self._connection.is_closed()):
            return False
        try:
            connection = await asyncpg.connect(
                self._target.dsn,
                statement_cache_size=0,
                command_timeout=CONNECT_SECONDS,
                **self._target.options,
            )
            # Kept before it listens, so that it is closed whatever becomes of that.
            self._connection = connection
            await connection.add_listener(
                channel, lambda _connection, _pid, _channel, payload: heard(payload)
            )
        except MISHAPS as error:
            await self.close()
            logger.warning("notifications can't be had: %s", type(error).__name__)
            return False
        return True

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
