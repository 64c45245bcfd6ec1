from __future__ import annotations

from typing import Protocol

from starlette.testclient import TestClient

from api_user import ApiUser


class Newcomer(Protocol):
    def __call__(self, client: TestClient, user_id: str | None = None) -> ApiUser: ...
