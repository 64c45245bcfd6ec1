"""The disk under the private database gets full: nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest
from httpx2 import Response

from end_to_end.processes import await_that
from end_to_end.serving import Serving, database_url, postgres_pid, serving
from faults.proof import Proof
from faults.small_disk import MEBIBYTE, SmallDisk, small_disk
from second_connection import SecondConnection
from taskwell.database.storage import BALLAST, BALLAST_FILE, EMERGENCY, LOWEST

pytestmark = pytest.mark.fault("full-disk")


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with small_disk() as disk:
        yield disk


@contextmanager
def serving_from(disk: SmallDisk) -> Iterator[Serving]:
    disk.data.mkdir(mode=0o700, exist_ok=True)
    with serving(disk.data, TASKWELL_RATE_LIMIT="0") as service:
        yield service


class Client:
    """Writes, and remembers what it was told."""

    def __init__(self, service: Serving) -> None:
        self.http = service.http
        self.acknowledged: dict[str, str] = {}

    def write(self) -> Response:
        text = f"task {len(self.acknowledged)}"
        answer = self.http.post("/tasks", json={"text": text})
        if answer.status_code == 201:
            self.acknowledged[answer.json()["id"]] = text
        return answer

    def read(self) -> Response:
        return self.http.get("/tasks")

    def expect_nothing_lost(self) -> None:
        kept = {task["id"]: task["text"] for task in self.read().json()}
        assert kept == self.acknowledged


def expect_refused(answer: Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "storage-full"
    assert answer.headers["retry-after"] == "30"


def await_refusal(client: Client) -> None:
    await_that(lambda: client.write().status_code == 503)
    expect_refused(client.write())


def state(client: Client) -> tuple[int, str, str]:
    answer = client.http.get("/health")
    said = answer.json()
    return answer.status_code, said["status"], said["database"]


def test_writes_are_refused_in_time_and_taken_again_when_there_is_room(
    disk: SmallDisk, proof: Proof
) -> None:
    with serving_from(disk) as service:
        client = Client(service)
        postgres = postgres_pid(disk.data)
        for _ in range(proof.times(2, full=5)):
            assert client.write().status_code == 201
            assert state(client) == (200, "ok", "ok")
            assert (disk.data / BALLAST_FILE).stat().st_size == BALLAST
            seen = service.program.lines_so_far
            disk.leave(LOWEST - MEBIBYTE)
            await_refusal(client)
            line = service.program.wait_for(
                "the disk is almost full: writes are refused", after=seen
            )
            assert json.loads(line.string)["level"] == "error"
            for method, path in (
                ("PATCH", f"/tasks/{next(iter(client.acknowledged))}"),
                ("DELETE", "/tasks?status=completed"),
                ("DELETE", "/me"),
            ):
                expect_refused(client.http.request(method, path, json={"text": "x"}))
            keyed = client.http.post("/tasks", json={"text": "x"}, headers={"idempotency-key": "k"})
            expect_refused(keyed)
            client.expect_nothing_lost()
            assert client.http.get("/sync").status_code == 200
            assert state(client) == (200, "degraded", "full")
            assert client.http.get("/health/ready").status_code == 200
            disk.make_room()
            await_that(lambda: client.write().status_code == 201)
            service.program.wait_for("there is room on the disk: writes are taken", after=seen)
            assert state(client) == (200, "ok", "ok")
            client.expect_nothing_lost()
            proof.count(times_almost_full=1)
        proof.count(acknowledged_and_there=len(client.acknowledged))
        assert postgres_pid(disk.data) == postgres


def fill_until_the_database_ends(service: Serving, disk: SmallDisk) -> None:
    """Quicker than the service can look: its parent is held up meanwhile."""
    url = database_url(disk.data).replace("taskwell@", "postgres@")
    os.kill(service.pid, signal.SIGSTOP)
    try:
        with pytest.raises(asyncpg.PostgresError, match=r"No space left|terminat"):
            _use_up(url, disk)
    finally:
        os.kill(service.pid, signal.SIGCONT)


def _use_up(url: str, disk: SmallDisk) -> None:
    with SecondConnection(url) as database:
        disk.leave(0)
        while True:
            # Sooner or later its log needs a file that the disk has no room for.
            database.run("SELECT pg_logical_emit_message(true, '', repeat('x', 1000000))")


def test_a_database_that_fell_over_a_full_disk_comes_back_by_itself(
    disk: SmallDisk, proof: Proof
) -> None:
    times = proof.times(2, full=5)
    with serving_from(disk) as service:
        client = Client(service)
        for _ in range(times):
            assert client.write().status_code == 201
            seen = service.program.lines_so_far
            fill_until_the_database_ends(service, disk)
            service.program.wait_for("the ballast was let go", after=seen)
            await_that(lambda: client.read().status_code == 200)
            client.expect_nothing_lost()
            assert not (disk.data / BALLAST_FILE).exists()
            expect_refused(client.write())
            disk.make_room()
            await_that(lambda: client.write().status_code == 201)
            assert (disk.data / BALLAST_FILE).exists()
            client.expect_nothing_lost()
            proof.count(times_full_and_fallen=1)
        proof.count(acknowledged_and_there=len(client.acknowledged))
        # Its log is on the same disk, so of the falls it may miss a word; of the rises it doesn't.
        said = (disk.data / "postgres.log").read_text()
        assert "PANIC: " in said
        assert said.count("database system is ready to accept connections") == 1 + times


def test_a_service_that_is_killed_on_a_full_disk_starts_again_there(disk: SmallDisk) -> None:
    with serving_from(disk) as service:
        client = Client(service)
        assert client.write().status_code == 201
        fill_until_the_database_ends(service, disk)
        os.kill(service.pid, signal.SIGKILL)
        service.program.wait()
    disk.leave(0)
    with serving_from(disk) as service:
        again = Client(service)
        again.acknowledged = client.acknowledged
        again.expect_nothing_lost()
        expect_refused(again.write())
        disk.make_room()
        await_that(lambda: again.write().status_code == 201)
        again.expect_nothing_lost()


def test_a_disk_that_is_full_at_the_first_start_is_told(disk: SmallDisk) -> None:
    disk.leave(EMERGENCY)
    assert disk.free <= EMERGENCY
    with pytest.raises(AssertionError, match=r"No space left on device"), serving_from(disk):
        pytest.fail("it has no room")
