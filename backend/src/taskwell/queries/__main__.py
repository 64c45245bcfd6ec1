"""Writes what is written here down as the service runs it."""

from __future__ import annotations

from pathlib import Path

from taskwell.queries.everything import statements
from taskwell.statements import compiled

if __name__ == "__main__":
    Path(str(compiled.FILE)).write_text(compiled.as_text(list(statements())))
