"""Live events between real processes: what is written anywhere is heard everywhere."""

from __future__ import annotations

import asyncio
import json
import queue
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.request import Request, urlopen

import asyncpg
import pytest

from end_to_end.processes import await_that
from end_to_end.serving import Serving, data_folder, database_url, run, serving
from second_connection import SecondConnection

# Longer than anything takes, and an end to a wait for what never comes.
PATIENCE = 20.0
WORKERS = 2
LISTENERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"


class Events:
    """What one open stream hears, as it comes in; None once the stream has ended."""

    def __init__(self) -> None:
        self._heard: queue.SimpleQueue[dict[str, str] | None] = queue.SimpleQueue()

    def next(self) -> dict[str, str] | None:
        return self._heard.get(timeout=PATIENCE)

    def read(self, response: HTTPResponse) -> None:
        event: dict[str, str] = {}
        while line := response.readline().decode():
            name, _, value = line.rstrip().partition(": ")
            if name:
                event[name] = value
            elif "event" in event:
                self._heard.put(event)
                event = {}
        self._heard.put(None)


@contextmanager
def listening(service: Serving, **headers: str) -> Iterator[Events]:
    events = Events()
    connection = HTTPConnection(*service.address, timeout=60)
    carried = {"authorization": service.http.headers["authorization"], **headers}
    connection.request("GET", "/events", headers=carried)
    # Closing alone would not wake a thread that reads.
    connected = connection.sock
    response = connection.getresponse()
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    reader = threading.Thread(target=events.read, args=(response,))
    reader.start()
    try:
        yield events
    finally:
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)
        reader.join(PATIENCE)
        connection.close()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


@pytest.fixture(scope="module")
def first(folder: Path) -> Iterator[Serving]:
    with serving(folder, TASKWELL_WORKERS=str(WORKERS)) as service:
        yield service


@pytest.fixture(scope="module")
def second(folder: Path, first: Serving) -> Iterator[Serving]:
    """Another process on the same database, with the same issuer."""
    with serving(folder, DATABASE_URL=database_url(folder)) as service:
        service.http.headers["authorization"] = first.http.headers["authorization"]
        yield service


def write(service: Serving, text: str) -> int:
    response = service.http.post("/tasks", json={"text": text})
    assert response.status_code == 201, response.text
    rev: int = response.json()["rev"]
    return rev


def test_a_write_is_heard_in_every_process(first: Serving, second: Serving) -> None:
    rev = write(first, "Before")
    with listening(first) as here, listening(second) as there:
        for events in (here, there):
            event = events.next()
            assert event is not None
            assert (event["event"], json.loads(event["data"])) == ("change", {"rev": rev})
        cursor = ""
        for service in (first, second):
            rev = write(service, "Now")
            for events in (here, there):
                event = events.next()
                assert event is not None
                assert json.loads(event["data"]) == {"rev": rev}
                cursor = event["id"]
        changes = second.http.get("/sync", params={"since": cursor}).json()
        assert changes["changes"] == []


def test_each_worker_has_a_name_of_its_own(first: Serving, folder: Path) -> None:
    """Else each would take what another says for the echo of what it has said itself."""
    names = set()

    def hear(*said: object) -> None:
        names.add(str(said[-1]).partition(",")[0])

    def write_something(_: int) -> None:
        # Each on a new connection, which any worker may take.
        post = Request(f"{first.url}/tasks", b'{"text":"Now"}', headers)
        with urlopen(post) as response:
            assert response.status == 201

    async def story() -> None:
        with ThreadPoolExecutor(8) as pool:
            loop = asyncio.get_running_loop()
            connection = await asyncpg.connect(database_url(folder))
            try:
                await connection.add_listener("taskwell", hear)
                async with asyncio.timeout(PATIENCE):
                    while len(names) < WORKERS:
                        jobs = [loop.run_in_executor(pool, write_something, n) for n in range(16)]
                        await asyncio.gather(*jobs)
            finally:
                await connection.close()

    headers = dict(first.http.headers) | {"content-type": "application/json"}
    asyncio.run(story())


