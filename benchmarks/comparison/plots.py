"""The plots of the page: SVG files, labelled directly, in colours that everybody can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import NullFormatter

from comparison import bars, figures
from comparison.chart import COLOURS, FAINTER, INK, STYLE, bar_line, entitle, label_ends, nines
from comparison.contender import Operation
from comparison.drawing import MIX, WORKS
from comparison.record import Record
from comparison.scenarios import Scene
from comparison.table import NOTHING, TIMES

BESIDE = (Operation.READ, Operation.PAGE, Operation.CREATE, Operation.TOGGLE, MIX.name)
SCENES = (bars.PACED, bars.CLOSED)


def draw(record: Record, folder: Path, stem: str) -> dict[str, Path]:
    """Those for which there are figures, by what they show."""
    kinds: Mapping[str, Callable[[Record], Drawing | None]] = {
        "requests": _requests,
        "latency": _latency,
        "memory": _memory,
        "growth": _growth,
    }
    written = {}
    with mpl.rc_context(STYLE):
        for kind, plot in kinds.items():
            path = folder / f"{stem}-{kind}.svg"
            drawing = plot(record)
            if drawing is None:
                path.unlink(missing_ok=True)
            else:
                drawing.savefig(path, metadata={"Date": None}, bbox_inches="tight", pad_inches=0.15)
                plt.close(drawing)
                written[kind] = path
    return written


def _requests(record: Record) -> Drawing | None:
    contenders = [name for name in COLOURS if any(run.contender == name for run in record.rounds)]
    works = [work for work in BESIDE if any(run.work == work for run in record.rounds)]
    if not works:
        return None
    drawing, axes = plt.subplots(
        1, len(works), figsize=(2.1 * len(works) + 0.8, 0.42 * len(contenders) + 1.1), squeeze=False
    )
    for axis, work in zip(axes[0], works, strict=True):
        costs = [figures.cost(record, name, work) for name in contenders]
        rates = [0.0 if cost is None else cost.per_cpu_second for cost in costs]
        places = range(len(contenders))
        axis.barh(places, rates, color=[COLOURS[name] for name in contenders], height=0.66)
        for place, rate, name in zip(places, rates, contenders, strict=True):
            shown = f"{rate:,.0f}" if rate else NOTHING
            weight = "bold" if name == figures.SUBJECT else "normal"
            axis.text(rate + max(rates) * 0.03, place, shown, va="center", weight=weight)
        axis.set(title=work, xlim=(0, max(rates) * 1.35), xticks=[])
        axis.set_yticks(places, contenders if axis is axes[0][0] else [""] * len(contenders))
        axis.tick_params(length=0, labelcolor=INK)
        axis.invert_yaxis()
        axis.spines[["left", "bottom"]].set_visible(False)
    entitle(
        drawing,
        "Requests for one second of CPU time",
        "service and database together; longer is better",
    )
    return drawing


def _latency(record: Record) -> Drawing | None:
    drawing, axes = _pair(record)
    if drawing is None:
        return None
    ends: list[dict[str, float]] = []
    for axis, name in zip(axes, SCENES, strict=True):
        axis.set_yscale("log")
        ends.append({})
        for contender, found in _by_contender(record, name).items():
            shown = [(nth, ms) for nth, ms in _median_quantiles(found) if 50 <= nth < 100]
            latencies = [ms for _, ms in shown]
            axis.plot(
                [nines(nth) for nth, _ in shown], latencies, color=COLOURS[contender], linewidth=2
            )
            ends[-1][contender] = latencies[-1] if latencies else inf
        bar_line(
            axis,
            [nines(90), nines(97.5)],
            bars.P95_LIMITS[name],
            f"bar: {bars.P95_LIMITS[name]:g} ms",
        )
        ticks = (50, 90, 95, 99, 99.9)
        axis.set_xticks([nines(tick) for tick in ticks], [f"{tick:g}" for tick in ticks])
        axis.set(title=name, xlabel="percentile of the requests")
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
    label_ends(axes, ends)
    axes[0].set_ylabel("milliseconds")
    entitle(drawing, "Latency under load", "the mix: 90 % reads, 10 % writes; lower is better")
    return drawing


def _memory(record: Record) -> Drawing | None:
    drawing, axes = _pair(record)
    if drawing is None:
        return None
    most, ends = bars.MEMORY_LIMIT, list[dict[str, float]]()
    for axis, name in zip(axes, SCENES, strict=True):
        last = 0.0
        ends.append({})
        for contender, (first, *_) in _by_contender(record, name).items():
            times, megabytes = zip(*first.memory, strict=True)
            axis.plot(times, megabytes, color=COLOURS[contender], linewidth=2)
            ends[-1][contender] = megabytes[-1]
            last, most = max(last, times[-1]), max(most, *megabytes)
        axis.set_xlim(0, last)
        bar_line(axis, [0, last], bars.MEMORY_LIMIT, f"bar: {bars.MEMORY_LIMIT:g} MB")
        axis.set(title=name, xlabel="seconds")
    axes[0].set_ylim(0, most * 1.1)
    label_ends(axes, ends)
    axes[0].set_ylabel("megabytes")
    entitle(
        drawing,
        "Memory of the service over time",
        "all its processes together, without the database; PocketBase's is part of it",
    )
    return drawing


def _growth(record: Record) -> Drawing | None:
    works = [work.name for work in WORKS if figures.growth(record, work.name) is not None]
    if not works:
        return None
    drawing, axis = plt.subplots(figsize=(8, 0.42 * len(works) + 1))
    colour, most = COLOURS[figures.SUBJECT], 0.0
    for place, work in enumerate(works):
        few, many = (
            median(run.total_us for run in runs) for runs in figures.growth_runs(record, work)
        )
        axis.plot([few, many], [place, place], color=FAINTER, linewidth=4, zorder=1)
        axis.scatter([few], [place], s=60, facecolor="white", edgecolor=colour, zorder=2)
        axis.scatter([many], [place], s=60, color=colour, zorder=3)
        ratio = figures.growth(record, work)
        assert ratio is not None
        axis.text(max(few, many) * 1.06, place, f"{TIMES}{ratio.value:.2f}", va="center")
        most = max(most, few, many)
    axis.set_xscale("log")
    axis.set_xlim(right=most * 1.4)
    axis.set_yticks(range(len(works)), works)
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0, labelcolor=INK)
    axis.spines["left"].set_visible(False)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:g}"[0] in "25" else "")
    axis.set_xlabel("microseconds of CPU time a request, service and database")
    entitle(
        drawing,
        "Cost as data grows",
        f"hollow: {figures.FEW_TASKS}, full: {figures.MANY_TASKS}, of 10,000 users",
    )
    return drawing


def _pair(record: Record) -> tuple[Drawing | None, Sequence[Axes]]:
    if not all(_by_contender(record, name) for name in SCENES):
        return None, []
    drawing, axes = plt.subplots(1, 2, figsize=(11, 3.6), sharey=True)
    drawing.subplots_adjust(wspace=0.5)
    for axis in axes:
        axis.tick_params(labelleft=True)
    return drawing, list(axes)


def _by_contender(record: Record, name: str) -> dict[str, list[Scene]]:
    found = {contender: figures.scenes(record, name, contender) for contender in COLOURS}
    return {contender: those for contender, those in found.items() if those}


def _median_quantiles(found: Sequence[Scene]) -> list[tuple[float, float]]:
    percents = [percent for percent, _ in found[0].quantiles["all"]]
    return [(each, median(one.percentile("all", each) for one in found)) for each in percents]
