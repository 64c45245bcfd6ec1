"""Before the application: only so many requests are at work in a process, the others wait.

A request that is at work holds far more memory than one that waits here, and more of them than the
processor and the database can serve only make all of them slow. One that waits for its first turn
has no task yet. A turn ends when the answer begins, and is interrupted while a body is on its way:
nobody's slow line is anybody else's wait.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable
from typing import Any, Protocol, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from taskwell.api.admission import REFUSAL, TURN
from taskwell.errors import Overloaded

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


class Turnstile:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.inside = 0
        # In the order in which they came, which is that of their deadlines.
        self._waiting: deque[_Guest] = deque()
        self._clock: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def admit(self, asker: Asker, cycle: RequestResponseCycle) -> None:
        """Begins to answer it, at once or when it is its turn."""
        scope: Any = cycle.scope
        if scope["path"] in EXEMPT:
            asker.begin(cycle)
        elif self._try_enter():
            scope[TURN] = None
            asker.begin(cycle)
        elif len(self._waiting) < MOST_WAITING:
            self._queue_up(_Request(asker, cycle))
        else:
            scope[REFUSAL] = Overloaded()
            asker.begin(cycle)

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

    async def enter_again(self) -> None:
        if self._try_enter():
            return
        if len(self._waiting) >= MOST_WAITING:
            raise Overloaded
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue_up(_Reader(turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:
                self.leave()
            raise
        finally:
            # It ends with a refusal that came by here, perhaps: neither should keep the other.
            del turn

    def leave(self) -> None:
        """The place goes from hand to hand, so that nobody who comes just now takes it."""
        while self._waiting:
            if self._waiting.popleft().enter():
                return
        self.inside -= 1

    def _try_enter(self) -> bool:
        """Without asking whether anybody waits: nobody does while there is room."""
        if self.inside < ROOM:
            self.inside += 1
            return True
        return False

    def _queue_up(self, guest: _Guest) -> None:
        guest.deadline = asyncio.get_running_loop().time() + TURN_PATIENCE
        self._waiting.append(guest)
        self._watch()

    def _watch(self) -> None:
        """One clock for all, which is not set anew whenever somebody's turn has come."""
        if self._clock is None and self._waiting:
            loop = asyncio.get_running_loop()
            self._clock = loop.call_at(self._waiting[0].deadline, self._send_away)

    def _send_away(self) -> None:
        self._clock = None
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0].deadline <= now:
            self._waiting.popleft().refuse(Overloaded())
        self._watch()


class _Guest(ABC):
    __slots__ = ("deadline",)

    deadline: float

    @abstractmethod
    def enter(self) -> bool:
        """False if there is nobody any more."""

    @abstractmethod
    def refuse(self, refusal: Overloaded) -> None: ...


class _Request(_Guest):
    """For its first turn. Nothing is begun for a client that has gone meanwhile."""

    __slots__ = ("_asker", "_cycle")

    def __init__(self, asker: Asker, cycle: RequestResponseCycle) -> None:
        self._asker = asker
        self._cycle = cycle

    def enter(self) -> bool:
        return self._begin(TURN, None)

    def refuse(self, refusal: Overloaded) -> None:
        self._begin(REFUSAL, refusal)

    def _begin(self, name: str, value: object) -> bool:
        if self._cycle.disconnected:
            return False
        scope: Any = self._cycle.scope
        scope[name] = value
        self._asker.begin(self._cycle)
        return True


class _Reader(_Guest):
    """Has read its body, and goes on."""

    __slots__ = ("_turn",)

    def __init__(self, turn: asyncio.Future[None]) -> None:
        self._turn = turn

    def enter(self) -> bool:
        if self._turn.done():
            return False
        self._turn.set_result(None)
        return True

    def refuse(self, refusal: Overloaded) -> None:
        if not self._turn.done():
            self._turn.set_exception(refusal)


class _Turn:
    """Of one request. Neither method adds a coroutine where it need not wait for a turn."""

    __slots__ = ("_is_held", "_receive", "_send", "_turnstile")

    def __init__(self, turnstile: Turnstile, receive: Receive, send: Send) -> None:
        self._turnstile = turnstile
        self._receive = receive
        self._send = send
        self._is_held = True

    def give_back(self) -> None:
        if self._is_held:
            self._is_held = False
            self._turnstile.leave()

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
        await self._turnstile.enter_again()
        self._is_held = True
        return message


def _is_on_its_way(receive: Receive) -> bool:
    """What uvicorn gives is a method of the request's cycle, which knows what has arrived."""
    cycle = cast("RequestResponseCycle", cast("Any", receive).__self__)
    return not (cycle.message_event.is_set() or cycle.disconnected or cycle.response_complete)
