"""Memory of whole trees of processes, as the kernel counts it.

What a service and the runner both map, such as Python itself, the kernel's PSS counts in part for
each. So here the pages of files count in full, once: as if the service were alone on the machine.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from comparison.contender import Running
from comparison.processes import PROC, counters_of_all, tree

EVERY = 0.2
# The pages of files change slowly, and take longer to count.
FILES_EVERY = 5.0
KILOBYTE = 1024
MAPPING = re.compile(rb"^[0-9a-f]+-[0-9a-f]+ (\S+) (\S+) \S+ (\d+) *(.*)$")
# Named like files, but memory.
NOT_FILES = (b"/dev/", b"/memfd:", b"/SYSV")


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes, and of them those of files; and what PSS alone would tell."""

    alone: float
    files: float
    pss: float


def memory(running: Running, files: float | None = None) -> Memory:
    """Of the service. What its files take is counted, unless it is known."""
    processes = tree(counters_of_all(), running.service, without=running.database)
    if files is None:
        files = _files(processes)
    kilobytes = {b"Pss:": 0, b"Pss_Anon:": 0, b"Pss_Shmem:": 0}
    for process in processes:
        for line in _lines(process, "smaps_rollup"):
            name, _, value = line.partition(b" ")
            if name in kilobytes:
                kilobytes[name] += int(value.split()[0])
    pss, anonymous, shared = (value * KILOBYTE / 1e6 for value in kilobytes.values())
    return Memory(alone=anonymous + shared + files, files=files, pss=pss)


def _files(processes: Iterable[int]) -> float:
    """Megabytes: of each mapping, what it takes in the process that has most of it."""
    most: dict[tuple[bytes, bytes], int] = {}
    for process in processes:
        mapping, resident = None, 0
        for line in _lines(process, "smaps"):
            if line.startswith(b"Rss:"):
                resident = int(line.split()[1])
            elif line.startswith(b"Anonymous:"):
                if mapping is not None:
                    pages = resident - int(line.split()[1])
                    most[mapping] = max(most.get(mapping, 0), pages)
            elif (found := MAPPING.match(line)) is not None:
                _, offset, inode, path = found.groups()
                is_file = inode != b"0" and not path.startswith(NOT_FILES)
                mapping = (path, offset) if is_file else None
    return sum(most.values()) * KILOBYTE / 1e6


def _lines(process: int, name: str) -> list[bytes]:
    try:
        return (PROC / str(process) / name).read_bytes().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []  # It has ended meanwhile.


class MemoryWatch:
    """Samples until the end of the `with`: seconds since its begin, and megabytes."""

    def __init__(self, running: Running) -> None:
        self.samples: list[tuple[float, float]] = []
        self.most_pss = 0.0
        self._running = running
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        began = files_at = time.monotonic()
        files = None
        is_last = False
        while not is_last:
            is_last = self._ended.wait(EVERY)
            now = time.monotonic()
            if is_last or now - files_at > FILES_EVERY:
                files, files_at = None, now
            found = memory(self._running, files)
            files = found.files
            self.samples.append((round(now - began, 2), round(found.alone, 1)))
            self.most_pss = round(max(self.most_pss, found.pss), 1)
