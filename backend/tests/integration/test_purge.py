"""Deleted tasks are kept for a while, then gone for good; nobody is held up by that."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from api_user import ApiUser
from batches import operation, statuses
from second_connection import SecondConnection
from taskwell.config import Settings
from taskwell.database.pool import Database
from taskwell.services.upkeep import Purge


def age(sql: SecondConnection, user: ApiUser, days: int) -> None:
    sql.value(
        "UPDATE task SET deleted_at = deleted_at - make_interval(days => $2) WHERE user_id = $1",
        user.user_id,
        days,
    )


def purge(client: TestClient) -> int:
    assert client.portal is not None
    purging: Purge = client.app.state.purge  # type: ignore[attr-defined]  # it is FastAPI's
    return client.portal.call(purging.run)


def test_a_tombstone_goes_after_its_time_and_its_cursors_with_it(
    alice: ApiUser, client: TestClient, sql: SecondConnection
) -> None:
    gone, kept = alice.create("Gone"), alice.create("Kept")
    before = alice.get("/sync").json()["cursor"]
    alice.delete(f"/tasks/{gone['id']}")
    after = alice.get("/sync").json()["cursor"]
    age(sql, alice, 29)
    purge(client)
    assert alice.get(f"/sync?since={before}").json()["changes"] == [
        {"id": gone["id"], "rev": 3, "deleted": True}
    ]
    age(sql, alice, 2)
    assert purge(client) >= 1
    reset = alice.get(f"/sync?since={before}")
    assert (reset.status_code, reset.json()["code"]) == (410, "sync-reset-required")
    assert alice.get(f"/sync?since={after}").json()["changes"] == []
    assert alice.post(f"/tasks/{gone['id']}/restore", None).status_code == 404
    assert [task["id"] for task in alice.get("/sync").json()["changes"]] == [kept["id"]]


def test_an_operation_is_known_again_until_its_time_is_over(
    alice: ApiUser, client: TestClient, sql: SecondConnection
) -> None:
    done = operation("update", alice.create()["id"], set={"text": "Done"})
    older = (
        "UPDATE operation SET created_at = created_at - make_interval(days => $2) "
        "WHERE user_id = $1"
    )
    assert statuses(alice, done) == ["applied"]
    sql.value(older, alice.user_id, 29)
    purge(client)
    assert statuses(alice, done) == ["duplicate"]
    sql.value(older, alice.user_id, 2)
    assert purge(client) >= 1
    assert statuses(alice, done) == ["applied"]


def test_an_account_that_is_being_written_to_is_left_for_later(
    alice: ApiUser, bob: ApiUser, client: TestClient, sql: SecondConnection
) -> None:
    for user in (alice, bob):
        user.delete(f"/tasks/{user.create()['id']}")
        age(sql, user, 31)
    sql.run("BEGIN")
    sql.value("SELECT 1 FROM account WHERE user_id = $1 FOR UPDATE", alice.user_id)
    purge(client)
    assert bob.get("/tasks?status=deleted").json() == []
    assert len(alice.get("/tasks?status=deleted").json()) == 1
    sql.run("ROLLBACK")
    purge(client)
    assert alice.get("/tasks?status=deleted").json() == []


def test_an_expired_receipt_counts_no_more_and_goes(
    alice: ApiUser, client: TestClient, sql: SecondConnection
) -> None:
    keyed = {"headers": {"idempotency-key": "k"}}
    alice.post("/tasks", {"text": "First"}, **keyed)
    sql.value(
        "UPDATE receipt SET created_at = created_at - interval '25 hours' WHERE user_id = $1",
        alice.user_id,
    )
    assert alice.post("/tasks", {"text": "Second"}, **keyed).status_code == 201
    assert "idempotency-replayed" in alice.post("/tasks", {"text": "Second"}, **keyed).headers
    sql.value(
        "UPDATE receipt SET created_at = created_at - interval '25 hours' WHERE user_id = $1",
        alice.user_id,
    )
    assert purge(client) >= 1
    left = sql.value("SELECT count(*) FROM receipt WHERE user_id = $1", alice.user_id)
    assert left == 0


def test_a_key_that_is_used_again_during_the_purge_keeps_its_new_receipt(
    alice: ApiUser, client: TestClient, sql: SecondConnection
) -> None:
    keyed = {"headers": {"idempotency-key": "k"}}
    made = alice.post("/tasks", {"text": "First"}, **keyed)
    sql.value(
        "UPDATE receipt SET created_at = created_at - interval '25 hours' WHERE user_id = $1",
        alice.user_id,
    )
    sql.run("BEGIN")
    sql.value("UPDATE receipt SET created_at = now() WHERE user_id = $1", alice.user_id)
    # It waits for nobody, so that nobody has to wait for it.
    purge(client)
    sql.run("COMMIT")
    again = alice.post("/tasks", {"text": "First"}, **keyed)
    assert (again.content, again.headers.get("idempotency-replayed")) == (made.content, "true")


def test_while_another_process_purges_this_one_does_not(
    alice: ApiUser, client: TestClient, sql: SecondConnection
) -> None:
    alice.delete(f"/tasks/{alice.create()['id']}")
    age(sql, alice, 31)
    sql.run("BEGIN")
    sql.value(f"SELECT pg_advisory_xact_lock({0x7075726765})")
    assert purge(client) == 0
    sql.run("COMMIT")
    assert purge(client) >= 1


def test_requests_begin_the_purge_about_once_an_hour(
    alice: ApiUser, client: TestClient, sql: SecondConnection, settings: Settings
) -> None:
    alice.delete(f"/tasks/{alice.create()['id']}")
    age(sql, alice, 31)
    clock = [0.0]

    async def begins_at(now: float) -> bool:
        clock[0] = now
        purging.begin_if_due()
        return await purging.ended()

    async def open_database() -> Database:
        database = Database(settings)
        await database.open()
        return database

    assert client.portal is not None
    database = client.portal.call(open_database)
    purging = Purge(database, 30, monotonic=lambda: clock[0])
    moments = (0.0, 3599.0, 3600.0, 3601.0, 7200.0)
    began = [client.portal.call(begins_at, moment) for moment in moments]
    assert began == [False, False, True, False, True]
    assert alice.get("/tasks?status=deleted").json() == []
    client.portal.call(purging.close)
    client.portal.call(database.close)


def test_a_purge_that_finds_no_database_is_put_off(
    client: TestClient, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = settings.model_copy(
        update={"database_url": SecretStr("postgresql://nobody@127.0.0.1:1/nowhere")}
    )

    async def purge_nowhere() -> None:
        database = Database(nowhere)
        await database.open()
        purging = Purge(database, 30, monotonic=iter([0.0, 3600.0, 3600.0]).__next__)
        purging.begin_if_due()
        assert await purging.ended()
        await database.close()

    assert client.portal is not None
    client.portal.call(purge_nowhere)
    assert "the purge was put off" in caplog.text


def test_a_purge_under_way_ends_with_the_process(
    alice: ApiUser, client: TestClient, sql: SecondConnection, settings: Settings
) -> None:
    alice.delete(f"/tasks/{alice.create()['id']}")
    age(sql, alice, 31)

    async def end_at_once() -> None:
        database = Database(settings)
        await database.open()
        purging = Purge(database, 30, monotonic=iter([0.0, 3600.0, 3600.0]).__next__)
        purging.begin_if_due()
        await purging.close()
        await database.close()

    assert client.portal is not None
    client.portal.call(end_at_once)
    assert len(alice.get("/tasks?status=deleted").json()) == 1
