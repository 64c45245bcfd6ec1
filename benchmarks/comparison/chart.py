"""How the plots look: colours, labels at the ends of lines, titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, log10
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from comparison import bars, figures

# Okabe and Ito's.
COLOURS = {
    figures.SUBJECT: "#0072B2",
    bars.POCKETBASE: "#E69F00",
    bars.TEXTBOOK: "#D55E00",
    bars.FASTIFY: "#009E73",
}
# Darker, where a text would be hard to read.
LABELS = COLOURS | {bars.POCKETBASE: "#a87400"}
INK, FAINT, FAINTER = "#222222", "#777777", "#dddddd"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "taskwell",
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans", "sans-serif"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "figure.facecolor": "white",
}
# Between labels, as a share of the height.
APART = 0.075


def nines(percent: float) -> float:
    """Where a percentile stands: 90, 99 and 99.9 are equally far apart."""
    return -log10(1 - percent / 100)


def bar_line(axis: Axes, reach: Sequence[float], value: float, label: str) -> None:
    axis.plot(reach, [value, value], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axis.annotate(
        label, (reach[0], value), xytext=(2, 3), textcoords="offset points", fontsize=9, color=INK
    )


def label_ends(axes: Sequence[Axes], ends: Sequence[Mapping[str, float]]) -> None:
    """To the right of each line, pushed apart where they would cover each other."""
    for axis, values in zip(axes, ends, strict=True):
        to_share = axis.transScale + axis.transLimits
        lowest = -1.0
        for contender, value in sorted(values.items(), key=lambda end: end[1]):
            share = min(1.0, to_share.transform((1, value))[1])
            lowest = max(share, lowest + APART)
            axis.text(
                1.02,
                lowest,
                contender if value < inf else f"{contender}: no answers",
                transform=axis.transAxes,
                color=LABELS[contender],
                va="center",
                weight="bold" if contender == figures.SUBJECT else "normal",
            )


def entitle(drawing: Drawing, title: str, subtitle: str) -> None:
    drawing.canvas.draw()
    edges = drawing.get_tightbbox()
    width, height = drawing.get_size_inches()
    left, top = edges.x0 / width, edges.y1 / height
    drawing.text(left, top + 0.44 / height, title, fontsize=13, weight="bold", va="bottom")
    drawing.text(left, top + 0.18 / height, subtitle, color=FAINT, va="bottom")
