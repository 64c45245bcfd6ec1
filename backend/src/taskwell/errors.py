"""Everything that can go wrong and has a name.

    TaskwellError
    ├── StartRefused             can't go on; the message says what to change
    │   ├── SettingsInvalid      a setting is missing, wrong, or contradicts another
    │   ├── DatabaseNotStarted   the private PostgreSQL could not be made, started or taken over
    │   ├── SchemaMismatch       the database's schema does not fit this version
    │   └── BackupRefused        a backup can't be made, read or restored
    └── RequestRefused           one request is answered with a problem
        ├── TokenRefused
        │   ├── TokenMissing
        │   ├── TokenExpired
        │   └── TokenInvalid
        ├── Unavailable          nothing was done; the same request may succeed later
        │   ├── DatabaseUnavailable
        │   ├── DatabaseBusy
        │   ├── StorageFull      no room on the database's disk; reading goes on
        │   ├── Overloaded       the process has as much to do as it can hold
        │   └── KeysUnavailable
        ├── AskedTooMuch         of what one user, or one address, may take; nothing was done
        │   ├── RateLimited      too many requests, or too many refused tokens, in a short time
        │   └── TooManyAtOnce    too many requests of one user at the same time
        ├── InputInvalid         what was sent does not fit; carries a Flaw for each place
        ├── CursorInvalid
        ├── FilterRequired
        ├── TaskNotFound         absent, or somebody else's: nobody can tell which
        ├── TaskIdTaken          a create named an id that holds other content
        ├── TaskDeleted          a create named the id of a deleted task
        ├── TaskLimitReached
        ├── PreconditionFailed   carries the task as it is now
        ├── SyncResetRequired    a cursor of another life, or older than the tombstones
        ├── EditConflict         both sides changed the same members to different values
        ├── BatchAborted         an atomic batch in which another operation failed
        ├── OperationReused      an op_id that was used for something else
        ├── KeyReused            an Idempotency-Key that was used for another request
        └── KeyInUse             the first request with that key, or another write, still runs

Nothing here knows HTTP; `api.problems` gives each RequestRefused its status and its words.
"""

from __future__ import annotations

from dataclasses import dataclass


class TaskwellError(Exception):
    pass


class StartRefused(TaskwellError):
    pass


class SettingsInvalid(StartRefused):
    pass


class DatabaseNotStarted(StartRefused):
    pass


class SchemaMismatch(StartRefused):
    pass


class BackupRefused(StartRefused):
    pass


class RequestRefused(TaskwellError):
    pass


class TokenRefused(RequestRefused):
    """`reason` is for the log and for the operator; the client never sees it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenMissing(TokenRefused):
    pass


class TokenExpired(TokenRefused):
    pass


class TokenInvalid(TokenRefused):
    pass


class Unavailable(RequestRefused):
    """`reason` is for the log; `retry_after` is in seconds."""

    retry_after = 1

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DatabaseUnavailable(Unavailable):
    pass


class DatabaseBusy(Unavailable):
    pass


class StorageFull(Unavailable):
    retry_after = 30


class Overloaded(Unavailable):
    def __init__(
        self, reason: str = "the request waited too long for its turn, or too many wait already"
    ) -> None:
        super().__init__(reason)


class KeysUnavailable(Unavailable):
    retry_after = 5


class AskedTooMuch(RequestRefused):
    """`reason` is for the log; `retry_after` is in seconds."""

    retry_after = 1

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RateLimited(AskedTooMuch):
    """Of the limit `name`, which allows for `quota` in so many seconds, nothing is left."""

    def __init__(self, name: str, quota: int, seconds: int, *, retry_after: int) -> None:
        super().__init__(f"the rate limit per {name}")
        self.name = name
        self.quota = quota
        self.seconds = seconds
        self.retry_after = retry_after


class TooManyAtOnce(AskedTooMuch):
    def __init__(self) -> None:
        super().__init__("too many requests of this user at once")


@dataclass(frozen=True, slots=True)
class Flaw:
    pointer: str
    code: str
    message: str


class InputInvalid(RequestRefused):
    def __init__(self, *flaws: Flaw) -> None:
        super().__init__("; ".join(f"{flaw.pointer}: {flaw.code}" for flaw in flaws))
        self.flaws = flaws


class CursorInvalid(RequestRefused):
    pass


class FilterRequired(RequestRefused):
    pass


class TaskNotFound(RequestRefused):
    pass


class TaskIdTaken(RequestRefused):
    pass


class TaskDeleted(RequestRefused):
    pass


class TaskLimitReached(RequestRefused):
    pass


class PreconditionFailed(RequestRefused):
    """`current` is the task as it is now, already JSON, and `tag` its tag; None where the
    precondition was not about one task that exists."""

    def __init__(self, current: str | None = None, tag: str | None = None) -> None:
        super().__init__("precondition failed")
        self.current = current
        self.tag = tag


class SyncResetRequired(RequestRefused):
    pass


@dataclass(frozen=True, slots=True)
class Clash:
    base_rev: int
    mine: object
    theirs: object


class EditConflict(RequestRefused):
    def __init__(self, clashes: dict[str, Clash]) -> None:
        super().__init__(", ".join(clashes))
        self.clashes = clashes


class BatchAborted(RequestRefused):
    pass


class OperationReused(RequestRefused):
    pass


class KeyReused(RequestRefused):
    pass


class KeyInUse(RequestRefused):
    pass
