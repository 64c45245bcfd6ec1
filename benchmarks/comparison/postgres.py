"""A PostgreSQL as Taskwell's own: of the same binaries, with the same settings, and with the same
unprivileged account where the runner is root. Each contender has a cluster for itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from taskwell.database.binaries import ENVIRONMENT, account_for, find_binaries
from taskwell.database.cluster import CLUSTER, socket_folder_of
from taskwell.database.embedded import NAME, EmbeddedPostgres
from taskwell.database.folder import DataFolder

# What takes an index of the table away, and what makes it again, exactly as it was.
INDEXES = """
    SELECT CASE WHEN conname IS NULL THEN format('DROP INDEX %s', index)
                ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', heap, conname) END,
           definition || CASE contype
               WHEN 'p' THEN format('; ALTER TABLE %s ADD PRIMARY KEY USING INDEX %s', heap, index)
               WHEN 'u' THEN format('; ALTER TABLE %s ADD UNIQUE USING INDEX %s', heap, index)
               ELSE '' END
    FROM (
        SELECT indexrelid::regclass AS index, indrelid::regclass AS heap, conname, contype,
               pg_get_indexdef(indexrelid) AS definition
        FROM pg_index LEFT JOIN pg_constraint ON conindid = indexrelid
        WHERE indrelid = 'task'::regclass
    ) AS found
"""


class OwnPostgres:
    def __init__(self, folder: Path, max_connections: int = 100) -> None:
        self._folder = DataFolder(folder)
        self._account = account_for(self._folder.path / CLUSTER)
        self._postgres = EmbeddedPostgres(self._folder, max_connections)
        self.socket_folder = os.fspath(socket_folder_of(self._folder, self._account))

    @property
    def url(self) -> str:
        return self._postgres.url

    @property
    def pid(self) -> int:
        assert self._postgres.pid is not None
        return self._postgres.pid

    def start(self) -> None:
        self._folder.lock()
        try:
            self._postgres.start()
        except BaseException:
            self._folder.unlock()
            raise

    def stop(self) -> None:
        self._postgres.stop()
        self._folder.unlock()

    def program(self, name: str) -> str:
        return find_binaries(self._folder, self._account, None).program(name)

    def query(self, statement: str, url: str | None = None) -> str:
        """What psql prints for it: a line for each row, with bars between columns."""
        command = [self.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url or self.url]
        return subprocess.run(
            [*command, "-c", statement],
            env=ENVIRONMENT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def read_all(self) -> None:
        """Into its memory, where hours of requests would have brought it."""
        superuser = self._postgres.url_of("postgres", NAME)
        self.query("CREATE EXTENSION IF NOT EXISTS pg_prewarm", superuser)
        self.query(
            "SELECT pg_prewarm(oid) FROM pg_class"
            " WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace",
            superuser,
        )

    def fill(self, insert: str) -> None:
        """Into the table of tasks. Its indexes are made afterwards, which is many times quicker."""
        pairs = [line.split("|") for line in self.query(INDEXES).splitlines()]
        steps = [drop for drop, _ in pairs] + [insert] + [make for _, make in pairs]
        self.query("; ".join(["SET LOCAL maintenance_work_mem = '512MB'", *steps]))
        # As autovacuum would have left it, so that it does not begin while somebody measures.
        superuser = self._postgres.url_of("postgres", NAME)
        for statement in ("VACUUM (FREEZE, ANALYZE)", "CHECKPOINT"):
            self.query(statement, superuser)
