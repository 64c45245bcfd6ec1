"""A service and a schema of different versions, and a migration under the feet of a service."""

from __future__ import annotations

import json
import secrets
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx2
import pytest
from pydantic import SecretStr

from api_user import ApiUser
from end_to_end.processes import workers_of
from end_to_end.serving import Serving, data_folder, database_url, run, serving
from expectations import expect_problem, expect_task
from faults.later_versions import LaterVersions
from faults.proof import Proof
from running import running
from second_connection import SecondConnection
from taskwell.auth.gate import development_issuer
from taskwell.config import Settings
from taskwell.database.cluster import SUPERUSER
from taskwell.migrations import runner
from taskwell.migrations.head import HEAD

EXPAND = (
    "ALTER TABLE task ADD COLUMN later text NOT NULL DEFAULT ''",
    "CREATE TABLE later (id int)",
)
# What takes something away says from which version on that does no harm.
CONTRACT = "UPDATE compatibility SET oldest = '{revision}'"


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LaterVersions:
    return LaterVersions(tmp_path, monkeypatch)


@pytest.fixture
def own_database(database_url: str) -> Iterator[str]:
    """One whose schema nobody else depends on."""
    name = f"versions_{secrets.token_hex(8)}"
    parts = urlsplit(database_url)
    everywhere = urlunsplit(parts._replace(netloc=f"{SUPERUSER}@", path="/postgres"))
    with SecondConnection(everywhere) as database:
        database.run(f"CREATE DATABASE {name} OWNER {parts.username}")
        yield urlunsplit(parts._replace(path=f"/{name}"))
        database.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_service_serves_a_schema_that_is_newer_until_it_may_not(
    own_database: str, settings: Settings, later: LaterVersions
) -> None:
    runner.upgrade(own_database)
    with running(settings, database_url=SecretStr(own_database)) as client:
        user = ApiUser(client, "ada", development_issuer(settings).token("ada"))
        path = f"/tasks/{user.create()['id']}"
        later.add(*EXPAND)
        assert later.migrate(own_database)[-1] == f"{later.head} step {later.head}"
        assert client.get("/health/ready").status_code == 200
        expect_task(user.get(path))
        expect_task(user.patch(f"{path}/toggle"))
        expect_task(user.put(path, {"text": "a"}))
        user.create()
        assert len(user.get("/tasks").json()) == 2
        assert user.delete(path).status_code == 204

        revision = f"{int(later.head) + 1:04}"
        later.add(CONTRACT.format(revision=revision))
        later.migrate(own_database)
        for place in ("/health", "/health/ready"):
            expect_problem(client.get(place), 503, "not-ready", "database", "version")
        assert client.get("/health/live").status_code == 200


def test_the_reason_is_in_the_log_and_on_the_terminal(
    own_database: str, later: LaterVersions
) -> None:
    runner.upgrade(own_database)
    later.add(*EXPAND)
    later.migrate(own_database)
    with data_folder() as folder:
        place = {"DATABASE_URL": own_database}
        assert "The schema is newer" in run("migrate", "--check", folder=folder, **place).stdout
        assert "Nothing to do" in run("migrate", folder=folder, **place).stdout
        with serving(folder, **place) as service:
            assert service.http.get("/health/ready").status_code == 200
        later.add(CONTRACT.format(revision=f"{int(later.head) + 1:04}"))
        later.migrate(own_database)
        # Whoever starts a service that is too old finds that it ends.
        refused = run("serve", folder=folder, **place)
        assert refused.returncode == 1
        *_, line, sentence = refused.stderr.splitlines()
        assert sentence == "The service could not start: the log above tells why."
        assert json.loads(line)["message"] == "the service must not go on"
        reason = json.loads(line)["reason"]
        assert reason == (
            f"The database's schema is at {later.head}, which may be served from {later.head} on, "
            f"and this version knows it up to {HEAD} only: run a newer version of Taskwell."
        )
        for words in (("migrate",), ("migrate", "--check")):
            also = run(*words, folder=folder, **place)
            assert (also.returncode, also.stderr) == (1, reason + "\n")


