"""Taskwell beside its peers, on one machine: what a request costs, and what users feel under load.

A whole run writes its figures, a page and plots into benchmarks/results, as `comparison`; one that
leaves something out writes them as `trial`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from comparison import page, plots
from comparison.comparing import Comparison
from comparison.contender import Operation, Unavailable
from comparison.drawing import MIX, WORKS
from comparison.everyone import CONTENDERS
from comparison.forms import RELEASE, SHORT
from comparison.load import allow_many_files, require_wrk
from comparison.machine import describe, keep_to_two_cores, now, versions
from comparison.record import Record, load
from comparison.rounds import Wrong
from comparison.serving import NotServed
from comparison.starting import NeverAnswered

RESULTS = Path(__file__).resolve().parent.parent / "results"
PARTS = ("rounds", "scenes", "starts", "ceiling", "growth")
WORK_NAMES = {operation.name.lower().replace("_", "-"): operation for operation in Operation} | {
    "mix": MIX.name
}


def main() -> int:
    options = _options()
    if options.page:
        _write(load(options.page), options.page.with_suffix(""))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        require_wrk()
        record, path = _run(options)
    except (Unavailable, NotServed, NeverAnswered, Wrong) as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    _write(record, path)
    sys.stdout.write(page.in_terminal(record))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--release", action="store_true", help="the long form")
    parser.add_argument(
        "--only", nargs="+", choices=CONTENDERS, metavar="NAME", help=f"of {', '.join(CONTENDERS)}"
    )
    parser.add_argument(
        "--operations",
        nargs="+",
        choices=WORK_NAMES,
        metavar="NAME",
        help=f"of {', '.join(WORK_NAMES)}",
    )
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, metavar="NAME", help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--into-last",
        action="store_true",
        help="put the parts that are measured into the last whole run, in place of what it has",
    )
    parser.add_argument("--home", type=Path, default=_usual_home(), help="default: %(default)s")
    parser.add_argument("--page", type=Path, metavar="JSON", help="only write its page and plots")
    options = parser.parse_args()
    if options.into_last and (options.only or options.operations or not options.parts):
        parser.error("--into-last takes --parts, and each of them whole")
    return options


def _usual_home() -> Path:
    """Where PostgreSQL's user can pass through, which is another one for root."""
    if os.geteuid() == 0:
        return Path("/var/tmp/taskwell-bench")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "taskwell" / "bench"


def _run(options: argparse.Namespace) -> tuple[Record, Path]:
    home: Path = options.home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    allow_many_files()
    cores = keep_to_two_cores()
    form = RELEASE if options.release else SHORT
    whole = not (options.only or options.operations or options.parts)
    path = RESULTS / ("comparison" if whole or options.into_last else "trial")
    record = Record(form.name, now(), describe())
    if options.into_last:
        record = load(path.with_suffix(".json"))
    makers = {name: CONTENDERS[name] for name in CONTENDERS if name in (options.only or CONTENDERS)}
    names = {WORK_NAMES[name] for name in options.operations or WORK_NAMES}
    works = [work for work in WORKS if work.name in names]
    comparison = Comparison(home, form, len(cores), record, _progress())
    record.versions["machine"] = versions()
    contenders = comparison.prepare(makers)
    steps: dict[str, Callable[[], None]] = {
        "rounds": lambda: comparison.rounds(contenders, works),
        "scenes": lambda: comparison.scenes(contenders),
    }
    if "taskwell" in makers:
        steps["starts"] = comparison.starts
        steps["ceiling"] = comparison.ceiling
        steps["growth"] = comparison.growth
    for part, step in steps.items():
        if part in (options.parts or PARTS):
            if options.into_last:
                record.forget(part)
                record.apart[part] = f"{now()}, the {form.name} form"
            step()
            # What has been measured is kept, whatever becomes of the rest.
            record.save(path.with_suffix(".json"))
    return record, path


def _write(record: Record, path: Path) -> None:
    drawn = plots.draw(record, path.parent, path.name)
    page.write(record, drawn, path.with_suffix(".md"))


def _progress() -> Callable[[str], None]:
    began = time.monotonic()

    def tell(line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        sys.stderr.write(f"{minutes:2}:{seconds:02}  {line}\n")
        sys.stderr.flush()

    return tell


if __name__ == "__main__":
    sys.exit(main())
