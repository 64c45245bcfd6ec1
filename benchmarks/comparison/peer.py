"""What the peers on PostgreSQL have in common: the database beside them, and the same API."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from pathlib import Path

from comparison import data
from comparison.contender import Operation, Request, Running, Scale
from comparison.postgres import OwnPostgres
from comparison.serving import Server, free_port
from comparison.tokens import ISSUER, Tokens, peers_issuer

PEERS = Path(__file__).resolve().parent.parent / "peers"
SPARE_CONNECTIONS = 20
JSON = {"content-type": "application/json"}

TASKS = """
    INSERT INTO task (id, user_id, text, completed, "order", created_at, updated_at, completed_at)
    SELECT digest::uuid, user_id, text, completed, "order", created_at,
           coalesce(completed_at, created_at), completed_at
    FROM ({tasks}) AS seeded
"""


class PostgresPeer(ABC):
    name: str
    operations = frozenset({Operation.READ, Operation.PAGE, Operation.CREATE, Operation.TOGGLE})
    # Of the folders below `peers` and `home`.
    folder: str
    connections_of_a_worker: int

    def __init__(self) -> None:
        self._server: Server | None = None
        self._postgres: OwnPostgres | None = None

    @abstractmethod
    def make_tables(self, home: Path, postgres: OwnPostgres) -> None: ...

    @abstractmethod
    def command(self, home: Path, port: int, workers: int) -> list[str]: ...

    def seed(self, home: Path, scale: Scale) -> None:
        folder = data.folder_of(home, self.folder, scale)
        if folder.exists():
            return
        with data.drafted(folder) as draft:
            postgres = OwnPostgres(draft)
            postgres.start()
            try:
                self.make_tables(home, postgres)
                postgres.fill(TASKS.format(tasks=data.seeded_tasks(scale)))
            finally:
                postgres.stop()

    def start(self, home: Path, scale: Scale, workers: int) -> Running:
        connections = workers * self.connections_of_a_worker + SPARE_CONNECTIONS
        postgres = OwnPostgres(data.folder_of(home, self.folder, scale), connections)
        postgres.start()
        self._postgres = postgres
        self._tokens = Tokens(peers_issuer(home / "issuer"))
        port = free_port()
        self._server = Server(
            self.command(home, port, workers),
            folder=PEERS / self.folder,
            log=home / f"{self.folder}.log",
            environment=self.environment(home, postgres)
            | {"PORT": str(port), "WORKERS": str(workers)},
        )
        self._server.wait_until_it_answers(port, "/health")
        return Running(port, (self._server.pid,), (postgres.pid,))

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._postgres is not None:
            self._postgres.stop()
            self._postgres = None

    def catch_up(self) -> None:  # noqa: B027  # for most, nothing is right
        """Nothing that it is asked depends on what was there before."""

    def request(self, operation: Operation, user: int, task: int, serial: int) -> Request:
        headers = self._tokens.header_of(user)
        path = f"/tasks/{data.task_id(user, task)}"
        match operation:
            case Operation.READ:
                return Request("GET", path, headers)
            case Operation.PAGE:
                return Request("GET", f"/tasks?limit={data.PAGE}", headers)
            case Operation.TOGGLE:
                return Request("PATCH", f"{path}/toggle", headers)
            case Operation.CREATE:
                body = json.dumps({"text": data.fresh_text(serial)}).encode()
                return Request("POST", "/tasks", headers | JSON, body)
        raise ValueError(f"{self.name} has nothing for {operation}.")

    def environment(self, home: Path, postgres: OwnPostgres) -> dict[str, str]:
        peers_issuer(home / "issuer")
        ours = ("PYTHON", "NODE", "PG", "DATABASE_URL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return kept | {"ISSUER": ISSUER, "JWKS_FILE": str(home / "issuer" / "jwks.json")}
