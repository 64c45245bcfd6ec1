"""Clients that write and read without a pause, while something is done to the service.

Each keeps its connection, uses it again and again, and gives nothing up: what got no answer, or a
503, is sent again under the same Idempotency-Key, until it is answered.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from faults.http_connection import Answer, Closed, Connection, Refused, Unanswered, request
from faults.places import Places
from second_connection import SecondConnection
from taskwell.auth.gate import development_issuer
from taskwell.configuring import load_settings

# Before a client asks again. As many as there are, they must not take the processor from a service
# that starts.
PAUSE = 0.1
PATIENCE = 120.0
DAY = 86400

# Several clients of one user: they wait for each other's locks.
CLIENTS_OF_A_USER = 4

WHAT_IS_THERE = """
    SELECT text, count(*), bool_and(completed) FROM task
    WHERE text LIKE $1 || '%' GROUP BY text
"""


@dataclass(frozen=True, slots=True)
class Loss:
    """A request that found its connection closed."""

    asked: float
    closed: float
    was_used_before: bool


@dataclass(slots=True)
class Tally:
    successes: int = 0
    # 503, and before it was tried again.
    unavailable: int = 0
    refused: int = 0
    cut_off: int = 0
    # Writes that were sent again, and had been done the first time.
    found_done: int = 0
    losses: list[Loss] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    latest_success: float = 0.0
    slowest: float = 0.0


class Load:
    """`reads` of them follow each pair of writes: a create, and a toggle of what it has made."""

    def __init__(self, places: Places, folder: Path, clients: int, *, reads: int) -> None:
        self.places = places
        self.reads = reads
        self.name = secrets.token_hex(6)
        self.tally = Tally()
        self.is_ending = False
        # By text, whether it was completed.
        self.acknowledged: dict[str, bool] = {}
        issuer = development_issuer(load_settings(data=folder))
        users = [f"{self.name}-{number}" for number in range(-(-clients // CLIENTS_OF_A_USER))]
        tokens = [issuer.token(user, DAY) for user in users]
        self._clients = [
            Client(self, f"{self.name} {number} ", tokens[number // CLIENTS_OF_A_USER])
            for number in range(clients)
        ]
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Each gets the answer that it waits for, wherever that takes."""
        self.is_ending = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "a request is not answered"

    def await_successes(self, many: int) -> None:
        self._await(self.tally.successes + many)

    def await_total(self, many: int) -> None:
        self._await(many)

    def first_success_since(self, moment: float) -> float:
        deadline = time.monotonic() + PATIENCE
        while self.tally.latest_success < moment:
            self._look(deadline)
        return self.tally.latest_success

    def expect_all_there_once(self, url: str) -> int:
        """Nothing lost, nothing made twice; a toggle that came twice would have undone itself."""
        with SecondConnection(url) as database:
            found = {text: (n, done) for text, n, done in database.rows(WHAT_IS_THERE, self.name)}
        assert found == {text: (1, done) for text, done in self.acknowledged.items()}
        return len(found)

    def _await(self, successes: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.tally.successes < successes:
            self._look(deadline)

    def _look(self, deadline: float) -> None:
        assert not self.tally.wrong, self.tally.wrong[:3]
        assert self._thread.is_alive()
        assert time.monotonic() < deadline, self.tally
        time.sleep(0.005)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._work())

    async def _work(self) -> None:
        ended = asyncio.Event()
        following = asyncio.create_task(self.places.follow(ended))
        await asyncio.gather(*(client.work() for client in self._clients))
        # Not by force: it may wait for an answer just then.
        ended.set()
        await following


class Client:
    def __init__(self, load: Load, name: str, token: str) -> None:
        self._load = load
        self._name = name
        self._token = token
        self._written = 0
        self._connection: Connection | None = None
        self._was_used = False

    async def work(self) -> None:
        while not self._load.is_ending:
            await self._write_and_read()
        if self._connection is not None:
            self._connection.close()

    async def _write_and_read(self) -> None:
        text = f"{self._name}{self._written}"
        key = text.replace(" ", "-")
        self._written += 1
        made = await self._ask("POST", "/tasks", json.dumps({"text": text}).encode(), key)
        task = json.loads(made.body)
        self._load.acknowledged[text] = False
        path = f"/tasks/{task['id']}"
        toggled = await self._ask("PATCH", f"{path}/toggle", key=f"{key}-toggle")
        self._load.acknowledged[text] = True
        for number in range(self._load.reads):
            if self._load.is_ending:
                return
            if number % 2:
                await self._ask("GET", "/tasks?limit=5&sort=-created_at")
                continue
            read = await self._ask("GET", path)
            if read.body != toggled.body:
                self._load.tally.wrong.append(f"{read.body!r} is not {toggled.body!r}")

    async def _ask(self, method: str, path: str, body: bytes = b"", key: str = "") -> Answer:
        tally = self._load.tally
        asked = request(method, path, self._token, body, key=key)
        while True:
            began = time.monotonic()
            try:
                answer = await (await self._connected()).ask(asked)
            except Unanswered as error:
                self._note(error, began)
                await asyncio.sleep(PAUSE)
                continue
            tally.slowest = max(tally.slowest, time.monotonic() - began)
            self._was_used = True
            if answer.status == 503 and answer.has(b"retry-after: "):
                tally.unavailable += 1
                await asyncio.sleep(PAUSE)
                continue
            if answer.status // 100 != 2:
                tally.wrong.append(f"{method} {path} {answer}")
                await asyncio.sleep(PAUSE)
                continue
            tally.successes += 1
            tally.latest_success = time.monotonic()
            tally.found_done += answer.has(b"idempotency-replayed: ")
            return answer

    async def _connected(self) -> Connection:
        if self._connection is None or not self._connection.is_open:
            self._was_used = False
            self._connection = await Connection.to(self._load.places.pick())
        return self._connection

    def _note(self, error: Unanswered, asked: float) -> None:
        tally = self._load.tally
        match error:
            case Refused():
                tally.refused += 1
            case Closed():
                tally.losses.append(Loss(asked, time.monotonic(), self._was_used))
            case _:
                tally.cut_off += 1
