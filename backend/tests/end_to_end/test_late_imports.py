from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from end_to_end.service import service_environment

PROGRAM = Path(__file__).with_name("late_imports.py")


def test_a_worker_imports_nothing_by_itself(tmp_path: Path) -> None:
    environment = service_environment() | {
        "DATABASE_URL": "postgresql://localhost/nowhere",
        "TASKWELL_DATA": str(tmp_path),
    }
    told = subprocess.run(
        [sys.executable, PROGRAM, tmp_path / "socket"],
        env=environment,
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    assert json.loads(told.stdout) == []
