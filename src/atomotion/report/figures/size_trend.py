"""Mean and spread of the order of several particles against their size."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import GREEN, ORANGE, PURPLE, SOFT, new_figure, tidy

_KIND_COLOURS = {"ordered": GREEN, "disordered": ORANGE, "changing": PURPLE, "undetermined": SOFT}


def size_trend(
    size: NDArray,
    mean: NDArray,
    mean_error: NDArray,
    spread: NDArray,
    spread_error: NDArray,
    *,
    names: Sequence[str],
    kinds: Sequence[str],
    xlabel: str,
    ylabel: str,
    line: tuple[float, float] | None = None,
) -> Figure:
    """The two panels of Fig. 4B and C of Crozier et al. 2025: mean, and standard deviation, against particle size.

    Parameters
    ----------
    size, mean, mean_error, spread, spread_error : (n,) float
    names, kinds : sequence of str
        Each particle's name and kind of dynamics.
    line : (slope, intercept) or None
        The fitted trend of the mean.
    """
    figure = new_figure(9.5, 3.6)
    panels = figure.subplots(1, 2)
    for axes, values, errors, label in (
        (panels[0], mean, mean_error, f"mean {ylabel}"),
        (panels[1], spread, spread_error, f"SD of {ylabel}"),
    ):
        tidy(axes, xlabel=xlabel, ylabel=label)
        for kind in dict.fromkeys(kinds):
            chosen = np.array([each == kind for each in kinds])
            axes.errorbar(
                size[chosen], values[chosen], yerr=errors[chosen], fmt="o", markersize=5, capsize=2,
                color=_KIND_COLOURS.get(kind, SOFT), label=kind,
            )  # fmt: skip
        if len(names) <= 25:
            for x, y, name in zip(size, values, names):
                if np.isfinite(x) and np.isfinite(y):
                    axes.annotate(name, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7, color=SOFT)
    if line is not None and np.isfinite(size).any():
        x = np.array([np.nanmin(size), np.nanmax(size)])
        panels[0].plot(x, line[0] * x + line[1], color=SOFT, linewidth=1.2, linestyle="--")
    panels[0].legend(frameon=False, fontsize=8)
    return figure
