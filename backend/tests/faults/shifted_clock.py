"""A wall clock that is off, for whatever is started with it: libfaketime tells another time of day,
and leaves alone the clock that only ever goes forward.

Python's own `time.sleep` fails under it: not for a service that has no PostgreSQL to look after.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path

from end_to_end.node_packages import cannot_run

LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"
FILE = "clock"


class ShiftedClock:
    def __init__(self, library: str, folder: Path) -> None:
        self._folder = folder
        self.environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(folder / FILE),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }
        self.shift(0)

    def shift(self, seconds: int) -> None:
        """From now on; nobody ever reads half of it."""
        draft = self._folder / f"{FILE}.next"
        draft.write_text(f"{seconds:+d}\n")
        draft.chmod(0o644)
        os.replace(draft, self._folder / FILE)


@contextmanager
def shifted_clock() -> Iterator[ShiftedClock]:
    found = glob(LIBRARY)
    if not found:
        cannot_run("libfaketime is not installed")
    folder = Path(tempfile.mkdtemp(prefix="taskwell-test-"))
    try:
        # PostgreSQL's account reads it, too.
        folder.chmod(0o755)
        yield ShiftedClock(found[0], folder)
    finally:
        shutil.rmtree(folder)
