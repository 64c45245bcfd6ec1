from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, Self

import asyncpg

from taskwell.database.url import target

# Any number of glances at the database, but not for ever.
PATIENCE = 10.0
GLANCE = 0.01

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'taskwell' AND wait_event_type = 'Lock'
"""
# By what they are: the one that is just being connected has no name yet, and would stay.
END_ALL = """
    SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND application_name <> 'test'
"""


class SecondConnection:
    """A look at the database past the service, and a hand in its way."""

    def __init__(self, url: str) -> None:
        where = target(url)
        self._runner = asyncio.Runner()
        options = {**where.options, "server_settings": {"application_name": "test"}}
        try:
            self._connection: Any = self._runner.run(asyncpg.connect(where.dsn, **options))
        except BaseException:
            self._runner.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()

    def run(self, sql: str) -> None:
        self._runner.run(self._connection.execute(sql))

    def value(self, sql: str, *arguments: object) -> Any:
        return self._runner.run(self._connection.fetchval(sql, *arguments))

    def rows(self, sql: str, *arguments: object) -> list[Any]:
        return list(self._runner.run(self._connection.fetch(sql, *arguments)))

    def await_waiting(self, many: int = 1) -> None:
        """Until so many of the service's statements wait for a lock."""
        deadline = time.monotonic() + PATIENCE
        while self.value(WAITING) < many:
            # Within a transaction it would see the same picture again and again.
            self.value("SELECT pg_stat_clear_snapshot()")
            assert time.monotonic() < deadline, "the service never came to wait for the lock"
            time.sleep(GLANCE)

    def end_connections_of_service(self) -> None:
        self.value(END_ALL)
