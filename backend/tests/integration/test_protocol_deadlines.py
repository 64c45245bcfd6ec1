"""Clients that take their time: how long they may, and that nobody else waits for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from end_to_end.program import Program
from integration.wire import HEAD, Wire
from integration.wire_server import LARGE
from integration.wire_servers import port_of, release, wire_server

# So that the tests need not wait long, but a client on a busy machine is not late by accident.
BOUNDS = ("PATIENCE=1", "BODY_WINDOW=1", "LINGER=0.5", "WRITE_WINDOW=1")
ENOUGH_FOR_A_WINDOW = "x" * 4096


@pytest.fixture(scope="module")
def server() -> Iterator[Program]:
    with wire_server(*BOUNDS) as program:
        yield program


@pytest.fixture
def wire(server: Program) -> Iterator[Wire]:
    with Wire(port_of(server)) as connection:
        yield connection


def let_all_bounds_pass(server: Program) -> None:
    """The longest of them is that on a body, of two windows."""
    with Wire(port_of(server)) as wire:
        wire.send(f"POST /length{HEAD}Content-Length: 10000\r\n\r\n")
        assert wire.drip("x").answer().status == 408


def test_a_connection_that_says_nothing_is_closed(wire: Wire) -> None:
    assert wire.is_closed()


def test_a_connection_that_only_sends_empty_lines_is_closed(wire: Wire) -> None:
    assert wire.drip("\r\n").is_closed()


DRIPPING = {
    "head": ("GET /headers HTTP/1.1\r\n", "a: b\r\n"),
    "body": (f"POST /length{HEAD}Content-Length: 10000\r\n\r\n", "x"),
    "rest of a body": (f"POST /length{HEAD}Content-Length: 10000\r\n\r\n{'x' * 9000}", "x"),
    "chunks": (f"POST /length{HEAD}Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    "within a chunk": (f"POST /length{HEAD}Transfer-Encoding: chunked\r\n\r\n1;", "x"),
}


@pytest.mark.parametrize(("beginning", "piece"), DRIPPING.values(), ids=DRIPPING.keys())
def test_what_drips_is_refused(wire: Wire, beginning: str, piece: str) -> None:
    answer = wire.send(beginning).drip(piece).answer()
    assert (answer.status, answer.problem) == (408, "request-timeout")
    assert answer.headers["connection"] == "close"
    assert wire.is_closed()


def test_a_later_request_has_to_arrive_in_time_too(wire: Wire) -> None:
    assert wire.send(f"GET /headers{HEAD}\r\n").answer().status == 200
    assert wire.send("GET /headers HTTP/1.1\r\n").drip("a: b\r\n").answer().status == 408


def test_a_large_body_on_a_slow_line_arrives(wire: Wire) -> None:
    pieces = 40
    wire.send(f"POST /length{HEAD}Content-Length: {pieces * 4096 + 1}\r\n\r\n")
    for _ in range(pieces):
        assert wire.waits(seconds=0.1)
        wire.send(ENOUGH_FOR_A_WINDOW)
    assert wire.send("x").answer().body == str(pieces * 4096 + 1).encode()


def test_time_that_the_application_takes_does_not_count() -> None:
    with (
        wire_server(*BOUNDS) as server,
        Wire(port_of(server)) as asking,
        Wire(port_of(server)) as sending,
    ):
        asking.send(f"GET /waiting{HEAD}\r\n")
        sending.send(f"POST /stuck{HEAD}Content-Length: 200000\r\n\r\n").send("x" * 190_000)
        let_all_bounds_pass(server)
        release(server)
        assert asking.answer().body == b'"released"'
        assert sending.send("x" * 10_000).answer().body == b"200000"


def test_who_does_not_take_the_answer_is_let_go(server: Program, wire: Wire) -> None:
    wire.send(f"GET /large{HEAD}\r\n")
    assert not wire.waits(seconds=10)
    let_all_bounds_pass(server)
    assert wire.size_of_the_rest() < LARGE


def test_of_many_who_do_not_take_their_answers_the_first_is_let_go() -> None:
    room = f"MOST_BYTES={LARGE + LARGE // 4}"
    with (
        wire_server(room, "WRITE_WINDOW=60") as server,
        Wire(port_of(server)) as first,
        Wire(port_of(server)) as second,
    ):
        for wire in (first, second):
            wire.send(f"GET /large{HEAD}\r\n")
            assert not wire.waits(seconds=10)
        assert len(second.answer().body) == LARGE
        assert first.size_of_the_rest() < LARGE


def test_who_goes_on_sending_after_the_answer_is_let_go(wire: Wire) -> None:
    wire.send(f"POST /early{HEAD}Content-Length: 1000000000000\r\n\r\n")
    assert wire.answer().status == 401
    assert not wire.can_flood()


def test_others_are_answered_meanwhile(server: Program) -> None:
    slow = [Wire(port_of(server)).send("GET /headers HTTP/1.1\r\nA: ") for _ in range(200)]
    with Wire(port_of(server)) as wire:
        assert wire.send(f"GET /headers{HEAD}\r\n").answer().status == 200
    for connection in slow:
        assert connection.answer().status == 408
        connection.socket.close()