def test_a_reader_who_comes_back_misses_nothing(first: Serving) -> None:
    write(first, "Seen")
    with listening(first) as events:
        seen = events.next()
        assert seen is not None
    with listening(first, **{"last-event-id": seen["id"]}) as events:
        rev = write(first, "Nothing was missed, so the first event is this")
        event = events.next()
        assert event is not None
        assert json.loads(event["data"]) == {"rev": rev}
    missed = write(first, "Missed")
    with listening(first, **{"last-event-id": event["id"]}) as events:
        event = events.next()
        assert event is not None
        assert json.loads(event["data"]) == {"rev": missed}


def test_without_its_listening_connection_a_process_still_hears(
    first: Serving, second: Serving, folder: Path
) -> None:
    with listening(second) as events:
        events.next()
        with SecondConnection(database_url(folder)) as sql:
            sql.value(LISTENERS)
        rev = write(first, "By a look")
        event = events.next()
        assert event is not None
        assert json.loads(event["data"]) == {"rev": rev}


def test_nobody_hears_of_somebody_else(first: Serving, folder: Path) -> None:
    token = run("token", "somebody-else", folder=folder, TASKWELL_DATA=str(folder)).stdout
    other = {"authorization": f"Bearer {token.strip()}"}
    with listening(first, **other) as events:
        event = events.next()
        assert event is not None
        assert event["id"] == "new.0"
        write(first, "Not theirs")
        posted = first.http.post("/tasks", json={"text": "Theirs"}, headers=other)
        event = events.next()
        assert event is not None
        assert json.loads(event["data"]) == {"rev": posted.json()["rev"]}


def test_a_stream_ends_when_its_user_is_cut_off(first: Serving, folder: Path) -> None:
    token = run("token", "outcast", folder=folder, TASKWELL_DATA=str(folder)).stdout
    with listening(first, authorization=f"Bearer {token.strip()}") as events:
        assert events.next() is not None
        denied = run("deny", "user", "outcast", folder=folder, TASKWELL_DATA=str(folder))
        assert denied.returncode == 0, denied.stderr
        assert events.next() is None
    told = run("denied", folder=folder, TASKWELL_DATA=str(folder)).stdout
    moment = told.partition("user outcast: tokens issued before ")[2].partition("\n")[0]
    assert moment
    assert f" issued before {moment} are refused" in denied.stdout


def test_a_stream_ends_with_the_service(folder: Path, first: Serving) -> None:
    with serving(folder, DATABASE_URL=database_url(folder)) as service:
        service.http.headers["authorization"] = first.http.headers["authorization"]
        with listening(service) as events:
            assert events.next() is not None
            service.program.process.send_signal(signal.SIGTERM)
            assert events.next() is None
            assert service.program.process.wait(PATIENCE) == 0


def test_a_head_has_no_stream_behind_it(first: Serving) -> None:
    connection = HTTPConnection(*first.address, timeout=PATIENCE)
    asked = {"authorization": first.http.headers["authorization"]}
    connection.request("HEAD", "/events", headers=asked)
    response = connection.getresponse()
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.read() == b""
    # On the same connection, which is free again.
    connection.request("GET", "/health/live")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_user_has_only_so_many_streams(folder: Path, first: Serving) -> None:
    several = {"TASKWELL_RATE_LIMIT": "3", "TASKWELL_WORKERS": "1"}
    with serving(folder, DATABASE_URL=database_url(folder), **several) as service:
        service.http.headers["authorization"] = first.http.headers["authorization"]
        with listening(service) as events, listening(service), listening(service):
            assert events.next() is not None
            refused = service.http.get("/events")
            assert (refused.status_code, refused.json()["code"]) == (429, "too-many-at-once")
            assert int(refused.headers["retry-after"]) >= 1
            assert service.http.get("/tasks").status_code == 200
        # As soon as the service has seen that one has gone.
        await_that(lambda: is_streaming(service))


def is_streaming(service: Serving) -> bool:
    with service.http.stream("GET", "/events") as response:
        return response.status_code == 200


@pytest.mark.parametrize("headers", [{"authorization": ""}, {"authorization": "Bearer x"}])
def test_a_stream_takes_a_token(first: Serving, headers: dict[str, str]) -> None:
    response = first.http.get("/events", headers=headers)
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
