from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from newcomers import Newcomer
from second_connection import SecondConnection
from taskwell.auth.gate import development_issuer
from taskwell.config import Settings


@pytest.fixture(params=["/tasks", "/api/{user_id}/tasks"])
def tasks(request: pytest.FixtureRequest, alice: ApiUser) -> str:
    """Alice's tasks, in both spellings."""
    return "/tasks" if request.param == "/tasks" else alice.own_path


@pytest.fixture
def sql(database_url: str) -> Iterator[SecondConnection]:
    with SecondConnection(database_url) as connection:
        yield connection


@pytest.fixture
def newcomer(settings: Settings) -> Newcomer:
    """Somebody new, at any instance of the service."""
    issuer = development_issuer(settings)

    def come(client: TestClient, user_id: str | None = None) -> ApiUser:
        user_id = user_id or f"newcomer-{secrets.token_hex(8)}"
        return ApiUser(client, user_id, issuer.token(user_id))

    return come
