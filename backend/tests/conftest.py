"""What every test that needs the service builds on: a real PostgreSQL, a real issuer, real HTTP
semantics. Each test has users of its own, and users never meet: so tests share one database."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr
from starlette.testclient import TestClient

from api_user import ApiUser
from end_to_end.pgbouncer import pooled
from taskwell.auth.gate import development_issuer
from taskwell.config import Settings
from taskwell.configuring import load_settings
from taskwell.database.embedded import EmbeddedPostgres
from taskwell.database.folder import DataFolder
from taskwell.main import create_app
from taskwell.migrations import runner

# How long an example takes says more about the machine than about the code.
hypothesis_settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("patient")

# Whoever runs the tests in the background may have Ctrl-C and the end of the terminal ignored, and
# so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

FRONT_END = "https://app.example.com"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault", help="Only the tests that try this fault.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    fault = config.getoption("--fault")
    if fault is not None:
        items[:] = [item for item in items if _tries(item, fault)]


def _tries(item: pytest.Item, fault: str) -> bool:
    marker = item.get_closest_marker("fault")
    return marker is not None and marker.args == (fault,)


@pytest.fixture(scope="session")
def data_folder() -> Iterator[Path]:
    """Not pytest's own folder: PostgreSQL's unprivileged user must be able to reach it."""
    path = Path(tempfile.mkdtemp(prefix="taskwell-test-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def database_url(data_folder: Path) -> Iterator[str]:
    """A PostgreSQL of this test process alone, migrated."""
    folder = DataFolder(data_folder)
    folder.lock()
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    try:
        runner.upgrade(postgres.url)
        yield postgres.url
    finally:
        postgres.stop()
        folder.unlock()


@pytest.fixture(scope="session")
def way_to_database(database_url: str, data_folder: Path) -> Iterator[dict[str, Any]]:
    """The service's own; TASKWELL_TEST_PGBOUNCER=1 puts a pooler in transaction mode into it."""
    if os.environ.get("TASKWELL_TEST_PGBOUNCER") != "1":
        yield {"database_url": SecretStr(database_url)}
        return
    with pooled(database_url, data_folder) as url:
        yield {
            "database_url": SecretStr(url),
            "database_url_unpooled": SecretStr(database_url),
            "prepared_statements": False,
        }


@pytest.fixture(scope="session")
def settings(way_to_database: dict[str, Any], data_folder: Path) -> Settings:
    return load_settings(
        **way_to_database,
        data=data_folder,
        cors_origins=(FRONT_END,),
        # Tests ask as fast as they can; those of the limit itself set one.
        rate_limit=0,
    )


@pytest.fixture(scope="session")
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://taskwell.test") as running:
        yield running


def make_user(client: TestClient, settings: Settings, name: str) -> ApiUser:
    """Somebody who has never been here before."""
    user_id = f"{name}-{secrets.token_hex(8)}"
    return ApiUser(client, user_id, development_issuer(settings).token(user_id))


@pytest.fixture
def alice(client: TestClient, settings: Settings) -> ApiUser:
    return make_user(client, settings, "alice")


@pytest.fixture
def bob(client: TestClient, settings: Settings) -> ApiUser:
    return make_user(client, settings, "bob")
