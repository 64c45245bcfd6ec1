"""The machine that the figures come from, and what of it the comparison uses."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from math import ceil
from pathlib import Path

CORES = 2


def keep_to_two_cores() -> list[int]:
    """For the runner and all that it starts, so that larger machines have comparable figures."""
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)
    return cores


def describe() -> str:
    kind = "shared " if "hypervisor" in Path("/proc/cpuinfo").read_text() else ""
    kilobytes = re.search(r"MemTotal: *(\d+)", Path("/proc/meminfo").read_text())
    assert kilobytes is not None
    cores = os.cpu_count() or 1
    used = f"{CORES} of {cores}" if cores > CORES else f"{cores}"
    return f"{used} {kind}cores, {ceil(int(kilobytes[1]) / 1024**2)} GiB, Linux"


def versions() -> dict[str, str]:
    told = subprocess.run(["wrk", "-v"], check=False, capture_output=True, text=True).stdout
    wrk = re.search(r"[\d.]+", told)
    kernel = re.match(r"[\d.]+", platform.release())
    return {
        "Linux": kernel[0] if kernel else "",
        "Python": sys.version.split()[0],
        "wrk": wrk[0] if wrk else "",
    }


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
