"""Before the application: only so many requests are at work in a process, the others wait.

A request that is at work holds far more memory than one that waits here, and more of them than the
processor and the database can serve only make all of them slow. One that waits for its first turn
has no task yet. A turn ends when the answer begins, and is interrupted while a body is on its way:
nobody's slow line is anybody else's wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Any, Protocol, cast

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


class Asker(Protocol):
    """A connection, which begins to answer what was asked on it."""

    def begin(self, cycle: RequestResponseCycle) -> None: ...


class Entrance(Protocol):
    """What a connection is given in place of an application: it says when a request begins."""

    def admit(self, asker: Asker, cycle: RequestResponseCycle) -> None: ...


class Turnstile(Turns):
    """Those who wait here in person have begun before, and go first: they hold what they took."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(House(ROOM, MOST_WAITING, TURN_PATIENCE, Overloaded))
        self._app = app
        # Not begun yet, in the order in which they came, which is that of their deadlines.
        self._line: deque[tuple[float, Asker, RequestResponseCycle]] = deque()
        self._clock: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        return super().waiting + len(self._line)

    def admit(self, asker: Asker, cycle: RequestResponseCycle) -> None:
        """Begins to answer it, at once or when it is its turn."""
        if cast("Any", cycle.scope)["path"] in EXEMPT:
            asker.begin(cycle)
        elif self.try_enter():
            _begin(asker, cycle, TURN, None)
        elif self.waiting < MOST_WAITING:
            deadline = asyncio.get_running_loop().time() + TURN_PATIENCE
            self._line.append((deadline, asker, cycle))
            self._watch()
        else:
            _begin(asker, cycle, REFUSAL, Overloaded())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if TURN not in scope:
            await self._app(scope, receive, send)
            return
        turn = _Turn(self, receive, send)
        scope[TURN] = turn.give_back
        try:
            await self._app(scope, turn.receive, turn.send)
        finally:
            turn.give_back()
            # What was asked would keep itself alive through it, until the garbage is looked for.
            del scope[TURN]

    def _hand_on(self) -> bool:
        return super()._hand_on() or self._begin_next()

    def _begin_next(self) -> bool:
        """Nothing is begun for a client that has gone meanwhile."""
        while self._line:
            _, asker, cycle = self._line.popleft()
            if not cycle.disconnected:
                _begin(asker, cycle, TURN, None)
                return True
        return False

    def _watch(self) -> None:
        """One clock for all, which is not set anew whenever somebody's turn has come."""
        if self._clock is None and self._line:
            deadline, _, _ = self._line[0]
            self._clock = asyncio.get_running_loop().call_at(deadline, self._send_away)

    def _send_away(self) -> None:
        self._clock = None
        now = asyncio.get_running_loop().time()
        while self._line and self._line[0][0] <= now:
            _, asker, cycle = self._line.popleft()
            if not cycle.disconnected:
                _begin(asker, cycle, REFUSAL, Overloaded())
        self._watch()


def _begin(asker: Asker, cycle: RequestResponseCycle, name: str, value: object) -> None:
    scope: Any = cycle.scope
    scope[name] = value
    asker.begin(cycle)


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
