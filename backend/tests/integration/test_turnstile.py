"""Only so many requests are at work at once; the others wait, and nobody waits for a slow line."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from end_to_end.program import Program
from integration.served import served
from integration.wire import HEAD, Wire
from integration.wire_servers import port_of, wire_server
from taskwell.config import Settings
from taskwell.server import turnstile

WAIT = f"GET /waiting{HEAD}\r\n"
ASK = f"GET /headers{HEAD}\r\n"


@contextmanager
def full_server(room: int) -> Iterator[tuple[Program, list[Wire]]]:
    """All of its places are taken, by requests that wait until they are let go."""
    with wire_server(f"ROOM={room}") as server:
        wires = [Wire(port_of(server)) for _ in range(room)]
        for wire in wires:
            seen = server.lines_so_far
            wire.send(WAIT)
            server.wait_for("it waits", after=seen)
        yield server, wires
        for wire in wires:
            wire.socket.close()


def let_go(server: Program, wires: list[Wire]) -> None:
    with Wire(port_of(server)) as wire:
        assert wire.send(f"POST /health{HEAD}\r\n").answer().status == 200
    assert [wire.answer().status for wire in wires] == [200] * len(wires)


def test_one_more_waits_for_its_turn() -> None:
    with full_server(2) as (server, wires), Wire(port_of(server)) as one_more:
        one_more.send(ASK)
        assert one_more.waits(0.3)
        for path in sorted(turnstile.EXEMPT):
            with Wire(port_of(server)) as probe:
                # The small application has none of them: it answers at once, though.
                answer = probe.send(f"GET {path}{HEAD}\r\n").answer()
                assert answer.status in (404, 405), path
        assert one_more.waits(0)
        let_go(server, wires)
        assert one_more.answer().status == 200


def test_a_turn_that_ends_is_the_next_ones() -> None:
    with wire_server("ROOM=1") as server, Wire(port_of(server)) as first:
        first.send(ASK)
        assert first.answer().status == 200
        with Wire(port_of(server)) as second:
            assert second.send(ASK + ASK).answer().status == 200
            assert second.answer().status == 200


def test_who_hangs_up_while_waiting_keeps_no_place() -> None:
    with full_server(1) as (server, wires):
        for _ in range(20):
            with Wire(port_of(server)) as gone:
                gone.send(ASK)
        let_go(server, wires)
        with Wire(port_of(server)) as after:
            for _ in range(3):
                assert after.send(ASK).answer().status == 200


def test_nothing_is_begun_for_who_hung_up_while_waiting() -> None:
    with full_server(1) as (server, wires):
        with Wire(port_of(server)) as gone:
            gone.send(WAIT).reset()
        # Its end has been seen by the time that the next connection is served.
        with Wire(port_of(server)) as probe:
            assert probe.send(f"GET /health{HEAD}\r\n").answer().status == 405
        let_go(server, wires)
        with Wire(port_of(server)) as after:
            assert after.send(ASK).answer().status == 200
        assert server.output.count("it waits") == 1


def test_who_waits_is_served_in_turn() -> None:
    with full_server(1) as (server, wires), ExitStack() as open_wires:
        waiting = [open_wires.enter_context(Wire(port_of(server))) for _ in range(3)]
        for wire in waiting:
            wire.send(f"GET /waiting{HEAD}Connection: close\r\n\r\n")
            with Wire(port_of(server)) as probe:
                assert probe.send(f"GET /health{HEAD}\r\n").answer().status == 405
        assert server.output.count("it waits") == 1
        let_go(server, wires)
        assert [wire.answer().status for wire in waiting] == [200] * 3
        assert server.output.count("it waits") == 4


def test_who_is_given_a_turn_gets_nothing_else_of_the_other() -> None:
    with full_server(1) as (server, wires), Wire(port_of(server)) as next_one:
        next_one.send(ASK)
        assert next_one.waits(0.1)
        let_go(server, wires)
        assert json.loads(next_one.answer().body)["x-context"] == "nobody's"


def test_who_is_made_to_wait_is_not_too_slow() -> None:
    """It sends its body when it is asked for it, and nobody asks before its turn."""
    with wire_server("ROOM=1", "BODY_WINDOW=1") as server, Wire(port_of(server)) as other:
        other.send(WAIT)
        server.wait_for("it waits")
        with Wire(port_of(server)) as wire:
            wire.send(f"POST /length{HEAD}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            assert wire.waits(2.5)
            let_go(server, [other])
            assert wire.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue"
            assert wire.send("abc").answer().body == b"3"


@pytest.mark.parametrize("bound", ["TURN_PATIENCE", "MOST_WAITING"])
def test_waiting_has_an_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(turnstile, "ROOM", 0)
    monkeypatch.setattr(turnstile, bound, 0)

    def ask(port: int) -> None:
        with Wire(port) as wire:
            origin = settings.cors_origins[0]
            refused = wire.send(f"GET /tasks{HEAD}Origin: {origin}\r\n\r\n").answer()
            assert (refused.status, refused.problem) == (503, "overloaded")
            assert refused.headers["retry-after"] == "1"
            assert refused.headers["access-control-allow-origin"] == origin
            assert wire.send(f"GET /health{HEAD}\r\n").answer().status == 200

    serve_for(ask, settings)


def test_a_defect_before_a_request_begins_ends_its_connection(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("on purpose")

    def ask(port: int) -> None:
        with Wire(port) as wire:
            assert wire.send(ASK).is_closed()

    monkeypatch.setattr(turnstile.Turnstile, "admit", fail)
    with caplog.at_level(logging.ERROR):
        serve_for(ask, settings)
    (told,) = caplog.records
    assert (told.message, str(told.exc_info and told.exc_info[1])) == ("unexpected", "on purpose")


def serve_for(ask: Callable[[int], None], settings: Settings) -> None:
    async def main() -> None:
        async with served(settings) as port:
            await asyncio.to_thread(ask, port)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_who_has_sent_its_body_waits_for_its_turn_again() -> None:
    with wire_server("ROOM=1") as server, Wire(port_of(server)) as slow:
        slow.send(f"POST /length{HEAD}Content-Length: 5\r\n\r\nab")
        with Wire(port_of(server)) as other:
            other.send(WAIT)
            server.wait_for("it waits")
            assert slow.send("cde").waits(0.3)
            let_go(server, [other])
            assert slow.answer().body == b"5"


@pytest.mark.parametrize(("bound", "waiting"), [("TURN_PATIENCE=1", 0), ("MOST_WAITING=1", 1)])
def test_waiting_once_more_has_an_end(bound: str, waiting: int) -> None:
    """Others have taken the place while the body was on its way."""
    with wire_server("ROOM=1", bound) as server, ExitStack() as wires:
        slow, *others = (wires.enter_context(Wire(port_of(server))) for _ in range(2 + waiting))
        slow.send(f"POST /length{HEAD}Content-Length: 5\r\n\r\nab")
        for other in others:
            other.send(WAIT)
            server.wait_for("it waits")
        with Wire(port_of(server)) as probe:
            assert probe.send(f"GET /health{HEAD}\r\n").answer().status == 405
        refused = slow.send("cde").answer()
        assert (refused.status, refused.body) == (503, b"Overloaded")
        let_go(server, others)


def test_a_place_that_somebody_gives_up_goes_on_to_who_has_not_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who has begun goes first, and is cancelled just as the place is handed over."""
    monkeypatch.setattr(turnstile, "ROOM", 1)
    begun: list[RequestResponseCycle] = []

    class Connection:
        def begin(self, cycle: RequestResponseCycle) -> None:
            begun.append(cycle)

    async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError

    async def main() -> None:
        gate = turnstile.Turnstile(nobody)
        await gate.enter()
        cycle: Any = SimpleNamespace(scope={"path": "/"}, disconnected=False)
        gate.admit(Connection(), cycle)
        reading = asyncio.create_task(gate.enter())
        await asyncio.sleep(0)
        assert (gate.inside, gate.waiting, begun) == (1, 2, [])
        gate.leave()
        assert (gate.inside, gate.waiting, begun) == (1, 1, [])
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert (gate.inside, gate.waiting, begun) == (1, 0, [cycle])
        gate.leave()
        assert gate.inside == 0

    asyncio.run(main())


def test_a_body_on_its_way_holds_nobody_up() -> None:
    with wire_server("ROOM=1") as server, Wire(port_of(server)) as slow:
        slow.send(f"POST /length{HEAD}Content-Length: 5\r\n\r\nab")
        with Wire(port_of(server)) as other:
            assert other.send(ASK).answer().status == 200
        assert slow.send("cde").answer().body == b"5"


def test_an_answer_that_is_not_taken_holds_nobody_up() -> None:
    with wire_server("ROOM=1") as server, Wire(port_of(server)) as slow:
        slow.send(f"GET /large{HEAD}\r\n" + ASK)
        assert not slow.waits(10)
        with Wire(port_of(server)) as other:
            assert other.send(ASK).answer().status == 200


def test_who_hangs_up_in_the_middle_of_a_body_keeps_no_place() -> None:
    with wire_server("ROOM=1") as server:
        for _ in range(20):
            with Wire(port_of(server)) as gone:
                gone.send(f"POST /length{HEAD}Content-Length: 5\r\n\r\nab")
        with Wire(port_of(server)) as after:
            assert after.send(ASK).answer().status == 200
