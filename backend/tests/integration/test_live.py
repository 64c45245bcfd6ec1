"""Streams in one process: told once for many writes, told by a look where no notification comes,
and ended when they have to."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from api_user import ApiUser
from newcomers import Newcomer
from running import running
from second_connection import SecondConnection
from taskwell.api.call import Call
from taskwell.api.routes.events import stream_events
from taskwell.auth.gate import development_issuer
from taskwell.auth.identity import Identity
from taskwell.config import Settings
from taskwell.database.listener import Listener
from taskwell.database.pool import USUAL_PATIENCE, Database, Patience
from taskwell.models.limits import Denied
from taskwell.services.deny_list import DenyList
from taskwell.services.live import Live, Stream
from taskwell.services.upkeep import Revisions
from taskwell.statements.upkeep import NUDGE

PATIENCE = 20.0
NEVER, OFTEN = 3600.0, 0.05
LISTENERS = "FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
END_LISTENING = "SELECT pg_terminate_backend($1, 5000)"
NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"


class Counted(Revisions):
    """The real ones, and how often they were asked."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.looks = 0
        self.defects = 0
        self.notified: list[str] = []
        self._asked = asyncio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._asked.clear()
            await self._asked.wait()

    async def of(self, users: set[str]) -> dict[str, str]:
        self.looks += 1
        try:
            if self.defects:
                self.defects -= 1
                raise ZeroDivisionError
            return await super().of(users)
        finally:
            self._asked.set()

    async def notify(self, channel: str, payload: str) -> None:
        self.notified.append(payload)
        try:
            await super().notify(channel, payload)
        finally:
            self._asked.set()


@dataclass
class Process:
    live: Live
    revisions: Counted
    deny_list: DenyList
    database: Database

    @asynccontextmanager
    async def stream(self, user: ApiUser, told: str | None = None) -> AsyncIterator[Stream]:
        async with self.live.follow(Stream(user.user_id, 0, None, told)) as stream:
            yield stream


@asynccontextmanager
async def process(
    settings: Settings,
    look: float = NEVER,
    patience: Patience = USUAL_PATIENCE,
    **changes: object,
) -> AsyncIterator[Process]:
    """What a process of the service has for its streams."""
    told = settings.model_copy(update=changes)
    database = Database(told, patience)
    await database.open()
    revisions, deny_list = Counted(database), DenyList(database)
    live = Live(revisions, deny_list, Listener(told), look)
    try:
        yield Process(live, revisions, deny_list, database)
    finally:
        await live.close()
        await deny_list.close()
        await database.close()


def within(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE):
            await story()

    asyncio.run(bounded())


def tag(user: ApiUser) -> str:
    cursor: str = user.get("/sync").json()["cursor"]
    return cursor


async def listening(sql: SecondConnection, many: int) -> None:
    """Until so many connections listen."""
    while await asyncio.to_thread(sql.value, f"SELECT count(*) {LISTENERS}") != many:
        pass


def test_a_burst_of_nudges_is_told_at_once_and_then_once_more(
    settings: Settings, alice: ApiUser
) -> None:
    async def story() -> None:
        async with process(settings) as here, here.stream(alice) as stream:
            assert await stream.news() == "new.0"
            # One look for the new stream, and the one that is taken every so often.
            await here.revisions.until(lambda: here.revisions.looks == 2)
            here.live.nudge(alice.user_id)
            await here.revisions.until(lambda: len(here.revisions.notified) == 1)
            for _ in range(20):
                here.live.nudge(alice.user_id)
                await asyncio.sleep(0)
            await here.revisions.until(lambda: len(here.revisions.notified) == 2)
            await here.live.close()
            assert (here.revisions.looks, len(here.revisions.notified)) == (4, 2)

    within(story)


def test_a_nudge_goes_to_the_streams_of_that_user_in_every_process(
    settings: Settings, alice: ApiUser, bob: ApiUser, sql: SecondConnection
) -> None:
    async def story() -> None:
        async with (
            process(settings) as here,
            process(settings) as there,
            there.stream(alice) as hers,
            there.stream(alice) as hers_too,
            there.stream(bob) as his,
        ):
            for stream in (hers, hers_too, his):
                assert await stream.news() == "new.0"
            await listening(sql, 1)
            alice.create()
            bob.create()
            here.live.nudge(alice.user_id)
            assert await hers.news() == await hers_too.news() == tag(alice)
            here.live.nudge(bob.user_id)
            assert await his.news() == tag(bob)

    within(story)


def test_more_users_than_fit_take_several_notifications(
    settings: Settings, alice: ApiUser, sql: SecondConnection
) -> None:
    async def story() -> None:
        async with (
            process(settings) as here,
            process(settings) as there,
            there.stream(alice) as stream,
        ):
            await stream.news()
            await listening(sql, 1)
            alice.create()
            for nth in range(900):
                here.live.nudge(f"another-{nth}")
            here.live.nudge(alice.user_id)
            assert await stream.news() == tag(alice)
            await here.revisions.until(lambda: len(here.revisions.notified) == 3)
            assert all(len(payload) < 8000 for payload in here.revisions.notified)

    within(story)


