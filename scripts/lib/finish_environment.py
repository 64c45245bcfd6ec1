"""Gives an environment that was built aside its final name, with Taskwell in it."""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig
from pathlib import Path


def main(draft: Path, final: Path, backend: Path, purpose: str) -> None:
    add_taskwell(draft, final, backend)
    for script in (draft / "bin").iterdir():
        if script.is_file() and not script.is_symlink():
            content = script.read_bytes()
            moved = content.replace(os.fsencode(draft), os.fsencode(final))
            if moved != content:
                script.write_bytes(moved)
    try:
        draft.rename(final)
    except OSError:
        # Another run was quicker, and made the same.
        if not final.is_dir():
            raise
    if purpose == "serve" and final.parent == backend:
        link(backend / ".venv", final.name)


def add_taskwell(draft: Path, final: Path, backend: Path) -> None:
    packages = Path(sysconfig.get_path("purelib"))
    # Relative, so that a checkout with any name can be written in any encoding.
    there = final / packages.relative_to(draft)
    (packages / "taskwell.pth").write_text(os.path.relpath(backend / "src", there) + "\n")
    command = draft / "bin" / "taskwell"
    python = shlex.quote(str(final / "bin" / "python"))
    command.write_text(
        f'#!/bin/sh\nunset PYTHONHOME PYTHONPATH\nexec {python} -P -m taskwell "$@"\n'
    )
    command.chmod(0o755)


def link(name: Path, target: str) -> None:
    """A `.venv` that somebody made for themselves stays as it is."""
    if name.exists() and not name.is_symlink():
        return
    draft = name.with_name(f"{target}.link-{os.getpid()}")
    draft.symlink_to(target)
    draft.replace(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
