"""What the system says when a connection is to be taken, other than that there is one."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

import pytest
import uvloop

from taskwell.server import acceptor
from taskwell.server.acceptor import Acceptor
from taskwell.server.census import Census
from taskwell.server.connections import Connections
from taskwell.server.listener import listen

Scene = Callable[[Acceptor, socket.socket], Awaitable[None]]
PATIENCE = 30.0


def play(scene: Scene) -> None:
    async def main() -> None:
        listener = listen("127.0.0.1", 0)
        taking = Acceptor(listener, asyncio.Protocol, Connections())
        taking.open()
        async with asyncio.timeout(PATIENCE):
            await scene(taking, listener)
        await taking.close(1)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_who_has_more_leaves_it_to_the_other() -> None:
    async def main() -> None:
        listener = listen("127.0.0.1", 0)
        census = Census(2)
        both = [Connections(seat=census.seat(place)) for place in range(2)]
        taken: list[Connections] = []

        def connect(connections: Connections) -> asyncio.Protocol:
            """Counted as uvicorn counts it."""
            protocol = asyncio.Protocol()
            connections.connections.add(cast("Any", protocol))
            taken.append(connections)
            return protocol

        acceptors = [Acceptor(listener.dup(), partial(connect, each), each) for each in both]
        for each in acceptors:
            each.open()
        clients = []
        async with asyncio.timeout(PATIENCE):
            for number in range(20):
                clients.append(socket.create_connection(listener.getsockname()))
                while len(taken) <= number:  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0)
        for client in clients:
            client.close()
        for each in acceptors:
            await each.close(0)
        listener.close()
        assert abs(len(both[0].connections) - len(both[1].connections)) <= 2

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_an_error_that_stays_is_told_now_and_then_and_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(acceptor, "PAUSE", 0.05)

    async def scene(taking: Acceptor, listener: socket.socket) -> None:
        # As somebody with `ss --kill` does it.
        listener.shutdown(socket.SHUT_RD)
        while len(caplog.messages) < 3:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)

    with caplog.at_level(logging.ERROR):
        play(scene)
    assert set(caplog.messages) == {"a connection could not be taken"}


def test_many_that_come_at_once_leave_time_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "AT_ONCE", 2)
    made: list[int] = []

    async def scene(taking: Acceptor, listener: socket.socket) -> None:
        takes = taking._take

        def take() -> bool:
            is_taken = takes()
            if is_taken:
                made.append(rounds)
            return is_taken

        monkeypatch.setattr(taking, "_take", take)
        rounds = 0
        clients = [socket.create_connection(listener.getsockname()) for _ in range(10)]
        while len(made) < 10:
            rounds += 1
            await asyncio.sleep(0)
        for client in clients:
            client.close()

    play(scene)
    assert max(made.count(number) for number in made) <= 2
