"""The wall clock of the service, of its database, or of both jumps an hour while it serves."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

from end_to_end.processes import await_that
from end_to_end.serving import Serving, data_folder, serving
from faults.proof import Proof
from faults.shifted_clock import ShiftedClock, shifted_clock
from second_connection import SecondConnection
from taskwell.auth.gate import development_issuer
from taskwell.configuring import load_settings
from taskwell.database import binaries
from taskwell.database.embedded import EmbeddedPostgres
from taskwell.database.folder import DataFolder
from taskwell.migrations import runner

pytestmark = pytest.mark.fault("clock")

HOUR = 3600
SHIFTS = (HOUR, 0, -HOUR, 0, HOUR, -HOUR)
# Of the leeway of 30 seconds, with room for a slow machine on both sides.
WITHIN_LEEWAY = 10
BEYOND_LEEWAY = 60
# So often that both workers are.
ASKED = 6


@pytest.fixture
def clock() -> Iterator[ShiftedClock]:
    with shifted_clock() as clock:
        yield clock


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


class Tokens:
    def __init__(self, folder: Path) -> None:
        self._settings = load_settings(data=folder)
        self._user = f"ada-{secrets.token_hex(8)}"

    def valid(self, begin: int, end: int) -> str:
        """In seconds from now, by the clock that is right."""
        issuer = development_issuer(self._settings, clock=lambda: time.time() + begin)
        return issuer.token(self._user, end - begin)


class Writer:
    """Changes the same tasks again and again, and looks at what each change has made of them."""

    def __init__(self, service: Serving, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx2.Client(base_url=service.url, headers=headers, timeout=60)
        self._tasks: dict[str, dict[str, Any]] = {}
        self._latest = 0
        self._sent = 0
        self._cursor = ""

    def __enter__(self) -> Self:
        self._http.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._http.__exit__(*error)

    def write(self) -> int:
        """How many writes it has done."""
        before = self._sent
        changed = [self._send("POST", "/tasks", {"text": "new"})]
        for task_id in list(self._tasks):
            path = f"/tasks/{task_id}"
            changed.append(self._send("PATCH", path, {"text": f"text {self._sent}"}))
            changed.append(self._send("PATCH", f"{path}/toggle"))
        assert len({task["rev"] for task in changed}) == len(changed)
        self._cursor = self._sync(self._cursor)
        return self._sent - before

    def _send(self, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        self._sent += 1
        headers = {"idempotency-key": f"{self._sent}"}
        answers = [self._http.request(method, path, headers=headers, json=body) for _ in range(2)]
        assert [answer.status_code // 100 for answer in answers] == [2, 2]
        assert answers[1].headers["idempotency-replayed"] == "true"
        task: dict[str, Any] = answers[0].json()
        assert answers[1].json() == task
        self._look_at(task)
        return task

    def _look_at(self, after: dict[str, Any]) -> None:
        assert after["rev"] > self._latest
        self._latest = after["rev"]
        before = self._tasks.get(after["id"], after)
        assert after["created_at"] == before["created_at"]
        assert after["updated_at"] >= before["updated_at"] >= after["created_at"]
        if after["completed"] and not before["completed"]:
            assert after["completed_at"] == after["updated_at"]
        self._tasks[after["id"]] = after

    def _sync(self, cursor: str) -> str:
        """What changed is told in the order of the revisions, and nothing is left out."""
        said = self._http.get("/sync", params={"since": cursor} if cursor else {}).json()
        revisions = [change["rev"] for change in said["changes"]]
        assert all(first < second for first, second in pairwise(revisions))
        assert {change["id"]: change for change in said["changes"]} == self._tasks
        return str(said["cursor"])


@contextmanager
def own_postgres() -> Iterator[str]:
    with data_folder() as path:
        folder = DataFolder(path)
        postgres = EmbeddedPostgres(folder)
        postgres.start()
        try:
            runner.upgrade(postgres.url)
            yield postgres.url
        finally:
            postgres.stop()
            folder.unlock()


def is_off(service: Serving, seconds: int) -> bool:
    told = get(service, "/health/live").getheader("date", "")
    return is_about(parsedate_to_datetime(told).timestamp(), seconds)


def database_is_off(url: str, seconds: int) -> bool:
    with SecondConnection(url) as database:
        return is_about(database.value("SELECT extract(epoch FROM now())::float"), seconds)


def is_about(told: float, seconds: int) -> bool:
    return abs(told - time.time() - seconds) < BEYOND_LEEWAY


@pytest.mark.parametrize("whose", ["service", "database", "both"])
def test_order_is_by_revision_and_times_never_run_backwards(
    folder: Path,
    database_url: str,
    clock: ShiftedClock,
    whose: str,
    proof: Proof,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ExitStack() as stack:
        if whose == "service":
            url = database_url
        else:
            with monkeypatch.context() as patched:
                for name, value in clock.environment.items():
                    patched.setitem(binaries.ENVIRONMENT, name, value)
                url = stack.enter_context(own_postgres())
        # The limits count by the other clock, or there would be a 429.
        settings = {"DATABASE_URL": url, "TASKWELL_RATE_LIMIT": "1000"}
        if whose != "database":
            settings |= clock.environment
        service = stack.enter_context(serving(folder, **settings))
        writer = stack.enter_context(Writer(service, Tokens(folder).valid(-2 * HOUR, 24 * HOUR)))
        for shift in SHIFTS * proof.times(1, full=5):
            clock.shift(shift)
            await_that(partial(is_off, service, shift if whose != "database" else 0))
            assert database_is_off(url, shift if whose != "service" else 0)
            proof.count(shifts=1, writes=writer.write())
            assert get(service, "/health/ready").status == 200


def test_tokens_are_judged_by_the_leeway_alone(
    folder: Path, database_url: str, clock: ShiftedClock, proof: Proof
) -> None:
    settings = {"DATABASE_URL": database_url, **clock.environment}
    with serving(folder, "--workers", "2", **settings) as service:
        tokens = Tokens(folder)
        for _ in range(proof.times(1, full=5)):
            # What it verifies now and remembers, it has to judge anew by each later clock.
            usual = tokens.valid(0, HOUR // 2)
            expiring = [tokens.valid(0, HOUR - late) for late in (WITHIN_LEEWAY, BEYOND_LEEWAY)]
            early = [tokens.valid(soon - HOUR, HOUR) for soon in (WITHIN_LEEWAY, BEYOND_LEEWAY)]
            for shift, outcomes in (
                (0, {usual: 200, expiring[0]: 200, expiring[1]: 200, early[0]: 200, early[1]: 200}),
                (HOUR, {usual: 401, expiring[0]: 200, expiring[1]: 401}),
                (0, {usual: 200, expiring[0]: 200, expiring[1]: 200}),
                (-HOUR, {usual: 401, early[0]: 200, early[1]: 401}),
                (0, {usual: 200, early[0]: 200, early[1]: 200}),
            ):
                clock.shift(shift)
                await_that(partial(is_off, service, shift))
                for token, status in outcomes.items():
                    assert asked(service, token) == {status}
                    proof.count(tokens_judged=ASKED)


def asked(service: Serving, token: str) -> set[int]:
    return {get(service, "/tasks", token).status for _ in range(ASKED)}


def get(service: Serving, path: str, token: str = "") -> HTTPResponse:
    """On a connection of its own, so that any worker may get it."""
    with closing(HTTPConnection(*service.address, timeout=60)) as connection:
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        return answer
