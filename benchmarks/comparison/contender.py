"""What a contender is to the runner: it can be prepared, started and asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Operation(StrEnum):
    READ = "one task"
    PAGE = "page of 50"
    CREATE = "create"
    TOGGLE = "toggle"
    POLL = "list, nothing new"
    SYNC_NOTHING = "sync, nothing new"
    SYNC_CHANGES = "sync, 20 changes"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much there is: the same for all, and known without asking."""

    users: int = 10_000
    tasks_per_user: int = 100

    @property
    def tasks(self) -> int:
        return self.users * self.tasks_per_user


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A contender that answers. The processes are the roots of trees; where a database's root is
    below one of the service's, it and what is below it counts as database alone."""

    port: int
    service: tuple[int, ...]
    # Empty where the database is part of the service.
    database: tuple[int, ...]


class Unavailable(Exception):
    """This machine can't run it; the message says what to install. `install` raises it."""


class Contender(Protocol):
    name: str
    # Others are left out of the table, with a dash.
    operations: frozenset[Operation]

    def install(self, home: Path) -> None:
        """Everything it is made of, below `home`; nothing if that is there already."""

    def versions(self, home: Path) -> dict[str, str]:
        """What it is made of, as it was installed: name and version."""

    def seed(self, home: Path, scale: Scale) -> None:
        """Its database, filled, below `home`; nothing if that is there already."""

    def start(self, home: Path, scale: Scale, workers: int) -> Running:
        """Until it answers; on 127.0.0.1 and a free port."""

    def stop(self) -> None: ...

    def catch_up(self) -> None:
        """Before the requests of a run are made: learn what former runs have changed. `start()`
        does it too."""

    def request(self, operation: Operation, user: int, task: int, serial: int) -> Request:
        """What this user sends for it. `serial` is new for each request of a run.

        POLL and SYNC_NOTHING hold as long as nobody has written for the user since `catch_up()`.
        Each SYNC_CHANGES takes effect once: sent again, it would be another kind of work.
        """