def test_what_others_say_on_the_channel_does_no_harm(
    settings: Settings, alice: ApiUser, sql: SecondConnection
) -> None:
    async def story() -> None:
        async with process(settings) as here, here.stream(alice) as stream:
            await stream.news()
            await listening(sql, 1)
            for payload in ("", ",", "x" * 7999, "somebody,nobody", "'; DROP TABLE task"):
                await here.database.row(NUDGE, channel="taskwell", payload=payload)
            alice.create()
            here.live.nudge(alice.user_id)
            assert await stream.news() == tag(alice)

    within(story)


@asynccontextmanager
async def looking(settings: Settings, user: ApiUser, unpooled: str) -> AsyncIterator[Stream]:
    """A stream in a process that often looks, with another address to listen at."""
    async with (
        process(settings, OFTEN, database_url_unpooled=SecretStr(unpooled)) as here,
        here.stream(user) as stream,
    ):
        yield stream


async def hears_each_change(stream: Stream, user: ApiUser) -> None:
    assert await stream.news() == "new.0"
    for _ in range(3):
        await asyncio.to_thread(user.create)
        assert await stream.news() == tag(user)


@pytest.mark.parametrize(
    "unpooled", [NOBODY, "postgresql://nobody@ep-1-pooler.localhost:1/nothing"]
)
def test_without_notifications_a_look_tells(
    settings: Settings, alice: ApiUser, sql: SecondConnection, unpooled: str
) -> None:
    """Behind a pooler, say, or where the direct way is closed."""

    async def story() -> None:
        async with looking(settings, alice, unpooled) as stream:
            await hears_each_change(stream, alice)
            await listening(sql, 0)

    within(story)


def test_a_direct_way_that_swallows_everything_delays_no_look(
    settings: Settings, alice: ApiUser
) -> None:
    async def story(unpooled: str) -> None:
        async with looking(settings, alice, unpooled) as stream:
            await hears_each_change(stream, alice)

    # Nobody ever accepts what comes there, or says a word.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        within(partial(story, f"postgresql://nobody@127.0.0.1:{port}/nothing"))


def test_a_listening_connection_that_breaks_is_made_again(
    settings: Settings, alice: ApiUser, sql: SecondConnection
) -> None:
    async def story() -> None:
        async with process(settings, OFTEN) as here, here.stream(alice) as stream:
            await stream.news()
            await listening(sql, 1)
            before = await asyncio.to_thread(sql.value, f"SELECT pid {LISTENERS}")
            await asyncio.to_thread(sql.value, END_LISTENING, before)
            alice.create()
            assert await stream.news() == tag(alice)
            await listening(sql, 1)
            assert before != await asyncio.to_thread(sql.value, f"SELECT pid {LISTENERS}")

    within(story)


def test_without_streams_nothing_listens_or_looks(
    settings: Settings, alice: ApiUser, bob: ApiUser, sql: SecondConnection
) -> None:
    async def story() -> None:
        async with process(settings, OFTEN) as here:
            async with here.stream(alice):
                async with here.stream(bob), here.stream(bob):
                    await listening(sql, 1)
                await listening(sql, 1)
            await listening(sql, 0)
            looks = here.revisions.looks
            here.live.nudge(alice.user_id)
            await here.revisions.until(lambda: bool(here.revisions.notified))
            assert here.revisions.looks == looks
            async with here.stream(alice):
                await listening(sql, 1)

    within(story)


def test_a_reader_that_comes_back_is_told_what_it_missed_and_only_that(
    settings: Settings, alice: ApiUser
) -> None:
    async def story() -> None:
        alice.create()
        seen = tag(alice)
        async with process(settings, OFTEN) as here, here.stream(alice, seen) as stream:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await stream.news()
            await asyncio.to_thread(alice.create)
            assert await stream.news() == tag(alice) != seen
        async with process(settings) as here:
            for told in (seen, "nonsense", "", "new.0"):
                async with here.stream(alice, told) as stream:
                    assert await stream.news() == tag(alice)

    within(story)


