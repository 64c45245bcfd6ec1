from __future__ import annotations

from taskwell.cli import app

app()
