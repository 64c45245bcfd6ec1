"""Operators can cut off a user or a key before their tokens expire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from newcomers import Newcomer
from running import running
from taskwell.auth.gate import development_issuer
from taskwell.config import Settings
from taskwell.database.pool import Database
from taskwell.database.statement import Statement
from taskwell.errors import DatabaseUnavailable, TokenInvalid
from taskwell.models.limits import Denied
from taskwell.services.deny_list import DenyList

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Operator:
    """Another process with the same database, and a clock of its own."""

    def __init__(self, client: TestClient, settings: Settings) -> None:
        assert client.portal is not None
        self.call = client.portal.call
        self.now = 100.0
        self.database = Database(settings)
        self.call(self.database.open)
        self.list = DenyList(self.database, monotonic=lambda: self.now)


@pytest.fixture
def operator(client: TestClient, settings: Settings) -> Iterator[Operator]:
    operator = Operator(client, settings)
    yield operator
    operator.call(operator.list.close)
    operator.call(operator.database.close)


def test_a_user_is_cut_off_until_they_have_a_newer_token(
    settings: Settings, alice: ApiUser, operator: Operator, newcomer: Newcomer
) -> None:
    operator.call(operator.list.deny, Denied.USER, alice.user_id)
    # A process that has not read the list yet does so before its first answer.
    with running(settings) as client:
        cut_off = ApiUser(client, alice.user_id, alice.token)
        refused = cut_off.get("/tasks")
        assert (refused.status_code, refused.json()["code"]) == (401, "token-invalid")
        assert newcomer(client).get("/tasks").status_code == 200
    operator.call(operator.list.deny, Denied.USER, alice.user_id, LONG_AGO)
    with running(settings) as client:
        assert ApiUser(client, alice.user_id, alice.token).get("/tasks").status_code == 200


def test_all_tokens_of_a_key_are_cut_off(operator: Operator) -> None:
    operator.call(operator.list.deny, Denied.KEY, "a-key-that-leaked")
    operator.now += 10
    now = int(time.time())
    with pytest.raises(TokenInvalid, match="key was cut off"):
        operator.call(operator.list.check, "anyone", now, "a-key-that-leaked")
    operator.call(operator.list.check, "anyone", now, "another-key")
    operator.call(operator.list.check, "anyone", now, None)
    assert operator.call(operator.list.allow, Denied.KEY, "a-key-that-leaked") is True
    assert operator.call(operator.list.allow, Denied.KEY, "a-key-that-leaked") is False


def test_the_list_is_never_older_than_four_seconds(alice: ApiUser, operator: Operator) -> None:
    issued_at = int(time.time()) - 10
    check = operator.list.check
    operator.call(check, alice.user_id, issued_at, None)
    other = DenyList(operator.database)
    operator.call(other.deny, Denied.USER, alice.user_id)
    operator.now += 1.9
    operator.call(check, alice.user_id, issued_at, None)  # what it knows is still good enough
    operator.now += 2.2
    with pytest.raises(TokenInvalid, match="user was cut off"):
        operator.call(check, alice.user_id, issued_at, None)
    users, _ = operator.call(other.everyone)
    assert issued_at < users[alice.user_id]
    operator.call(other.allow, Denied.USER, alice.user_id)


def test_where_the_database_is_away_the_last_list_holds(
    alice: ApiUser, client: TestClient, operator: Operator, settings: Settings
) -> None:
    issued_at = int(time.time()) - 10
    operator.call(operator.list.deny, Denied.USER, alice.user_id)
    with pytest.raises(TokenInvalid):
        operator.call(operator.list.check, alice.user_id, issued_at, None)
    operator.call(operator.database.close)
    operator.now += 60
    with pytest.raises(TokenInvalid):
        operator.call(operator.list.check, alice.user_id, issued_at, None)
    operator.call(operator.database.open)
    operator.call(operator.list.allow, Denied.USER, alice.user_id)


class Away(Database):
    """Refuses at once, until it is back."""

    is_away = True

    async def row(self, statement: Statement, **arguments: object) -> Any:
        if self.is_away:
            raise DatabaseUnavailable("nobody is there")
        return await super().row(statement, **arguments)


def test_without_a_list_nobody_is_let_in(operator: Operator, settings: Settings) -> None:
    operator.call(operator.list.deny, Denied.USER, "cut off")
    database = Away(settings)
    operator.call(database.open)
    deny_list = DenyList(database, monotonic=lambda: operator.now)
    # Right after one that failed, too.
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            operator.call(deny_list.check, "anyone", int(time.time()), None)
    database.is_away = False
    with pytest.raises(TokenInvalid):
        operator.call(deny_list.check, "cut off", 1, None)
    operator.call(deny_list.check, "anyone", 1, None)
    operator.call(database.close)
    operator.call(operator.list.allow, Denied.USER, "cut off")


def test_a_stream_goes_by_the_newest_list(alice: ApiUser, operator: Operator) -> None:
    issued_at = int(time.time()) - 10
    check = operator.list.check
    operator.call(check, alice.user_id, issued_at, None)
    operator.call(DenyList(operator.database).deny, Denied.USER, alice.user_id)
    operator.now += 3.9
    with pytest.raises(TokenInvalid):
        operator.call(check, alice.user_id, issued_at, None, 0)
    operator.call(operator.list.allow, Denied.USER, alice.user_id)


def test_a_denied_user_learns_nothing_but_that_the_token_is_invalid(
    settings: Settings, alice: ApiUser, operator: Operator
) -> None:
    operator.call(operator.list.deny, Denied.USER, alice.user_id)
    with running(settings) as client:
        denied = ApiUser(client, alice.user_id, alice.token)
        forged = ApiUser(
            client, alice.user_id, development_issuer(settings).token("x")[:-4] + "AAAA"
        )
        same = {"headers": {"x-request-id": "same"}}
        assert denied.get("/tasks", **same).content == forged.get("/tasks", **same).content
    operator.call(operator.list.allow, Denied.USER, alice.user_id)


def test_a_reading_that_is_cut_off_lets_nobody_in(operator: Operator) -> None:
    """At the end of a process; but who waits for it is refused, not cut off."""

    async def check_and_close() -> None:
        waiting = asyncio.create_task(operator.list.check("anyone", int(time.time()), None))
        # It has begun to read by the time that it waits.
        await asyncio.sleep(0)
        await operator.list.close()
        with pytest.raises(DatabaseUnavailable):
            await waiting

    operator.call(check_and_close)
