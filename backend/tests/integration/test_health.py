"""/health for people and monitors, /health/live and /health/ready for an orchestrator."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem
from running import running
from second_connection import SecondConnection
from taskwell import __version__
from taskwell.config import Settings
from taskwell.migrations.head import HEAD

LOOKS = ["/health", "/health/ready"]


@pytest.mark.parametrize("path", LOOKS)
def test_all_is_well(client: TestClient, path: str) -> None:
    """Nobody needs a token for that."""
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "version": __version__}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


def test_a_process_that_answers_is_alive(client: TestClient) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


class TestSchema:
    @pytest.fixture(params=["0000", None])
    def _behind(self, request: pytest.FixtureRequest, sql: SecondConnection) -> Iterator[None]:
        if request.param is None:
            sql.run("DELETE FROM alembic_version")
        else:
            sql.run(f"UPDATE alembic_version SET version_num = '{request.param}'")
        yield
        sql.run("DELETE FROM alembic_version")
        sql.rows("INSERT INTO alembic_version VALUES ($1)", HEAD)

    @pytest.mark.parametrize("path", LOOKS)
    @pytest.mark.usefixtures("_behind")
    def test_behind_is_not_ready(self, client: TestClient, path: str) -> None:
        refused = client.get(path)
        body = expect_problem(refused, 503, "not-ready", "database", "version")
        assert (body["database"], body["version"]) == ("behind", __version__)
        assert int(refused.headers["retry-after"]) > 0
        assert client.get("/health/live").status_code == 200

    @pytest.mark.parametrize("path", LOOKS)
    def test_none_at_all_is_behind_too(
        self, client: TestClient, sql: SecondConnection, path: str
    ) -> None:
        sql.run("ALTER TABLE alembic_version RENAME TO elsewhere")
        try:
            body = expect_problem(client.get(path), 503, "not-ready", "database", "version")
            assert body["database"] == "behind"
        finally:
            sql.run("ALTER TABLE elsewhere RENAME TO alembic_version")
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", LOOKS)
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://secret-user:secret-word@127.0.0.1:1/secret-name",
        "postgresql://secret-user@/secret-name?host=/nowhere/secret-socket",
        "postgresql://secret-user:secret-word@secret-host.invalid/secret-name?sslmode=require",
    ],
)
def test_a_database_out_of_reach(settings: Settings, path: str, url: str) -> None:
    with running(settings, database_url=SecretStr(url)) as client:
        refused = client.get(path)
        body = expect_problem(refused, 503, "database-unavailable", "database", "version")
        assert (body["database"], body["version"]) == ("unreachable", __version__)
        assert refused.headers["retry-after"] == "1"
        told = re.compile(r"secret|127\.0|nowhere|asyncpg|Error|SELECT")
        assert not told.search(refused.text)
        assert client.get("/health/live").status_code == 200


@pytest.mark.parametrize("name", ["no-such-database", "no-such-user"])
def test_a_database_that_refuses_us(settings: Settings, database_url: str, name: str) -> None:
    user, database = ("taskwell", name) if "database" in name else (name, "taskwell")
    url = database_url.replace("//taskwell@/taskwell", f"//{user}@/{database}")
    assert url != database_url
    with running(settings, database_url=SecretStr(url)) as client:
        refused = client.get("/health")
        expect_problem(refused, 503, "database-unavailable", "database", "version")
        assert name not in refused.text


class TestDraining:
    @pytest.fixture
    def ending(self, settings: Settings) -> Iterator[TestClient]:
        with running(settings) as client:
            assert isinstance(client.app, FastAPI)
            client.app.state.draining = True
            yield client

    def test_it_is_not_ready(self, ending: TestClient) -> None:
        refused = ending.get("/health/ready")
        expect_problem(refused, 503, "not-ready")
        assert refused.headers["retry-after"] == "1"

    def test_it_is_alive_and_well(self, ending: TestClient) -> None:
        assert ending.get("/health").status_code == 200
        assert ending.get("/health/live").status_code == 200

    @pytest.mark.parametrize("path", ["/health", "/health/ready", "/tasks", "/nowhere", "/docs"])
    def test_every_connection_is_asked_to_end(
        self, ending: TestClient, client: TestClient, path: str
    ) -> None:
        assert ending.get(path).headers["connection"] == "close"
        assert "connection" not in client.get(path).headers

    def test_requests_are_still_served(self, ending: TestClient, alice: ApiUser) -> None:
        user = ApiUser(ending, alice.user_id, alice.token)
        created = user.post("/tasks", {"text": "Buy milk"})
        assert (created.status_code, created.headers["connection"]) == (201, "close")
