"""A service that is started again and again on one data folder and one port."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2

from end_to_end.serving import Serving, serving
from faults.http_connection import Address
from faults.proof import Proof
from faults.watch import watched

WORKERS = 2
# Both at work on keyed writes, or for hundreds of connections.
MOST_MEGABYTES = 150.0


@dataclass(frozen=True, slots=True)
class Span:
    began: float
    ended: float


class Reborn:
    def __init__(self, folder: Path, proof: Proof, **settings: str) -> None:
        self._folder = folder
        self._proof = proof
        self._settings = {
            "TASKWELL_WORKERS": str(WORKERS),
            "TASKWELL_MAX_TASKS": "1000000",
            **settings,
        }
        self._life = ExitStack()
        self._port = 0
        # From each SIGTERM to the end of the process.
        self.ends: list[Span] = []
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bury()

    @property
    def service(self) -> Serving:
        return self._service

    @property
    def address(self) -> Address:
        return self._service.address

    def start(self) -> float:
        """The seconds until it was ready."""
        former, self._life = self._life, ExitStack()
        with former:
            began = time.monotonic()
            words = ("--port", str(self._port))
            life = serving(self._folder, *words, **self._settings)
            self._service = self._life.enter_context(life)
            # On a connection that does not stay open: the end would wait for it.
            assert httpx2.get(self._service.url + "/health/ready", timeout=60).status_code == 200
            seconds = time.monotonic() - began
            self._life.enter_context(watched(self._proof, self._service.pid, MOST_MEGABYTES))
            self._port = self._service.address[1]
        return seconds

    def stop(self) -> int:
        """Its exit status, once it has ended in good order."""
        began = time.monotonic()
        self._service.program.process.terminate()
        status = self._service.program.wait()
        self.ends.append(Span(began, time.monotonic()))
        return status

    def bury(self) -> None:
        """What is left of it, once it was killed or has ended."""
        self._life.close()