def test_a_database_that_is_away_ends_no_stream(
    settings: Settings, alice: ApiUser, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        nowhere = SecretStr(NOBODY)
        async with process(
            settings, OFTEN, database_url=nowhere, database_url_unpooled=None
        ) as here:
            stream = Stream(alice.user_id, 0, None, None)
            async with here.live.follow(stream):
                here.live.nudge(alice.user_id)
                untold = "other processes were not told"
                await here.revisions.until(lambda: untold in caplog.text)
                stream.tell("later.1")
                assert await stream.news() == "later.1"

    with caplog.at_level(logging.WARNING):
        within(story)
    assert "streams could not be told of changes" in caplog.text
    assert "notifications can't be had" in caplog.text
    assert "nobody" not in caplog.text


def test_a_defect_is_told_and_leaves_no_stream_without_news(
    settings: Settings, alice: ApiUser, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with process(settings, OFTEN) as one, one.stream(alice) as stream:
            assert await stream.news() == "new.0"
            one.revisions.defects = 3
            # A look that began before still succeeds: what it may not see comes after them.
            await one.revisions.until(lambda: not one.revisions.defects)
            await asyncio.to_thread(alice.create)
            assert await stream.news() == tag(alice)

    within(story)
    assert "ZeroDivisionError" in caplog.text


def test_a_stream_ends_when_its_user_is_cut_off(
    settings: Settings, alice: ApiUser, bob: ApiUser
) -> None:
    async def story() -> None:
        async with (
            process(settings, OFTEN) as here,
            here.stream(alice) as hers,
            here.stream(bob) as his,
        ):
            assert await hers.news() == await his.news() == "new.0"
            await here.deny_list.deny(Denied.USER, alice.user_id, datetime.now(UTC))
            assert await hers.news() is None
            await asyncio.to_thread(bob.create)
            assert await his.news() == tag(bob)

    within(story)


def test_a_deny_list_that_cannot_be_read_is_no_defect_and_counts_again_later(
    settings: Settings, alice: ApiUser, sql: SecondConnection, caplog: pytest.LogCaptureFixture
) -> None:
    unread = "the deny list could not be read"

    async def story() -> None:
        # Who waits longer than a second for a reading in vain is told so.
        async with process(settings, OFTEN, Patience(statement=2.5)) as here:
            await asyncio.to_thread(sql.run, "BEGIN; LOCK TABLE denial")
            async with here.stream(alice) as stream:
                assert await stream.news() == "new.0"
                await here.revisions.until(lambda: unread in caplog.text)
                await asyncio.to_thread(sql.run, "ROLLBACK")
                await here.deny_list.deny(Denied.USER, alice.user_id, datetime.now(UTC))
                assert await stream.news() is None

    within(story)
    assert "unexpected" not in caplog.text


def test_all_streams_end_with_their_process(settings: Settings, alice: ApiUser) -> None:
    async def story() -> None:
        async with process(settings) as here, here.stream(alice) as stream:
            await stream.news()
            waiting = asyncio.create_task(stream.news())
            await asyncio.sleep(0)
            here.live.end_all()
            assert await waiting is None
            async with here.stream(alice) as late:
                assert await late.news() is None

    within(story)


def test_a_request_for_events_ends_with_its_process(settings: Settings, newcomer: Newcomer) -> None:
    with running(settings) as client, ThreadPoolExecutor(1) as pool:
        user = newcomer(client)
        headers = {"authorization": f"Bearer {user.token}"}
        asked = pool.submit(client.get, "/events", headers=headers)
        live: Live = client.app.state.live  # type: ignore[attr-defined]  # it is FastAPI's
        assert client.portal is not None

        async def open_stream() -> None:
            while not live.open_streams and not asked.done():  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)

        client.portal.call(open_stream)
        assert not asked.done(), asked.result().text
        client.portal.call(live.end_all)
        assert asked.result(PATIENCE).status_code == 200
        assert client.get("/events", headers=headers).status_code == 200


def test_a_stream_ends_with_its_token(
    client: TestClient, settings: Settings, newcomer: Newcomer
) -> None:
    """The leeway of half a minute is over in six seconds."""
    token = development_issuer(settings).token(newcomer(client).user_id, ttl=-24)
    response = client.get("/events", headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.split("\n")[:3] == ["event: change", 'data: {"rev":0}', "id: new.0"]
    assert response.text.count("event:") == 1


def test_a_token_that_is_past_is_told_nothing_though_there_are_news(
    settings: Settings, alice: ApiUser
) -> None:
    """News that are there already take no wait, in which the time could run out."""

    async def story() -> None:
        async with process(settings) as here:
            identity = Identity(alice.user_id, int(time.time()), issued_at=0, kid=None)
            call = cast("Call", SimpleNamespace(identity=identity, live=here.live))
            async with here.stream(alice) as stream:
                assert [event async for event in stream_events(call, stream)] == []

    within(story)


@pytest.mark.parametrize("steps", range(12))
def test_who_goes_at_any_moment_leaves_no_stream(
    client: TestClient, alice: ApiUser, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = client.app

    async def come_and_go() -> int:
        gone = asyncio.Event()
        tell = Stream.tell

        def tell_later(stream: Stream, tag: str, left: int = steps) -> None:
            gone.set()
            if left:
                asyncio.get_running_loop().call_soon(tell_later, stream, tag, left - 1)
            else:
                tell(stream, tag)

        monkeypatch.setattr(Stream, "tell", tell_later)
        said = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in said:
                return message
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            return

        await app(events_scope(alice.token), receive, send)
        streams: int = app.state.live.open_streams
        return streams

    assert client.portal is not None
    assert client.portal.call(come_and_go) == 0


def events_scope(token: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/events",
        "raw_path": b"/events",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
        "state": {},
    }
