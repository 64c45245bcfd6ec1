"""A request whose sender is known."""

from __future__ import annotations

import time
from functools import partial
from typing import cast

from fastapi import Request

from taskwell.api import trace
from taskwell.api.admission import Admission, give_turn_back
from taskwell.auth.gate import Gate
from taskwell.auth.identity import Identity
from taskwell.errors import TokenRefused
from taskwell.services.belongings import Belongings
from taskwell.services.deny_list import DenyList
from taskwell.services.lists import Lists
from taskwell.services.live import Live
from taskwell.services.receipts import Claim, Receipts
from taskwell.services.sync import Sync
from taskwell.services.tasks import Tasks
from taskwell.services.upkeep import Purge


class Call(Request):
    """What every route is given that works for a user: who asks, and who can do it."""

    identity: Identity
    # Of the key that the request came with.
    claim: Claim | None = None
    # The body, once somebody has read it.
    body_read: bytes | None = None

    async def identify(self) -> None:
        """Who is not let in gets no further."""
        scope = self.scope
        state = self.app.state
        gate: Gate = state.gate
        deny_list: DenyList = state.deny_list
        admission: Admission = state.admission
        began = time.perf_counter()
        authorization = [
            value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"
        ]
        try:
            identity = await gate.user(authorization, partial(give_turn_back, scope))
            await deny_list.check(identity.user_id, identity.issued_at, identity.kid)
        except TokenRefused:
            admission.count_failure(scope)
            raise
        note = trace.of(scope)
        note.user_id = identity.user_id
        note.auth_seconds = time.perf_counter() - began
        admission.count_request(identity.user_id)
        purge: Purge = state.purge
        purge.begin_if_due()
        self.identity = identity

    async def take_share(self) -> None:
        """Whoever works with the database comes by here; streams don't."""
        admission: Admission = self.app.state.admission
        await admission.take_share(self.scope, self.user)

    def open_stream(self) -> None:
        admission: Admission = self.app.state.admission
        admission.admit_stream(self.live.streams_of(self.user))

    @property
    def user(self) -> str:
        return self.identity.user_id

    @property
    def is_below_another(self) -> bool:
        return bool(self.path_params.get("user_id", self.user) != self.user)

    @property
    def tasks(self) -> Tasks:
        found = cast("Tasks", self.app.state.tasks)
        return found if self.claim is None else found.within(self.claim.runner)

    @property
    def lists(self) -> Lists:
        return cast("Lists", self.app.state.lists)

    @property
    def sync(self) -> Sync:
        return cast("Sync", self.app.state.sync)

    @property
    def belongings(self) -> Belongings:
        return cast("Belongings", self.app.state.belongings)

    @property
    def receipts(self) -> Receipts:
        return cast("Receipts", self.app.state.receipts)

    @property
    def live(self) -> Live:
        return cast("Live", self.app.state.live)
