"""Telling open streams that something has changed for their user.

A write nudges. One look at the database says how far the users with open streams here have come,
and one notification tells the other processes who it was; what comes in the moment after that
gathers for the next look. What a crash swallows, or a pooler that passes no notifications, a look
every few seconds makes good. While no stream is open, nothing here listens or looks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b

from taskwell.database.listener import Listener
from taskwell.errors import TokenRefused, Unavailable
from taskwell.services.deny_list import DenyList
from taskwell.services.lists import NOTHING_YET
from taskwell.services.upkeep import Revisions

logger = logging.getLogger(__name__)

_CHANNEL = "taskwell"
_GATHER_SECONDS = 0.05
_LOOK_SECONDS = 4.0
# PostgreSQL takes 8000 bytes in one notification.
_MOST_MARKS = 400


class Stream:
    """One open stream: whose it is, and how far they have been told."""

    def __init__(self, user_id: str, issued_at: int, kid: str | None, told: str | None) -> None:
        self.user_id = user_id
        self.issued_at = issued_at
        self.kid = kid
        self._told = told
        self._now = told
        self._has_ended = False
        self._woken = asyncio.Event()

    def tell(self, tag: str) -> None:
        self._now = tag
        if tag != self._told:
            self._woken.set()

    def end(self) -> None:
        self._has_ended = True
        self._woken.set()

    async def news(self) -> str | None:
        """The account's tag, once it is another than was told last; None at the end."""
        while not self._has_ended:
            if self._now is not None and self._now != self._told:
                self._told = self._now
                return self._told
            self._woken.clear()
            await self._woken.wait()
        return None


class Live:
    def __init__(
        self,
        revisions: Revisions,
        deny_list: DenyList,
        listener: Listener,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        self._revisions = revisions
        self._deny_list = deny_list
        self._look_seconds = look_seconds
        self._listener = listener
        # The workers of a service are forked from a process that has made this already.
        self._service = secrets.token_hex(8)
        self._streams: dict[str, set[Stream]] = {}
        self._users_by_mark: dict[str, str] = {}
        self._dirty: set[str] = set()
        self._outgoing: set[str] = set()
        self._flushing: asyncio.Task[None] | None = None
        # While streams are open: one that listens, one that looks.
        self._watching: tuple[asyncio.Task[None], ...] = ()
        self._has_ended = False

    @property
    def open_streams(self) -> int:
        return sum(len(streams) for streams in self._streams.values())

    @property
    def _sender(self) -> str:
        return f"{self._service}.{os.getpid()}"

    def streams_of(self, user_id: str) -> int:
        return len(self._streams.get(user_id, ()))

    def nudge(self, user_id: str) -> None:
        """Something may have changed for this user, by way of this process."""
        self._outgoing.add(_mark(user_id))
        self._dirty.add(user_id)
        self._flush_soon()

    @asynccontextmanager
    async def follow(self, stream: Stream) -> AsyncIterator[Stream]:
        """The stream is told how far its user has come, from now on."""
        if self._has_ended:
            stream.end()
        self._streams.setdefault(stream.user_id, set()).add(stream)
        self._users_by_mark[_mark(stream.user_id)] = stream.user_id
        if not self._watching:
            self._watching = (
                asyncio.create_task(self._keep_at(self._listen)),
                asyncio.create_task(self._keep_at(self._watch)),
            )
        try:
            await self._look({stream.user_id})
            yield stream
        finally:
            await self._forget(stream)

    def end_all(self) -> None:
        """The process is about to end: streams do, and their readers come back elsewhere."""
        self._has_ended = True
        for stream in self._all():
            stream.end()

    async def close(self) -> None:
        self.end_all()
        for task in (self._flushing, *self._watching):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._listener.close()

    def _all(self) -> list[Stream]:
        return [stream for streams in self._streams.values() for stream in streams]

    async def _forget(self, stream: Stream) -> None:
        streams = self._streams[stream.user_id]
        streams.discard(stream)
        if not streams:
            del self._streams[stream.user_id]
            del self._users_by_mark[_mark(stream.user_id)]
        if not self._streams:
            for task in self._watching:
                task.cancel()
            self._watching = ()
            await self._listener.close()

    def _hear(self, payload: str) -> None:
        """Another process's nudge, or the echo of our own."""
        sender, *marks = payload.split(",")
        if sender == self._sender:
            return
        known = [self._users_by_mark[mark] for mark in marks if mark in self._users_by_mark]
        if known:
            self._dirty.update(known)
            self._flush_soon()

    def _flush_soon(self) -> None:
        if self._flushing is None and not self._has_ended:
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        """At once, and then not again for a moment: what a burst of writes has to tell gathers."""
        try:
            while self._dirty or self._outgoing:
                dirty, self._dirty = self._dirty & self._streams.keys(), set()
                outgoing, self._outgoing = sorted(self._outgoing), set()
                await self._look(dirty)
                for begin in range(0, len(outgoing), _MOST_MARKS):
                    marks = outgoing[begin : begin + _MOST_MARKS]
                    await self._revisions.notify(_CHANNEL, ",".join([self._sender, *marks]))
                await asyncio.sleep(_GATHER_SECONDS)
        except Unavailable as error:
            logger.warning("other processes were not told of changes: %s", error.reason)
        except Exception:  # as in _keep_at
            logger.exception("unexpected")
        finally:
            self._flushing = None

    async def _keep_at(self, work: Callable[[], Awaitable[None]]) -> None:
        """A defect is logged and told, and no reason to leave open streams without news."""
        while True:
            try:
                await work()
            except Exception:  # whatever it is
                logger.exception("unexpected")
            await asyncio.sleep(self._look_seconds)

    async def _listen(self) -> None:
        """Beside the looks: on a way that is closed, trying may take longer than they may wait."""
        while True:
            if await self._listener.ensure(_CHANNEL, self._hear):
                # What was said before is known from now on, at the latest.
                await self._look(set(self._streams))
            await asyncio.sleep(self._look_seconds)

    async def _watch(self) -> None:
        """What no nudge told, and who may no longer listen."""
        while True:
            await asyncio.sleep(self._look_seconds)
            await self._look(set(self._streams))
            # The list has logged it; the other streams would each wait as long again for nothing.
            with suppress(Unavailable):
                await self._end_denied()

    async def _end_denied(self) -> None:
        for stream in self._all():
            try:
                await self._deny_list.check(stream.user_id, stream.issued_at, stream.kid, limit=0)
            except TokenRefused:
                stream.end()

    async def _look(self, users: set[str]) -> None:
        if not users:
            return
        try:
            tags = await self._revisions.of(users)
        except Unavailable as error:
            logger.warning("streams could not be told of changes: %s", error.reason)
            return
        for user_id in users:
            for stream in self._streams.get(user_id, ()):
                stream.tell(tags.get(user_id, NOTHING_YET))


def _mark(user_id: str) -> str:
    """Stands for a user in notifications, which say nothing else about them."""
    return blake2b(user_id.encode(), digest_size=8).hexdigest()
