"""Fastify with node-postgres and @fastify/jwt, in a cluster of processes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from comparison.contender import Unavailable
from comparison.installing import folder_for, node_program
from comparison.peer import PEERS, PostgresPeer
from comparison.postgres import OwnPostgres
from comparison.serving import run

SOURCES = PEERS / "fastify"


class Fastify(PostgresPeer):
    name = "Fastify"
    folder = "fastify"
    connections_of_a_worker = 10

    def install(self, home: Path) -> None:
        if shutil.which("npm") is None:
            raise Unavailable("Fastify needs Node 20 or later: install nodejs and npm.")
        node_program(self._program(home), SOURCES)

    def versions(self, home: Path) -> dict[str, str]:
        wanted = json.loads((SOURCES / "package.json").read_text())["dependencies"]
        return {"Node": run(["node", "--version"], home, os.environ).strip(), **wanted}

    def make_tables(self, home: Path, postgres: OwnPostgres) -> None:
        postgres.query((SOURCES / "schema.sql").read_text())

    def command(self, home: Path, port: int, workers: int) -> list[str]:
        return ["node", str(self._program(home) / "cluster.js")]

    def environment(self, home: Path, postgres: OwnPostgres) -> dict[str, str]:
        return super().environment(home, postgres) | {
            "NODE_ENV": "production",
            "PGHOST": postgres.socket_folder,
            "PGUSER": "taskwell",
            "PGDATABASE": "taskwell",
        }

    def _program(self, home: Path) -> Path:
        return folder_for(home, self.folder, SOURCES.glob("*.js*"))
