"""Connections that are closing, or are to close, while their clients have not taken all yet."""

from __future__ import annotations

import time

import pytest

from integration.test_protocol_deadlines import let_all_bounds_pass
from integration.wire import HEAD, Wire
from integration.wire_server import LARGE
from integration.wire_servers import port_of, wire_server

# Little enough that the application is done with it at once, and too much for the systems.
SMALL = 48 * 1024
SYSTEM_TAKES = 4096
BOUNDS = ("PATIENCE=1", "BODY_WINDOW=1", "LINGER=0.5", f"SYSTEM_TAKES={SYSTEM_TAKES}")
SHORT_REST = "KEEP_ALIVE=0.5"
CLOSE = "Connection: close\r\n"


def ask(wire: Wire, size: int, headers: str = CLOSE) -> None:
    wire.send(f"GET /large?size={size}{HEAD}{headers}\r\n")
    assert not wire.waits(seconds=10)


@pytest.mark.parametrize("headers", [CLOSE, ""], ids=["asked to", "after its rest"])
def test_who_takes_nothing_is_let_go(headers: str) -> None:
    with (
        wire_server(*BOUNDS, SHORT_REST, "WRITE_WINDOW=1") as server,
        Wire(port_of(server), SYSTEM_TAKES) as wire,
    ):
        ask(wire, SMALL, headers)
        let_all_bounds_pass(server)
        assert wire.size_of_the_rest() < SMALL


@pytest.mark.parametrize("headers", [CLOSE, ""], ids=["asked to", "after its rest"])
def test_who_takes_a_little_at_a_time_gets_all(headers: str) -> None:
    pieces = 32
    with (
        wire_server(*BOUNDS, SHORT_REST, "WRITE_WINDOW=1") as server,
        Wire(port_of(server)) as wire,
    ):
        ask(wire, LARGE, headers)
        wire.read_until(b"\r\n\r\n")
        for _ in range(pieces):
            assert len(wire.take(LARGE // pieces)) == LARGE // pieces
            # As slow lines are: it takes far longer than each of the bounds.
            time.sleep(0.1)
        assert wire.is_closed()


def test_of_many_who_take_nothing_the_first_is_let_go() -> None:
    with (
        wire_server(*BOUNDS, f"MOST_BYTES={SMALL}", "WRITE_WINDOW=60") as server,
        Wire(port_of(server), SYSTEM_TAKES) as first,
        Wire(port_of(server), SYSTEM_TAKES) as second,
    ):
        ask(first, SMALL)
        ask(second, SMALL)
        assert len(second.answer().body) == SMALL
        assert first.size_of_the_rest() < SMALL
