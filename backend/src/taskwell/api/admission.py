"""What each request takes from the common store, and gives back when its answer begins."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import Scope

from taskwell.api import trace
from taskwell.api.addresses import Addresses
from taskwell.config import Settings
from taskwell.errors import RateLimited, TooManyAtOnce
from taskwell.services.limits import Shares, buckets

# Where the server has put the way to give the request's turn to somebody else.
TURN = "taskwell.turn"
# Where it says why the request is not to be carried out.
REFUSAL = "taskwell.refusal"


class Admission:
    def __init__(self, settings: Settings) -> None:
        self._addresses = Addresses(settings.trusted_proxies)
        self._users = buckets("user", settings.rate_limit)
        self._failures = buckets("address", settings.rate_limit)
        self._most_streams = settings.rate_limit
        self._shares = Shares(settings.pool_size)
        # How often each limit was met.
        self.met = {"user": 0, "address": 0, "at-once": 0}

    def count_failure(self, scope: Scope) -> None:
        """A token was refused: raises RateLimited where that has been too often."""
        if self._failures is not None:
            self._take(self._failures.take, self._addresses.of(scope))

    def count_request(self, user_id: str) -> None:
        if self._users is not None:
            self._take(self._users.take, user_id)

    def admit_stream(self, open_streams: int) -> None:
        """One more for a user who has so many: each write of theirs is told to all of them."""
        if self._most_streams and open_streams >= self._most_streams:
            self.met["at-once"] += 1
            raise TooManyAtOnce

    async def take_share(self, scope: Scope, user_id: str) -> None:
        """Of the database, before anything is asked of it."""
        if not self._shares.try_take(user_id):
            # Others need not wait for what this user does.
            give_turn_back(scope)
            try:
                await self._shares.take(user_id)
            except TooManyAtOnce:
                self.met["at-once"] += 1
                raise
        trace.of(scope).holds_share = True

    def give_back(self, note: trace.Trace) -> None:
        """Once, however often it is asked for."""
        if note.holds_share:
            assert note.user_id is not None
            note.holds_share = False
            self._shares.give_back(note.user_id)

    def _take(self, take: Callable[[str], None], holder: str) -> None:
        try:
            take(holder)
        except RateLimited as error:
            self.met[error.name] += 1
            raise


def give_turn_back(scope: Scope) -> None:
    """Before a wait for anything but the database."""
    give_back: Callable[[], None] | None = scope.get(TURN)
    if give_back is not None:
        give_back()
