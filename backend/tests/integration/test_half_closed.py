"""Clients that say they will send no more: what came whole is answered, and then the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from end_to_end.program import Program
from integration.wire import HEAD, Wire
from integration.wire_server import LARGE
from integration.wire_servers import port_of, release, wire_server

ASK = f"GET /headers{HEAD}\r\n"
WAIT = f"GET /waiting{HEAD}\r\n"
STREAM = f"GET /stream{HEAD}\r\n"
PART_OF_A_BODY = f"POST /stuck{HEAD}Content-Length: 10\r\n\r\nabc"
# Nothing here ends because of a bound, but for the tests of bounds.
PATIENT = ("PATIENCE=60", "BODY_WINDOW=60", "LINGER=60")


@pytest.fixture
def server() -> Iterator[Program]:
    with wire_server(*PATIENT) as program:
        yield program


@pytest.fixture
def wire(server: Program) -> Iterator[Wire]:
    with Wire(port_of(server)) as connection:
        yield connection


def test_a_request_is_answered(wire: Wire) -> None:
    assert wire.send(ASK).send_no_more().answer().status == 200
    assert wire.is_closed()


def test_one_that_takes_its_time_is_answered(server: Program, wire: Wire) -> None:
    wire.send(WAIT)
    server.wait_for("it waits")
    wire.send_no_more()
    assert wire.waits(0.3)
    release(server)
    answer = wire.answer()
    assert (answer.body, answer.headers.get("connection")) == (b'"released"', "close")
    assert wire.is_closed()


def test_those_sent_ahead_are_answered(server: Program, wire: Wire) -> None:
    wire.send(WAIT + ASK + ASK).send_no_more()
    server.wait_for("it waits")
    release(server)
    answers = [wire.answer() for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert [answer.headers.get("connection") for answer in answers] == [None, None, "close"]
    assert wire.is_closed()


def test_a_large_answer_arrives_whole(wire: Wire) -> None:
    assert len(wire.send(f"GET /large{HEAD}\r\n").send_no_more().answer().body) == LARGE
    assert wire.is_closed()


@pytest.mark.parametrize("rest", ["", "\r\n", "GET /headers HT", ASK[:-2], PART_OF_A_BODY])
def test_what_is_not_whole_is_let_go(server: Program, wire: Wire, rest: str) -> None:
    wire.send(rest).send_no_more()
    assert wire.is_closed()
    release(server)


@pytest.mark.parametrize("rest", ["", "\r\n", "GET /headers HT", ASK[:-2], PART_OF_A_BODY])
def test_nothing_is_lost_with_what_is_not_whole(server: Program, wire: Wire, rest: str) -> None:
    wire.send(WAIT + ASK + rest).send_no_more()
    server.wait_for("it waits")
    release(server)
    assert [wire.answer().status for _ in range(2)] == [200] * 2
    assert wire.is_closed()


def test_nothing_is_lost_with_what_is_broken(server: Program, wire: Wire) -> None:
    wire.send(WAIT + ASK + "hello\r\n\r\n").send_no_more()
    server.wait_for("it waits")
    release(server)
    assert [wire.answer().status for _ in range(2)] == [200] * 2
    assert wire.is_closed()


def test_a_refusal_arrives(wire: Wire) -> None:
    assert wire.send("hello\r\n\r\n").send_no_more().answer().status == 400
    assert wire.is_closed()


def test_an_answer_before_the_body_arrives(wire: Wire) -> None:
    wire.send(f"POST /early{HEAD}Content-Length: 10\r\n\r\nabc")
    assert wire.answer().status == 401
    wire.send_no_more()
    assert wire.is_closed()


def test_a_connection_at_rest_is_closed(wire: Wire) -> None:
    assert wire.send(ASK).answer().status == 200
    wire.send_no_more()
    assert wire.is_closed()


def test_a_stream_ends(server: Program, wire: Wire) -> None:
    wire.send(STREAM).read_until(b"begun")
    wire.send_no_more()
    server.wait_for("the stream ended")
    wire.size_of_the_rest()


def test_a_stream_ends_as_it_begins(server: Program, wire: Wire) -> None:
    wire.send(WAIT + STREAM + ASK).send_no_more()
    server.wait_for("it waits")
    release(server)
    assert wire.answer().status == 200
    assert wire.answer().headers["transfer-encoding"] == "chunked"
    server.wait_for("the stream ended")
    wire.size_of_the_rest()


def test_a_stream_with_a_request_behind_it_hears_that_its_client_has_gone(server: Program) -> None:
    with Wire(port_of(server)) as wire:
        wire.send(STREAM + ASK).read_until(b"begun")
        wire.reset()
    server.wait_for("the stream ended")
