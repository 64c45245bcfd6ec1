"""Clients that are gone before their request is over: nothing of theirs is left."""

from __future__ import annotations

import random
import secrets
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from contract.wire import chunked
from end_to_end.processes import await_that, workers_of
from end_to_end.serving import Serving, data_folder, database_url, serving
from faults.kept_line import Line
from faults.metrics import ON, Metrics
from faults.proof import Proof
from faults.watch import files_of, watched
from second_connection import SecondConnection
from taskwell.auth.gate import development_issuer
from taskwell.configuring import load_settings

SEED = 20261126
ROUND = 200
# At the same time; the others come after them.
CROWD = 50
MOST_MEGABYTES = 130.0
# So many tasks with long texts are an answer of half a megabyte.
TASKS, TEXT = 300, "\N{GRINNING FACE}" * 400

_UNFINISHED = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'taskwell' AND state IS DISTINCT FROM 'idle'
"""
# What a service that is at rest has none of.
NOTHING = (
    ("taskwell_pool_connections", "busy"),
    ("taskwell_pool_waiting",),
    ("taskwell_requests_running",),
    ("taskwell_requests_waiting",),
    ("taskwell_streams",),
)
_RESET = struct.pack("ii", 1, 0)

Chance = random.Random
Way = Callable[[Line, str, Chance], None]


def head(method: str, path: str, token: str, *more: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *more)
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def posting(token: str, body: bytes, *more: str) -> bytes:
    framing = more or (f"Content-Length: {len(body)}",)
    return head("POST", "/tasks", token, "Content-Type: application/json", *framing) + body


def part_of(request: bytes, first: int, chance: Chance) -> bytes:
    """At least so much of it, and never all."""
    return request[: chance.randrange(first, len(request))]


def in_the_head(line: Line, token: str, chance: Chance) -> None:
    request = head("GET", "/tasks", token)
    line.socket.sendall(part_of(request, 1, chance))


def in_the_body(line: Line, token: str, chance: Chance) -> None:
    body = b'{"text": "half of it"}'.ljust(chance.choice((22, 3_000, 90_000)))
    request = posting(token, body)
    line.socket.sendall(part_of(request, len(request) - len(body), chance))


def in_the_chunks(line: Line, token: str, chance: Chance) -> None:
    body = chunked(b'{"text": "half of it"}'.ljust(20_000), 500)
    request = posting(token, body, "Transfer-Encoding: chunked")
    line.socket.sendall(part_of(request, len(request) - len(body), chance))


def before_a_look(line: Line, token: str, chance: Chance) -> None:
    path = chance.choice(("/tasks?limit=1", "/sync?limit=3", "/health", "/events", "/me/export"))
    line.socket.sendall(head("GET", path, token))


def before_a_write(line: Line, token: str, chance: Chance) -> None:
    key = f"Idempotency-Key: {chance.getrandbits(64):x}"
    body = b'{"text": "written"}'
    length = f"Content-Length: {len(body)}"
    line.socket.sendall(posting(token, body, length, *chance.choice(((), (key,)))))


def with_more_sent_ahead(line: Line, token: str, chance: Chance) -> None:
    many = chance.randrange(2, 12)
    line.socket.sendall(head("GET", "/tasks?limit=2", token) * many + b"GET /tas")


def in_the_answer(line: Line, token: str, chance: Chance) -> None:
    """It is larger than what the systems keep between the two."""
    line.socket.sendall(head("GET", "/tasks", token))
    assert line.socket.recv(chance.choice((1, 100, 5_000))).startswith(b"H")


WAYS: tuple[Way, ...] = (
    *(in_the_head, in_the_body, in_the_chunks, before_a_look, before_a_write),
    *(with_more_sent_ahead, in_the_answer),
)


def hang_up(line: Line, chance: Chance) -> None:
    """With a word (FIN), or without one (RST)."""
    if chance.random() < 0.5:
        line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    line.socket.close()


@dataclass(frozen=True)
class Clients:
    """Half a body takes a share of its user's, so whoever is to be answered is somebody else."""

    service: Serving
    token: str
    other: str

    def come_and_go(self, many: int, chance: Chance) -> None:
        for first in range(0, many, CROWD):
            self._crowd(range(first, min(first + CROWD, many)), chance)

    def _crowd(self, numbers: range, chance: Chance) -> None:
        with ExitStack() as stack:
            crowd = []
            for number in numbers:
                line = stack.enter_context(Line(self.service.address))
                way = WAYS[number % len(WAYS)]
                way(line, self.token if way is in_the_answer else self.other, chance)
                crowd.append(line)
            chance.shuffle(crowd)
            for line in crowd:
                hang_up(line, chance)


def fill(service: Serving) -> None:
    operations = [
        {"op_id": str(uuid4()), "type": "create", "id": str(uuid4()), "set": {"text": TEXT}}
        for _ in range(TASKS)
    ]
    assert service.http.post("/sync", json={"operations": operations}).status_code == 200


def files_of_clients(service: Serving, metrics: Metrics) -> float:
    """What is open, without the connections to the database: those may be many or few."""
    kept = metrics.value("taskwell_pool_connections", "idle")
    return sum(map(files_of, (service.pid, *workers_of(service.pid)))) - kept


def expect_nothing_left(service: Serving, metrics: Metrics, folder: Path) -> None:
    await_that(lambda: all(metrics.value(*name) == 0 for name in NOTHING))
    with SecondConnection(database_url(folder)) as database:
        await_that(lambda: database.value(_UNFINISHED) == 0)
    assert service.http.get("/tasks?limit=1").status_code == 200
    assert service.http.get("/health").status_code == 200


@pytest.mark.fault("hang-up")
def test_who_hangs_up_leaves_nothing_behind(proof: Proof) -> None:
    rounds = proof.times(1, full=10)
    many = proof.times(ROUND, full=1000)
    with data_folder() as folder, serving(folder, **ON) as service:
        metrics = Metrics(service)
        fill(service)
        issuer = development_issuer(load_settings(data=folder))
        clients = Clients(service, issuer.token("alice"), issuer.token("bob"))
        expect_nothing_left(service, metrics, folder)
        before = files_of_clients(service, metrics)
        with watched(proof, service.pid, MOST_MEGABYTES):
            for seed in (SEED, *(secrets.randbits(32) for _ in range(rounds - 1))):
                clients.come_and_go(many, random.Random(seed))
                expect_nothing_left(service, metrics, folder)
                await_that(lambda: files_of_clients(service, metrics) <= before)
                proof.count(clients_that_hung_up=many)
        assert "Traceback" not in service.program.output
