"""Before the application: only so many requests are at work in a process, the others wait.

A request that is at work holds far more memory than one that waits here, and more of them than the
processor and the database can serve only make all of them slow. A turn ends when the answer begins,
and is interrupted while a body is on its way: nobody's slow line is anybody else's wait.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from taskwell.api.admission import REFUSAL, TURN
from taskwell.errors import Overloaded
from taskwell.services.turns import House, Turns

ROOM = 64
MOST_WAITING = 4096
TURN_PATIENCE = 5.0

# A stream would keep its place for as long as it is open, and who asks whether the process is well
# wants to know just when it is not.
EXEMPT = frozenset({"/events", "/health", "/health/live", "/health/ready"})


class Turnstile:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.turns = Turns(House(ROOM, MOST_WAITING, TURN_PATIENCE, Overloaded))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in EXEMPT:
            await self._app(scope, receive, send)
            return
        turns = self.turns
        if not turns.try_enter():
            try:
                await turns.enter()
            except Overloaded as refusal:
                # Without the way it came, which leads to the scope again.
                scope[REFUSAL] = refusal.with_traceback(None)
                await self._app(scope, receive, send)
                return
        turn = _Turn(turns, receive, send)
        scope[TURN] = turn.give_back
        try:
            await self._app(scope, turn.receive, turn.send)
        finally:
            turn.give_back()
            # What was asked would keep itself alive through it, until the garbage is looked for.
            del scope[TURN]


class _Turn:
    """Of one request. Neither method adds a coroutine where it need not wait for a turn."""

    __slots__ = ("_is_held", "_receive", "_send", "_turns")

    def __init__(self, turns: Turns, receive: Receive, send: Send) -> None:
        self._turns = turns
        self._receive = receive
        self._send = send
        self._is_held = True

    def give_back(self) -> None:
        if self._is_held:
            self._is_held = False
            self._turns.leave()

    def send(self, message: Message) -> Awaitable[None]:
        # Before anything is written: that may take as long as the client likes.
        self.give_back()
        return self._send(message)

    def receive(self) -> Awaitable[Message]:
        if self._is_held and _is_on_its_way(self._receive):
            return self._receive_outside()
        return self._receive()

    async def _receive_outside(self) -> Message:
        self.give_back()
        message = await self._receive()
        await self._turns.enter()
        self._is_held = True
        return message


def _is_on_its_way(receive: Receive) -> bool:
    """What uvicorn gives is a method of the request's cycle, which knows what has arrived."""
    cycle = cast("RequestResponseCycle", cast("Any", receive).__self__)
    return not (cycle.message_event.is_set() or cycle.disconnected or cycle.response_complete)
