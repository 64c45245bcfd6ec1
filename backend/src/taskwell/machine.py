"""What there is of the machine for this process: what its container, or its unit of systemd, may
use counts as the machine."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path

# Where Linux says what a group of processes may use, and in which group this one is.
GROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")
# So much time of processors, in each period of so long; the first is "max" where there is no limit.
_QUOTA = re.compile(r"([1-9]\d*) ([1-9]\d*)")


def usable_memory(own: Path = OWN_GROUP, groups: Path = GROUPS) -> int:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    told = _told("memory.max", own, groups)
    return min([machine, *(int(limit) for limit in told if limit.isdecimal())])


def usable_processors(own: Path = OWN_GROUP, groups: Path = GROUPS) -> int:
    """With one and a half of them two processes have something to do."""
    here = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quotas = map(_QUOTA.fullmatch, _told("cpu.max", own, groups))
    return min([here, *(ceil(int(quota[1]) / int(quota[2])) for quota in quotas if quota)])


def _told(name: str, own: Path, groups: Path) -> Iterator[str]:
    """By the group that this process is in, and by all that this one is in."""
    lines = own.read_text().splitlines() if own.is_file() else []
    inside = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    folder = groups / inside
    for group in (folder, *folder.parents):
        if group.is_relative_to(groups) and (group / name).is_file():
            yield (group / name).read_text().strip()
