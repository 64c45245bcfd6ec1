"""What a connection keeps, and a request that waits: less than uvicorn keeps, since there are
thousands of them."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """With an event only once somebody may have to wait for it."""

    __slots__ = ("_is_writable_event", "_transport", "read_paused", "write_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.read_paused = False
        self.write_paused = False

    def pause_writing(self) -> None:
        if not self.write_paused:
            self.write_paused = True
            self._is_writable_event = asyncio.Event()


class Arrival:
    """Of more of a request, in place of an event: with one only once somebody waits for it."""

    __slots__ = ("_awaited", "_has_come")

    def __init__(self, former: asyncio.Event) -> None:
        self._has_come = former.is_set()
        self._awaited: asyncio.Event | None = None

    def is_set(self) -> bool:
        return self._has_come

    def set(self) -> None:
        self._has_come = True
        if self._awaited is not None:
            self._awaited.set()

    def clear(self) -> None:
        self._has_come = False
        if self._awaited is not None:
            self._awaited.clear()

    async def wait(self) -> None:
        if self._has_come:
            return
        if self._awaited is None:
            self._awaited = asyncio.Event()
        await self._awaited.wait()


class Pipeline(list[Any]):
    """Of the requests that wait for the ones before them: none nearly always, and never many."""

    __slots__ = ()

    def appendleft(self, item: Any) -> None:
        self.insert(0, item)

    def popleft(self) -> Any:
        return self.pop(0)
