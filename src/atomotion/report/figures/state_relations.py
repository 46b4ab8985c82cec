"""Two measures of the states against each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, INK, SOFT, new_figure, tidy


@dataclass(frozen=True, slots=True)
class Scatter:
    """Two measures (states,), their labels, a text, and a line (x, y) where there is one."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    xlabel: str
    ylabel: str
    text: str = ""
    line: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


def state_relations(scatters: Sequence[Scatter]) -> Figure:
    """One panel per relation; points carry the numbers of their states."""
    figure = new_figure(4.4 * len(scatters), 3.4)
    for panel, each in zip(figure.subplots(1, len(scatters), squeeze=False)[0], scatters):
        tidy(panel, xlabel=each.xlabel, ylabel=each.ylabel)
        if each.line is not None:
            panel.plot(*each.line, color=INK, linewidth=1.2)
        panel.plot(each.x, each.y, color=BLUE, marker="o", markersize=5, linewidth=0)
        for number, (x, y) in enumerate(zip(each.x, each.y), start=1):
            if np.isfinite(x) and np.isfinite(y):
                panel.annotate(str(number), (x, y), xytext=(4, 4), textcoords="offset points", fontsize=7.5, color=SOFT)
        panel.margins(0.12)
        panel.set_title(each.text, fontsize=9, color=INK, loc="right")
    return figure
