"""How often a request goes to PostgreSQL and back, counted on the wire."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import pytest
from httpx2 import Response
from pydantic import SecretStr
from starlette.testclient import TestClient

from api_user import ApiUser
from conftest import make_user
from taskwell.config import Settings
from taskwell.main import create_app


class CountingProxy:
    """Stands between the service and PostgreSQL. A round trip begins whenever the service speaks
    after PostgreSQL has answered, however many messages it sends at once."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._answered = True
        self.round_trips = 0
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._socket_path)
                self._open += [near, far]
                for source, sink, asks in ((near, far, True), (far, near, False)):
                    threading.Thread(
                        target=self._pump, args=(source, sink, asks), daemon=True
                    ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    if asks and self._answered:
                        self.round_trips += 1
                    self._answered = not asks
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for each in (self._listener, *self._open):
            each.close()


@pytest.fixture(scope="module")
def proxy(database_url: str) -> Iterator[CountingProxy]:
    query = dict(parse_qsl(urlsplit(database_url).query))
    found = CountingProxy(f"{query['host']}/.s.PGSQL.{query.get('port', 5432)}")
    yield found
    found.close()


@pytest.fixture(scope="module")
def counted(proxy: CountingProxy, settings: Settings, database_url: str) -> Iterator[TestClient]:
    """The service with a single connection, which goes through the proxy."""
    parts = urlsplit(database_url)
    query = {**dict(parse_qsl(parts.query)), "host": "127.0.0.1", "port": str(proxy.port)}
    url = urlunsplit(parts._replace(query=urlencode(query)))
    direct = {"database_url": SecretStr(url), "prepared_statements": True, "pool_size": 1}
    through = settings.model_copy(update=direct)
    app = create_app(through)
    # Otherwise each write would be followed by word of it to other processes.
    app.state.live.end_all()
    with TestClient(app, base_url="http://taskwell.test") as running:
        yield running


@pytest.fixture
def carol(counted: TestClient, settings: Settings) -> ApiUser:
    return make_user(counted, settings, "carol")


class Case:
    """What a request needs, made anew each time: the second time everything is prepared."""

    def __init__(self, user: ApiUser, spelling: str) -> None:
        self.user = user
        self.path = spelling.replace("{user_id}", user.user_id)

    def task(self, **members: Any) -> str:
        task_id: str = self.user.create(**members)["id"]
        return task_id

    def deleted(self) -> str:
        task_id = self.task()
        self.user.delete(f"/tasks/{task_id}")
        return task_id

    def tag(self, path: str) -> dict[str, str]:
        return {"if-none-match": self.user.get(path).headers["etag"]}


Act = Callable[[], Response]
Prepare = Callable[[Case], Act]


def _request(method: str, rest: str = "", **kwargs: Any) -> Prepare:
    """On a task that is there, or on the list."""

    def prepare(case: Case) -> Act:
        path = case.path + rest.replace("{id}", case.task(completed=True))
        return lambda: case.user.request(method, path, **kwargs)

    return prepare


def _outdated(case: Case) -> Act:
    """A poll that finds something: the look at the account, then the list."""
    seen = case.tag(case.path)
    case.task()
    return lambda: case.user.get(case.path, headers=seen)


def _poll(rest: str) -> Prepare:
    def prepare(case: Case) -> Act:
        path = case.path + rest.replace("{id}", case.task())
        seen = case.tag(path)
        return lambda: case.user.get(path, headers=seen)

    return prepare


def _retry(case: Case) -> Act:
    create = {"id": str(uuid4()), "text": "Sent again"}
    case.user.post(case.path, create)
    return lambda: case.user.post(case.path, create)


def _move(case: Case) -> Act:
    case.task()
    path = f"{case.path}/{case.task()}/move"
    return lambda: case.user.post(path, {"to": "first"})


def _restore(case: Case) -> Act:
    path = f"{case.path}/{case.deleted()}/restore"
    return lambda: case.user.request("POST", path)


def _replay(case: Case) -> Act:
    key = {"idempotency-key": secrets.token_hex(8)}
    case.user.post(case.path, {"text": "Once"}, headers=key)
    return lambda: case.user.post(case.path, {"text": "Once"}, headers=key)


def _keyed(case: Case) -> Act:
    key = {"idempotency-key": secrets.token_hex(8)}
    return lambda: case.user.post(case.path, {"text": "Once"}, headers=key)


def _foreign(case: Case) -> Act:
    return lambda: case.user.get("/api/somebody-else/tasks")


def _anonymous(case: Case) -> Act:
    return lambda: case.user.client.get(case.path)


STALE = {"if-match": '"stale"'}
ABSENT = str(uuid4())

ON_TASKS: dict[str, tuple[int, int, Prepare]] = {
    "list": (1, 200, _request("GET")),
    "list, the first page": (1, 200, _request("GET", "?limit=1&sort=-text")),
    "list, filtered": (1, 200, _request("GET", "?status=completed&q=milk")),
    "list, deleted": (1, 200, _request("GET", "?status=deleted")),
    "list, counted": (1, 200, _request("GET", headers={"prefer": "count=exact"})),
    "list, unchanged": (1, 304, _poll("")),
    "list, changed since": (2, 200, _outdated),
    "read": (1, 200, _request("GET", "/{id}")),
    "read, unchanged": (1, 304, _poll("/{id}")),
    "read, absent": (1, 404, _request("GET", f"/{ABSENT}")),
    "read, no UUID": (0, 404, _request("GET", "/no-uuid")),
    "create": (1, 201, _request("POST", json={"text": "New"})),
    "create, sent again": (2, 200, _retry),
    "create, with a key": (8, 201, _keyed),
    "create, replayed": (4, 201, _replay),
    "create, invalid": (0, 422, _request("POST", json={"text": ""})),
    "replace": (1, 200, _request("PUT", "/{id}", json={"text": "Other"})),
    "update": (1, 200, _request("PATCH", "/{id}", json={"text": "Other"})),
    "update, nothing": (1, 200, _request("PATCH", "/{id}", json={"text": "Buy milk"})),
    "update, stale": (1, 412, _request("PATCH", "/{id}", json={"text": "a"}, headers=STALE)),
    "toggle": (1, 200, _request("PATCH", "/{id}/toggle")),
    "complete": (1, 200, _request("PATCH", "/{id}/complete", json={"completed": False})),
    "delete": (1, 204, _request("DELETE", "/{id}")),
    "delete, absent": (1, 404, _request("DELETE", f"/{ABSENT}")),
    "move": (8, 200, _move),
    "move, no UUID": (0, 404, _request("POST", "/no-uuid/move", json={"to": "first"})),
    "restore": (7, 200, _restore),
    "clear": (4, 200, _request("DELETE", "?status=completed")),
    "clear, without a filter": (0, 400, _request("DELETE")),
    "a foreign path": (0, 404, _foreign),
    "no token": (0, 401, _anonymous),
    "a method that is not there": (0, 405, _request("PUT")),
}


def count(proxy: CountingProxy, prepare: Callable[[], Act]) -> tuple[int, int]:
    """The first time statements are prepared, and beside some requests the service reads its deny
    list: the least of a few times is what the request takes."""
    seen = []
    for _ in range(6):
        act = prepare()
        before = proxy.round_trips
        status = act().status_code
        seen.append((proxy.round_trips - before, status))
    return min(seen)


@pytest.mark.parametrize("spelling", ["/tasks", "/api/{user_id}/tasks"])
@pytest.mark.parametrize(
    ("round_trips", "status", "prepare"), ON_TASKS.values(), ids=ON_TASKS.keys()
)
def test_round_trips(
    round_trips: int,
    status: int,
    prepare: Prepare,
    spelling: str,
    carol: ApiUser,
    proxy: CountingProxy,
) -> None:
    case = Case(carol, spelling)
    assert count(proxy, lambda: prepare(case)) == (round_trips, status)


OTHERS: dict[str, tuple[int, int, str, str, Any]] = {
    "pull": (1, 200, "GET", "/sync", None),
    "export": (1, 200, "GET", "/me/export", None),
    "erase": (4, 204, "DELETE", "/me", None),
    "health": (1, 200, "GET", "/health", None),
    "ready": (1, 200, "GET", "/health/ready", None),
    "alive": (0, 200, "GET", "/health/live", None),
    "a path that is not there": (0, 404, "GET", "/nowhere", None),
    "what a problem means": (0, 200, "GET", "/problems/task-not-found", None),
}


@pytest.mark.parametrize(
    ("round_trips", "status", "method", "path", "json"), OTHERS.values(), ids=OTHERS.keys()
)
def test_round_trips_of_the_rest(
    round_trips: int,
    status: int,
    method: str,
    path: str,
    json: Any,
    carol: ApiUser,
    proxy: CountingProxy,
) -> None:
    def prepare() -> Act:
        carol.create()
        return lambda: carol.request(method, path, json=json)

    assert count(proxy, prepare) == (round_trips, status)


@pytest.mark.parametrize(("round_trips", "is_news"), [(1, False), (2, True)])
def test_round_trips_of_a_poll(
    round_trips: int, is_news: bool, carol: ApiUser, proxy: CountingProxy
) -> None:
    """Mostly there is nothing new, and a look at the account tells."""

    def prepare() -> Act:
        carol.create()
        cursor = carol.get("/sync").json()["cursor"]
        if is_news:
            carol.create()
        return lambda: carol.get("/sync", params={"since": cursor})

    assert count(proxy, prepare) == (round_trips, 200)
