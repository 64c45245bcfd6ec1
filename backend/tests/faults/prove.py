"""All faults in their full number, one after the other, and the table of what came of it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from faults.catalogue import FAULTS, NAMES
from faults.proof import RECORDS, SCALE

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / "benchmarks" / "results" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN = "<!-- the table: made by scripts/prove -->"
END = "<!-- the end of the table -->"

Record = dict[str, Any]


def prove(fault: str, scale: float) -> Record | None:
    """None where no test tries it, or none could."""
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as file:
        status = subprocess.run(
            [sys.executable, "-P", "-m", "pytest", "-q", "-o", "timeout=0", "-p", "no:xdist",
             "-p", "no:cacheprovider", "tests", "--fault", fault],
            cwd=ROOT / "backend",
            env=os.environ | {SCALE: str(scale), RECORDS: file.name},
            check=False,
        ).returncode  # fmt: skip
        records = [json.loads(line) for line in file]
    return added_up(fault, records, scale, is_green=status == 0) if records else None


def added_up(fault: str, records: Iterable[Record], scale: float, *, is_green: bool) -> Record:
    """The records of all tests of one fault as one."""
    total: Record = {"fault": fault, "held": is_green, "scale": scale, "seconds": 0}
    counted: dict[str, int] = {}
    most: dict[str, float] = {}
    for record in records:
        total["day"] = record["day"]
        total["seconds"] += record["seconds"]
        for name, number in record["counted"].items():
            counted[name] = counted.get(name, 0) + number
        for name, number in record["most"].items():
            most[name] = max(most.get(name, number), number)
    return {**total, "counted": counted, "most": most}


def table(kept: dict[str, Record]) -> str:
    lines = [
        "| fault | what must hold | held | how many | the most | when |",
        "|---|---|---|---|---|---|",
    ]
    for fault in FAULTS:
        record = kept.get(fault.name)
        cells = [f"**{fault.name}**: {fault.done}", fault.holds]
        if record is None:
            cells += ["not run yet", "", "", ""]
        else:
            part = "" if record["scale"] == 1 else f", {record['scale']:g} of the full number"
            cells += [
                "yes" if record["held"] else "**no**",
                ", ".join(
                    f"{number:,} {_words(name)}" for name, number in record["counted"].items()
                ),
                ", ".join(f"{_words(name)} {number:g}" for name, number in record["most"].items()),
                f"{record['day']}, {record['seconds']} s{part}",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _words(name: str) -> str:
    return name.replace("_", " ")


def show(kept: dict[str, Record]) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(kept)}\n\n{END}{after}")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/prove", description="Break the service in every way that one machine allows."
    )
    parser.add_argument("faults", nargs="*", help=f"Of {', '.join(sorted(NAMES))}; none: all.")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="The part of the full numbers; default: 1."
    )
    said = parser.parse_args()
    if unknown := set(said.faults) - NAMES:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    kept: dict[str, Record] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    failed = []
    for fault in FAULTS:
        if said.faults and fault.name not in said.faults:
            continue
        record = prove(fault.name, said.scale)
        if record is None or not record["held"]:
            failed.append(fault.name)
        if record is not None:
            # After each, for a run of hours may be stopped.
            kept[fault.name] = record
            KEPT.write_text(json.dumps(kept, indent=2) + "\n")
            show(kept)
    sys.stdout.write(f"Not held: {', '.join(failed)}\n" if failed else "All held.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
