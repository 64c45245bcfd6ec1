"""Only so many requests are at work at once; the others wait, and nobody waits for a slow line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from end_to_end.program import Program
from expectations import expect_problem
from integration.wire import HEAD, Wire
from integration.wire_servers import port_of, wire_server
from taskwell.config import Settings
from taskwell.main import create_app
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


def test_waiting_has_an_end(
    settings: Settings, alice: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnstile, "ROOM", 0)
    monkeypatch.setattr(turnstile, "TURN_PATIENCE", 0.01)
    app = turnstile.Turnstile(create_app(settings))
    with TestClient(app, base_url="http://taskwell.test") as client:
        user = ApiUser(client, alice.user_id, alice.token)
        refused = user.get("/tasks", headers={"origin": settings.cors_origins[0]})
        expect_problem(refused, 503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["access-control-allow-origin"] == settings.cors_origins[0]
        assert client.get("/health").status_code == 200


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
