"""The parent lets go of the machine code that only its workers run.

Importing the service has mapped it, and so it is counted as memory of the parent, which from then
on sleeps. Its pages can be had from their files again at any time.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-.p \S+ \S+ ([1-9]\d*) ")


def let_go_of_code() -> None:
    """Where the system is Linux, and Python was built with ctypes; else it is kept."""
    try:
        import ctypes  # noqa: PLC0415  # only the parent ever needs it

        mappings = list(_unchanged(Path("/proc/self/smaps").read_text().splitlines()))
    except (ImportError, OSError):
        return
    library = ctypes.CDLL(None)
    for begin, end in mappings:
        library.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


def _unchanged(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Of files, and equal to them: what was changed in memory could not be had again."""
    found = None
    for line in lines:
        if "-" in line.partition(" ")[0]:
            found = _MAPPING.match(line)
        elif found is not None and line.startswith("Anonymous:") and line.split()[1] == "0":
            yield int(found[1], 16), int(found[2], 16)
