"""A watch on the memory and the open files of a service, while something is done to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from end_to_end.processes import workers_of
from faults.proof import Proof

EVERY = 0.5
# What the service may take in all, with all of its processes.
MOST_MEGABYTES = 100.0


@contextmanager
def watched(proof: Proof, parent: int, most_megabytes: float = MOST_MEGABYTES) -> Iterator[None]:
    """Fails when the service took more memory than it may; its PostgreSQL does not count."""
    ended = threading.Event()

    def look() -> None:
        while True:
            processes = [parent, *workers_of(parent)]
            proof.most(
                megabytes=sum(map(megabytes_of, processes)), files=sum(map(files_of, processes))
            )
            if ended.wait(EVERY):
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if proof.is_full:
        # Else the service is measured for coverage meanwhile, which takes memory of its own.
        assert proof.greatest("megabytes") < most_megabytes


def megabytes_of(process: int, kind: str = "Pss") -> float:
    """Its proportional share (PSS): a page that three share counts a third for each. With Pss_Anon
    without the pages of files, which others on the machine may share."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0  # It has ended meanwhile.
    kilobytes = next((int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")), 0)
    return kilobytes * 1024 / 1e6


def files_of(process: int) -> int:
    try:
        return len(list(Path(f"/proc/{process}/fd").iterdir()))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
