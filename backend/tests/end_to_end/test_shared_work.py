"""Connections are shared out evenly among the workers, and none waits for one that is stuck."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from end_to_end.processes import await_that, is_running, workers_of
from end_to_end.serving import Serving, data_folder, serving
from integration.wire import HEAD, Wire

ASK = f"GET /health/live{HEAD}\r\n"
CONNECTIONS = 12
REST = 0.01
# Now and then one comes while somebody is busy: it is the sum that tells.
ROUNDS = 10


@pytest.fixture(scope="module")
def service() -> Iterator[Serving]:
    with data_folder() as folder, serving(folder, TASKWELL_WORKERS="2") as service:
        yield service


@contextmanager
def kept_open(service: Serving, many: int) -> Iterator[None]:
    """One after the other, each when the one before has its answer and all workers rest again:
    those that are busy just then take none, and there would be nothing to share out."""
    with ExitStack() as wires:
        for _ in range(many):
            wire = wires.enter_context(Wire(service.address[1]))
            assert wire.send(ASK).answer().status == 200
            time.sleep(REST)
        yield


def connections_of(service: Serving) -> dict[int, int]:
    """To clients, by worker: all else that it has open is the same before and after."""
    return {
        worker: sum(_is_socket(link) for link in Path(f"/proc/{worker}/fd").iterdir())
        for worker in workers_of(service.pid)
    }


def _is_socket(link: Path) -> bool:
    try:
        return str(link.readlink()).startswith("socket:")
    except FileNotFoundError:
        return False


def shares(service: Serving, connections: int) -> dict[int, int]:
    """Of so many new ones, which are closed again."""
    before = connections_of(service)
    with kept_open(service, connections):
        now = connections_of(service)
    await_that(lambda: connections_of(service) == before)
    return {worker: now[worker] - before[worker] for worker in now}


def test_each_worker_gets_its_share(service: Serving) -> None:
    rounds = [list(shares(service, CONNECTIONS).values()) for _ in range(ROUNDS)]
    assert all(sum(found) == CONNECTIONS for found in rounds)
    # Of the one that got less, which may be another each time.
    assert sum(map(min, rounds)) > ROUNDS * CONNECTIONS / 3


def test_a_worker_that_is_stuck_holds_no_connection_up(service: Serving) -> None:
    """It has fewer than the others, and takes none."""
    stuck = min(workers_of(service.pid))
    os.kill(stuck, signal.SIGSTOP)
    try:
        with kept_open(service, CONNECTIONS):
            pass
    finally:
        os.kill(stuck, signal.SIGCONT)


def test_a_new_worker_gets_its_share(service: Serving) -> None:
    first = workers_of(service.pid)
    killed = min(first)
    with kept_open(service, CONNECTIONS):
        os.kill(killed, signal.SIGKILL)
        await_that(lambda: not is_running(killed) and len(workers_of(service.pid)) == len(first))
        (new,) = workers_of(service.pid) - first
        # Until it accepts, the other takes what comes, and after that it has many already.
        await_that(lambda: shares(service, 1)[new] == 1)
        gained = sum(shares(service, 4)[new] for _ in range(ROUNDS))
        # Before anybody stood back it got half of them, or all.
        assert gained > ROUNDS * 4 * 0.85
