"""How well every image fits the atoms of its window, and which atoms it would rather have."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, GREEN, INK, ORANGE, SOFT, new_figure, tidy

_SMOOTH = 11
_FEWEST = 3


def evidence_of_windows(
    time: NDArray[np.floating],
    *,
    label: str,
    correlation: NDArray[np.floating],
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    edges: Sequence[float],
    old_edges: Sequence[float],
) -> Figure:
    """Against time: the correlation with reprojected atoms, and what the atoms of the neighbouring windows would gain.

    Parameters
    ----------
    time : (n,) float
        Of every image, in the unit of `label`.
    correlation : (n,) float
    before, after : (n,) float [nats]
        Log-likelihood with the atoms of the window before and after, less that with the own; NaN where there is none.
    edges, old_edges : sequence of float
        Boundaries as they are, and as they were, on the axis of time.
    """
    figure = new_figure(10.0, 4.6)
    above, below = figure.subplots(2, 1, sharex=True)
    tidy(above, ylabel="reprojection correlation")
    above.plot(time, correlation, ".", color=BLUE, markersize=2.5, alpha=0.5)
    above.plot(time, _smooth(correlation), color=INK, linewidth=1.1)
    above.set_ylim(bottom=min(0.0, float(np.nanmin(correlation, initial=0.0))))
    tidy(below, xlabel=label, ylabel="log-likelihood over own (nats)")
    for values, colour, name in ((before, GREEN, "atoms of the window before"), (after, ORANGE, "of the one after")):
        if np.isfinite(values).any():
            below.plot(time, values, ".", color=colour, markersize=2.5, alpha=0.5)
            below.plot(time, _smooth(values), color=colour, linewidth=1.1, label=name)
    below.axhline(0.0, color=SOFT, linewidth=0.8)
    for panel in (above, below):
        for edge in old_edges:
            panel.axvline(edge, color=SOFT, linewidth=1.0, linestyle=":")
        for edge in edges:
            panel.axvline(edge, color=INK, linewidth=1.0)
    if below.get_legend_handles_labels()[0]:
        below.legend(frameon=False, fontsize=8, labelcolor=INK)
    return figure


def rotation_over_time(
    time: NDArray[np.floating],
    steps: NDArray[np.floating],
    *,
    label: str,
    middles: NDArray[np.floating],
    diffusion: NDArray[np.floating],
    low: NDArray[np.floating],
    high: NDArray[np.floating],
    unit: str = "rad²/s",
) -> Figure:
    """The turn from image to image, and the rotational diffusion coefficient with its interval, against time."""
    figure = new_figure(10.0, 4.2)
    above, below = figure.subplots(2, 1, sharex=True)
    tidy(above, ylabel="turn per image (°)")
    above.plot(time, steps, ".", color=BLUE, markersize=2.5, alpha=0.6)
    above.set_ylim(bottom=0.0)
    tidy(below, xlabel=label, ylabel=f"rotational diffusion ({unit})")
    below.fill_between(middles, low, high, color=ORANGE, alpha=0.25, linewidth=0)
    below.plot(middles, diffusion, color=ORANGE, linewidth=1.3)
    below.set_ylim(bottom=0.0)
    return figure


def _smooth(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Means over eleven images, gaps left out."""
    known = np.isfinite(values)
    kernel = np.ones(min(_SMOOTH, len(values)))
    count = np.convolve(known, kernel, "same")
    total = np.convolve(np.where(known, values, 0.0), kernel, "same")
    return np.where((count >= _FEWEST) & known, total / np.maximum(count, 1.0), np.nan)
