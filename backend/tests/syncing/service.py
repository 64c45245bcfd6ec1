"""The real service in this process, which can be ended and started again."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from starlette.testclient import TestClient

from running import running
from second_connection import SecondConnection
from taskwell.auth.gate import development_issuer
from taskwell.config import Settings
from taskwell.services.upkeep import Purge


class Service:
    def __init__(self, settings: Settings, most_tasks: int) -> None:
        assert settings.database_url is not None
        self._settings = settings
        self._most_tasks = most_tasks
        self._issuer = development_issuer(settings)
        self._parts = ExitStack()
        self._url = settings.database_url.get_secret_value()

    def __enter__(self) -> Self:
        self.sql = SecondConnection(self._url)
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._parts.close()
        self.sql.__exit__(kind, error, trace)

    def restart(self) -> None:
        self._parts.close()
        self._start()

    def token(self, user_id: str) -> str:
        return self._issuer.token(user_id)

    def purge(self, user_id: str, ids: set[str]) -> None:
        """As if these tombstones had been kept long enough."""
        self.sql.value(
            "UPDATE task SET deleted_at = deleted_at - interval '31 days'"
            " WHERE user_id = $1 AND id = ANY($2::uuid[])",
            user_id,
            list(ids),
        )
        assert self.client.portal is not None
        purge: Purge = self.client.app.state.purge  # type: ignore[attr-defined]  # it is FastAPI's
        self.client.portal.call(purge.run)

    def _start(self) -> None:
        self.client: TestClient = self._parts.enter_context(
            running(self._settings, max_tasks=self._most_tasks)
        )
