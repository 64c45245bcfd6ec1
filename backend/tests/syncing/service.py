"""The real service in this process, which can be ended and started again.

Its requests need no socket and no thread, since a long run makes a million of them.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self, cast

from fastapi import FastAPI
from httpx2 import ASGITransport, BaseTransport, Client, Request, Response
from starlette.testclient import TestClient

from second_connection import SecondConnection
from taskwell.auth.gate import development_issuer
from taskwell.config import Settings
from taskwell.main import create_app
from taskwell.services.upkeep import Purge


class _Here(BaseTransport):
    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self._transport = ASGITransport(app, raise_app_exceptions=False)
        self._runner = runner

    def handle_request(self, request: Request) -> Response:
        return self._runner.run(self._answer(request))

    async def _answer(self, request: Request) -> Response:
        response = await self._transport.handle_async_request(request)
        content = await response.aread()
        return Response(response.status_code, headers=response.headers, content=content)


class Service:
    def __init__(self, settings: Settings, most_tasks: int) -> None:
        # Past a pooler, which gives each statement to another connection.
        direct = settings.database_url_unpooled or settings.database_url
        assert direct is not None
        self._settings = settings.model_copy(update={"max_tasks": most_tasks})
        self._issuer = development_issuer(settings)
        self._url = direct.get_secret_value()
        self._users = 0

    def __enter__(self) -> Self:
        self.sql = SecondConnection(self._url)
        self._runner = asyncio.Runner()
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        self._runner.close()
        self.sql.__exit__(kind, error, trace)

    def restart(self) -> None:
        self._end()
        self._start()

    def newcomer(self, name: str) -> tuple[str, str]:
        """Somebody who has never been here, and their token."""
        self._users += 1
        user_id = f"{name}-{self._users}"
        return user_id, self._issuer.token(user_id)

    def purge(self, user_id: str, ids: set[str]) -> None:
        """As if these tombstones had been kept long enough."""
        self.sql.value(
            "UPDATE task SET deleted_at = deleted_at - interval '31 days'"
            " WHERE user_id = $1 AND id = ANY($2::uuid[])",
            user_id,
            list(ids),
        )
        purge: Purge = self._app.state.purge
        self._runner.run(purge.run())

    def _start(self) -> None:
        self._app = create_app(self._settings)
        self._lifespan: Any = self._app.router.lifespan_context(self._app)
        self._runner.run(self._lifespan.__aenter__())
        client = Client(transport=_Here(self._app, self._runner), base_url="http://taskwell.test")
        # All that is asked of it, a TestClient and this one do alike.
        self.client = cast("TestClient", client)

    def _end(self) -> None:
        self._runner.run(self._lifespan.__aexit__(None, None, None))
