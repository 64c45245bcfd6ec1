"""Versions of the schema that are still to come, one after the other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from taskwell.migrations import runner
from taskwell.migrations.head import HEAD

SCRIPT = """\
'step {revision}'
revision = "{revision}"
down_revision = "{before}"

from alembic import op

def upgrade():
    for statement in {statements!r}:
        op.execute(statement)
"""


class LaterVersions:
    """What `taskwell migrate` of a later version finds in its package."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._scripts = folder / "migrations"
        self._monkeypatch = monkeypatch
        self.head = HEAD
        leave_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(runner._SCRIPTS, self._scripts, ignore=leave_out)

    def add(self, *statements: str) -> str:
        revision = f"{int(self.head) + 1:04}"
        script = SCRIPT.format(revision=revision, before=self.head, statements=statements)
        (self._scripts / "versions" / f"{revision}.py").write_text(script)
        self.head = revision
        return revision

    def migrate(self, url: str) -> list[str]:
        with self._monkeypatch.context() as patched:
            patched.setattr(runner, "_SCRIPTS", self._scripts)
            patched.setattr(runner, "HEAD", self.head)
            return runner.upgrade(url)
