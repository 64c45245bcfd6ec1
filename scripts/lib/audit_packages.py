"""Asks PyPI whether anything is known against the pinned packages.

A finding fails. Where nobody could be asked, that is said and nothing more: whoever works without
a way to PyPI could do nothing about it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).parents[2] / "backend" / "requirements"
LONGEST = 300


def findings_of(report: dict[str, Any]) -> tuple[list[str], int, int]:
    """What was found, how many packages were asked about, and how many nobody could tell of."""
    found, asked, untold = [], 0, 0
    for package in report["dependencies"]:
        if "skip_reason" in package:
            untold += 1
            continue
        asked += 1
        for flaw in package["vulns"]:
            fixed = ", ".join(flaw["fix_versions"]) or "no version"
            found.append(f"{package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    return found, asked, untold


def ask(path: Path) -> dict[str, Any] | None:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
    options = ["--progress-spinner=off", "--format=json", f"--requirement={path}"]
    try:
        answer = subprocess.run(
            [*command, *options], capture_output=True, text=True, check=False, timeout=LONGEST
        )
        report: dict[str, Any] = json.loads(answer.stdout)
    except (ValueError, subprocess.TimeoutExpired):
        return None
    return report


def main() -> int:
    status = 0
    for path in sorted(REQUIREMENTS.glob("*.txt")):
        report = ask(path)
        found, asked, untold = ([], 0, 0) if report is None else findings_of(report)
        for line in sorted(set(found)):
            status = 1
            sys.stdout.write(f"{path.name}: {line}\n")
        if asked == 0:
            sys.stdout.write(f"{path.name}: not audited, since PyPI could not be asked\n")
        elif untold:
            sys.stdout.write(f"{path.name}: {untold} packages could not be audited\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
