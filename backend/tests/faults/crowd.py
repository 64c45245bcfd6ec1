"""Users who go on asking whatever happens to the service, and remember what they were told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from httpx2 import Response

PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Told:
    response: Response
    seconds: float

    @property
    def status(self) -> int:
        return self.response.status_code


class Member:
    """Writes and reads in turn; what was not acknowledged is sent again, under its key."""

    def __init__(self, url: str, token: str, has_ended: threading.Event, pause: float) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE)
        self._has_ended = has_ended
        self._pause = pause
        self.told: list[Told] = []
        self.acknowledged = 0
        self.thread = threading.Thread(target=self._go_on)
        self.thread.start()

    def _go_on(self) -> None:
        number = 0
        while not self._has_ended.wait(self._pause):
            number += 1
            key = {"idempotency-key": str(number)}
            written = self._until_done("POST", "/tasks", json={"text": str(number)}, headers=key)
            self.acknowledged += written
            self._until_done("GET", "/tasks?limit=1")

    def _until_done(self, method: str, path: str, **more: object) -> bool:
        while True:
            began = time.monotonic()
            response = self._http.request(method, path, **more)  # type: ignore[arg-type]  # a body and headers
            self.told.append(Told(response, time.monotonic() - began))
            if response.status_code < 300:
                return True
            if self._has_ended.wait(float(response.headers.get("retry-after", 1))):
                return False

    def leave(self) -> None:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        counted = self._http.get("/tasks?limit=1", headers={"prefer": "count=exact"})
        self._http.close()
        # The last one may be there without having been acknowledged.
        lost_or_twice = int(counted.headers["x-total-count"]) - self.acknowledged
        assert lost_or_twice in (0, 1)


class Crowd:
    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members

    @property
    def told(self) -> list[Told]:
        return [told for member in self.members for told in list(member.told)]

    @property
    def successes(self) -> int:
        return sum(told.status < 300 for told in self.told)


@contextmanager
def crowd(url: str, tokens: Sequence[str], pause: float = 0.0) -> Iterator[Crowd]:
    has_ended = threading.Event()
    members = [Member(url, token, has_ended, pause) for token in tokens]
    try:
        yield Crowd(members)
    finally:
        has_ended.set()
        for member in members:
            member.leave()
