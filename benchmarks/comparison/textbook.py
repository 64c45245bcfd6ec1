"""The textbook: FastAPI, SQLModel's Session and PyJWT, put together as the tutorials do it."""

from __future__ import annotations

import platform
from pathlib import Path

from comparison.installing import folder_for, pinned, python_environment
from comparison.peer import PEERS, PostgresPeer
from comparison.postgres import OwnPostgres
from comparison.serving import run

REQUIREMENTS = PEERS / "textbook" / "requirements.txt"
MAKE_TABLES = """
from database import engine
from models import SQLModel
SQLModel.metadata.create_all(engine)
"""


class Textbook(PostgresPeer):
    name = "textbook FastAPI"
    folder = "textbook"
    # As many as FastAPI has threads for sync endpoints.
    connections_of_a_worker = 40

    def install(self, home: Path) -> None:
        python_environment(self._environment_of(home), REQUIREMENTS)

    def versions(self, home: Path) -> dict[str, str]:
        packages = ("fastapi", "uvicorn", "sqlmodel", "sqlalchemy", "psycopg", "pyjwt")
        return {"Python": platform.python_version(), **pinned(REQUIREMENTS, *packages)}

    def make_tables(self, home: Path, postgres: OwnPostgres) -> None:
        command = [self._python(home), "-c", MAKE_TABLES]
        run(command, PEERS / self.folder, self.environment(home, postgres))

    def command(self, home: Path, port: int, workers: int) -> list[str]:
        command = [self._python(home), "-m", "uvicorn", "main:app", "--host", "127.0.0.1"]
        return [*command, "--port", str(port), "--workers", str(workers)]

    def environment(self, home: Path, postgres: OwnPostgres) -> dict[str, str]:
        return super().environment(home, postgres) | {
            "DATABASE_URL": postgres.url.replace("postgresql://", "postgresql+psycopg://"),
            # Nothing is written beside the sources.
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _python(self, home: Path) -> str:
        return str(self._environment_of(home) / "bin" / "python")

    def _environment_of(self, home: Path) -> Path:
        return folder_for(home, self.folder, [REQUIREMENTS])
