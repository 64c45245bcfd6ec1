"""What peers are made of, fetched by its package manager into folders below `home`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from comparison.data import drafted
from comparison.serving import run


def folder_for(home: Path, name: str, ingredients: Iterable[Path]) -> Path:
    """Another one for other ingredients."""
    digest = sha256()
    for path in sorted(ingredients):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return home / f"{name}-{digest.hexdigest()[:8]}"


def pinned(requirements: Path, *names: str) -> dict[str, str]:
    """The versions that the requirements name."""
    pins = (line.split() for line in requirements.read_text().splitlines() if "==" in line)
    versions = dict(pin[0].split("==") for pin in pins if not pin[0].startswith("#"))
    return {name: versions[name] for name in names}


def python_environment(folder: Path, requirements: Path) -> None:
    """With the hashes that the requirements name. Nothing if it is there already."""
    if folder.exists():
        return
    with drafted(folder) as draft:
        # By its path: the other programs in it begin with the path of the draft.
        python = str(draft / "bin" / "python")
        wanted = ["--no-deps", "--require-hashes", "--requirement", str(requirements)]
        if shutil.which("uv"):
            run(
                ["uv", "venv", "--clear", "--python", sys.executable, str(draft)],
                folder.parent,
                os.environ,
            )
            install = ["uv", "pip", "install", "--compile-bytecode", "--python", python]
        else:
            run([sys.executable, "-m", "venv", str(draft)], folder.parent, os.environ)
            install = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        run([*install, *wanted], folder.parent, os.environ)


def node_program(folder: Path, sources: Path) -> None:
    """With its packages beside it, which is where Node looks for them. Nothing if it is there."""
    if folder.exists():
        return
    with drafted(folder) as draft:
        shutil.copytree(sources, draft, dirs_exist_ok=True)
        run(["npm", "install", "--omit=dev", "--no-audit", "--no-fund"], draft, os.environ)
