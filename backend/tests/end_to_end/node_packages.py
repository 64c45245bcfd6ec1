"""Node, its packages and Chromium, for the tests that need them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

LOWEST_NODE = 20
# Twice that, for a process that waits for another one's attempt, must fit into a test's time.
SECONDS_TO_INSTALL = 120
# By this the example's own start script sees that there is nothing to install.
INSTALLED_FROM = ".installed-from"

REGISTRY_OUT_OF_REACH = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH"
    r"|ERR_SOCKET_TIMEOUT|E40[37]|E50[0-4])\b"
)


def cannot_run(reason: str) -> NoReturn:
    """A developer's machine may lack a tool; the machine that vouches for the project may not."""
    if os.environ.get("TASKWELL_REQUIRE_ALL_TESTS") == "1":
        pytest.fail(f"TASKWELL_REQUIRE_ALL_TESTS=1, but {reason}", pytrace=False)
    pytest.skip(reason)


@cache
def find_node() -> str | None:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    version = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    return node if int(version.removeprefix("v").split(".")[0]) >= LOWEST_NODE else None


def node() -> str:
    return find_node() or cannot_run(f"Node {LOWEST_NODE} or later with npm is not installed")


def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = (path for name in names if (path := shutil.which(name)))
    return next(found, None) or cannot_run("Chromium is not installed")


def staged(source: Path, into: Path) -> Path:
    """A copy with the packages of its lock file beside it; the checkout itself stays as it is."""
    packages = _installed(source)
    copy = into / source.name
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(packages, target_is_directory=True)
    return copy


def _installed(folder: Path) -> Path:
    """Kept outside of every checkout, one for each content of the lock file."""
    node()
    files = [folder / name for name in ("package.json", "package-lock.json", ".npmrc")]
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:24]
    home = _cache_folder()
    home.mkdir(parents=True, exist_ok=True)
    place = home / digest
    with _only_one(home / f"{digest}.lock"):
        if not (place / "node_modules" / INSTALLED_FROM).exists():
            _install(files, place)
    return place / "node_modules"


def _cache_folder() -> Path:
    share = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(share).expanduser() / "taskwell" / "node-packages"


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Of several test processes one installs and the others wait; the system frees a dead one's."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(files: list[Path], place: Path) -> None:
    """Made aside and renamed, so that an interrupted run leaves nothing half made."""
    aside = place.with_suffix(".part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for file in files:
        shutil.copy(file, aside)
    try:
        done = subprocess.run(
            ["npm", "ci", "--prefer-offline", "--fetch-retries=1"],
            cwd=aside,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_TO_INSTALL,
        )
    except subprocess.TimeoutExpired:
        cannot_run(f"npm ci did not end within {SECONDS_TO_INSTALL} s")
    if done.returncode != 0:
        code = REGISTRY_OUT_OF_REACH.search(done.stderr)
        if code is not None:
            cannot_run(f"npm can't get the packages of {files[0]} ({code[0]})")
        pytest.fail(f"npm ci failed in {files[0].parent}:\n{done.stderr}", pytrace=False)
    shutil.copy(aside / "package-lock.json", aside / "node_modules" / INSTALLED_FROM)
    shutil.rmtree(place, ignore_errors=True)
    aside.rename(place)