def test_a_private_database_of_a_later_version(later: LaterVersions) -> None:
    """Who goes back to an older version may, as long as the schema says so."""
    with data_folder() as folder:
        with serving(folder) as service:
            assert service.http.post("/tasks", json={"text": "a"}).status_code == 201
            later.add(*EXPAND)
            later.migrate(database_url(folder))
        with serving(folder) as service:
            assert service.http.post("/tasks", json={"text": "b"}).status_code == 201
            later.add(CONTRACT.format(revision=f"{int(later.head) + 1:04}"))
            later.migrate(database_url(folder))
        refused = run("serve", folder=folder, TASKWELL_DATA=str(folder))
        assert refused.returncode == 1
        assert "run a newer version of Taskwell" in refused.stderr
        assert "could not be brought up to date: the log above tells why." in refused.stderr


@pytest.mark.parametrize("is_private", [True, False])
def test_a_reload_into_a_version_that_is_too_old_is_refused(
    own_database: str, later: LaterVersions, is_private: bool
) -> None:
    runner.upgrade(own_database)
    place = {} if is_private else {"DATABASE_URL": own_database}
    with data_folder() as folder, serving(folder, **place) as service:
        workers = workers_of(service.pid)
        later.add(CONTRACT.format(revision=f"{int(later.head) + 1:04}"))
        later.migrate(database_url(folder) if is_private else own_database)
        service.program.process.send_signal(signal.SIGHUP)
        said = service.program.wait_for("not reloaded: all goes on as before.*")[0]
        assert "run a newer version of Taskwell" in said
        assert workers_of(service.pid) == workers


class Clients:
    """Read and write without a pause, and remember every answer that was not as it should be."""

    def __init__(self, service: Serving) -> None:
        self._service = service
        self._end = threading.Event()
        self.wrong: list[str] = []
        self.answered = [0, 0, 0, 0]
        self._threads = [
            threading.Thread(target=self._ask, args=(number,))
            for number in range(len(self.answered))
        ]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def await_more(self) -> None:
        wanted = [number + 10 for number in self.answered]
        while any(number < least for number, least in zip(self.answered, wanted, strict=True)):
            assert all(thread.is_alive() for thread in self._threads), self.wrong
            self._end.wait(0.01)

    def _ask(self, number: int) -> None:
        url, headers = self._service.url, self._service.http.headers
        with httpx2.Client(base_url=url, headers=headers, timeout=60) as http:
            path = http.post("/tasks", json={"text": "a"}).headers["location"]
            while not self._end.is_set() and not self.wrong:
                for answer in (
                    http.get(path),
                    http.patch(f"{path}/toggle"),
                    http.get("/tasks", params={"limit": 5}),
                    http.post("/sync", json={"operations": []}),
                ):
                    if answer.status_code != 200:
                        self.wrong.append(
                            f"{answer.request.url} {answer.status_code} {answer.text}"
                        )
                self.answered[number] += 1


@pytest.mark.fault("migrate-while-serving")
def test_migrations_while_serving_are_not_noticed(later: LaterVersions, proof: Proof) -> None:
    steps = proof.times(6, full=20)
    with data_folder() as folder, serving(folder, TASKWELL_RATE_LIMIT="0") as service:
        url = database_url(folder)
        with Clients(service) as clients:
            for step in range(steps):
                name = f"later_{step // 2}"
                change = "ADD COLUMN {} text DEFAULT 'x'" if step % 2 == 0 else "DROP COLUMN {}"
                later.add(f"ALTER TABLE task {change.format(name)}")
                clients.await_more()
                assert len(later.migrate(url)) == 1
                clients.await_more()
            assert clients.wrong == []
            proof.count(migrations=steps, answers_without_an_error=4 * sum(clients.answered))
        assert service.http.get("/health/ready").status_code == 200
