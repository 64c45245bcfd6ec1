"""What has been answered is let go at once, not when the garbage is looked for: until then it takes
memory, and looking for it takes time."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import asyncpg
import pytest
import uvloop
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from api_user import ApiUser
from integration.served import served
from integration.wire import HEAD, Wire
from taskwell.config import Settings
from taskwell.database import connections as database_connections
from taskwell.database.url import target
from taskwell.errors import DatabaseBusy
from taskwell.server import turnstile

JSON = "Content-Type: application/json\r\n"


def request(line: str, headers: str = "", body: str = "") -> str:
    return f"{line}{HEAD}{headers}Content-Length: {len(body)}\r\n\r\n{body}"


REQUESTS = {
    "none": ("GET /tasks", "", "", 401),
    "list": ("GET /tasks?limit=5", "AUTH", "", 200),
    "create": ("POST /tasks", "AUTH" + JSON, '{"text": "a"}', 201),
    "once": ("POST /tasks", "AUTH" + JSON + "Idempotency-Key: k\r\n", '{"text": "a"}', 201),
    "flawed": ("POST /tasks", "AUTH" + JSON, '{"text": 1}', 422),
    "no JSON": ("POST /tasks", "AUTH" + JSON, "{", 400),
    "absent": ("GET /tasks/nothing", "AUTH", "", 404),
    "stale": ("DELETE /tasks?status=completed", 'AUTHIf-Match: "no"\r\n', "", 412),
    "sync": ("GET /sync", "AUTH", "", 200),
    "batch": ("POST /sync", "AUTH" + JSON, '{"operations": []}', 200),
    "no route": ("GET /nothing", "", "", 404),
    "health": ("GET /health", "", "", 200),
    "preflight": ("OPTIONS /tasks", "Origin: https://app.example.com\r\n", "", 204),
}


@contextmanager
def garbage() -> Iterator[list[object]]:
    found: list[object] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_let_go_once_it_is_answered(
    name: str, settings: Settings, alice: ApiUser
) -> None:
    line, headers, body, status = REQUESTS[name]
    asked = request(line, headers.replace("AUTH", f"Authorization: Bearer {alice.token}\r\n"), body)
    assert what_is_left(settings, asked, status) == []


def test_a_request_that_got_no_turn_is_let_go(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnstile, "ROOM", 0)
    monkeypatch.setattr(turnstile, "TURN_PATIENCE", 0.01)
    assert what_is_left(settings, request("GET /tasks"), 503) == []


@pytest.mark.parametrize("many", [1, 3])
def test_a_request_whose_client_left_while_it_waited_is_let_go(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(turnstile, "ROOM", 0)
    monkeypatch.setattr(turnstile, "TURN_PATIENCE", 0.1)

    def leave_and_ask(port: int) -> None:
        with Wire(port) as gone:
            gone.send(many * request("GET /tasks")).reset()
        with Wire(port) as wire:
            # Whoever came before has been sent away by then.
            assert wire.send(request("GET /tasks")).answer().status == 503

    assert what_is_left_of(settings, leave_and_ask) == []


def test_who_waits_for_a_connection_in_vain_is_let_go(database_url: str) -> None:
    async def connect() -> object:
        where = target(database_url)
        return await asyncpg.connect(where.dsn, **where.options)

    async def leave() -> list[object]:
        connections = database_connections.Connections(connect, limit=1, turn=0.01)
        await connections.take()
        with garbage() as found:
            for _ in range(3):
                with suppress(DatabaseBusy):
                    await connections.take()
        await connections.close()
        return [thing for thing in found if isinstance(thing, DatabaseBusy)]

    assert asyncio.run(leave()) == []


def what_is_left(settings: Settings, asked: str, status: int) -> list[RequestResponseCycle]:
    def ask(port: int) -> None:
        with Wire(port) as wire:
            assert wire.send(asked).answer().status == status

    return what_is_left_of(settings, ask)


def what_is_left_of(settings: Settings, ask: Callable[[int], None]) -> list[RequestResponseCycle]:
    async def leave() -> list[RequestResponseCycle]:
        async with served(settings) as port:
            # The first one makes what later ones share.
            await asyncio.to_thread(ask, port)
            with garbage() as found:
                await asyncio.to_thread(ask, port)
                await asyncio.to_thread(ask, port)
            return [thing for thing in found if isinstance(thing, RequestResponseCycle)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(leave())
