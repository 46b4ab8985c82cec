"""One particle's track: where it went, how clearly it is seen, and how far it wanders."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, GREEN, ORANGE, SOFT, new_figure, tidy, time_axis


def particle_track(
    centres: NDArray,
    own: NDArray,
    score: NDArray,
    seen: NDArray,
    *,
    frame_index: NDArray,
    times: NDArray | None,
    drift: NDArray | None,
    displacements: tuple[NDArray, NDArray, NDArray, NDArray] | None,
    slope: NDArray | None,
    lag_label: str,
) -> Figure:
    """Path, displacement and drift against time, score, and mean-square displacement of one particle.

    Parameters
    ----------
    centres, own : (n, 2) float, x y [Å]
        The smooth path, and each frame's own centre.
    score : (n,) float
    seen : (n,) bool
        Frames that are not are shaded: the path is a bridge there.
    frame_index : (n,) int
    times : (n,) float [s] or None
    drift : (n, 2) float, dx dy [Å] or None
    displacements : four (l,) float, or None
        Lag, mean-square displacement [Å²], and the two ends of its interval.
    slope : (3,) float, or None
        Mean-square displacement per unit of the lag by the fitted random walk, and the two ends of its interval.
    lag_label : str
    """
    figure = new_figure(9.5, 5.0)
    (path_axes, place_axes), (msd_axes, score_axes) = figure.subplots(2, 2, width_ratios=[1, 2])
    x, label = time_axis(len(centres), times)
    if times is None:
        x = frame_index.astype(float)
    _path(path_axes, centres)
    first = centres[0]
    for axis, (colour, name) in enumerate(((BLUE, "x (right)"), (ORANGE, "y (down)"))):
        place_axes.plot(x, own[:, axis] - first[axis], ".", color=colour, markersize=1.5, alpha=0.35)
        place_axes.plot(x, centres[:, axis] - first[axis], color=colour, linewidth=1.2, label=name)
        if drift is not None:
            moved = drift[:, axis] - drift[0, axis]
            place_axes.plot(x, moved, color=colour, linewidth=0.9, linestyle=":", label=f"drift {'xy'[axis]}")
    tidy(place_axes, xlabel=label, ylabel="displacement (Å)")
    reach = np.nanmax(np.abs(centres - first)) + 2.0
    place_axes.set_ylim(-1.4 * reach, 1.4 * reach)
    place_axes.legend(frameon=False, fontsize=8, ncols=4)
    tidy(score_axes, xlabel=label, ylabel="score (sd)")
    score_axes.plot(x, score, color=GREEN, linewidth=0.7)
    score_axes.axhline(0.0, color=SOFT, linewidth=0.6)
    for axes in (place_axes, score_axes):
        _shade(axes, x, seen)
    tidy(msd_axes, xlabel=lag_label, ylabel="mean-square displacement (Å²)")
    if displacements is not None:
        _displacements(msd_axes, displacements, slope)
    return figure


def _displacements(axes: Axes, displacements: tuple[NDArray, NDArray, NDArray, NDArray], slope: NDArray | None) -> None:
    lag, msd, low, high = displacements
    axes.fill_between(lag, low, high, color=BLUE, alpha=0.15, linewidth=0)
    axes.plot(lag, msd, "o-", color=BLUE, linewidth=1.0, markersize=3)
    if slope is not None:
        ends = np.array([0.0, lag[-1]])
        axes.plot(ends, slope[0] * ends, color=ORANGE, linewidth=1.0, label="4 D t")
        axes.fill_between(ends, slope[1] * ends, slope[2] * ends, color=ORANGE, alpha=0.12, linewidth=0)
        axes.legend(frameon=False, fontsize=8)
    axes.set_xlim(0, None)
    axes.set_ylim(0, 1.3 * float(np.nanmax(msd)) + 1e-6)


def _path(axes: Axes, centres: NDArray) -> None:
    tidy(axes, xlabel="x (Å)", ylabel="y (Å)")
    axes.plot(centres[:, 0], centres[:, 1], color=BLUE, linewidth=0.8)
    axes.plot(*centres[0], "o", color=BLUE, markersize=5)
    middle = 0.5 * (centres.min(axis=0) + centres.max(axis=0))
    reach = max(2.0, 0.55 * float(np.ptp(centres, axis=0).max()))
    axes.set_xlim(middle[0] - reach, middle[0] + reach)
    axes.set_ylim(middle[1] + reach, middle[1] - reach)
    axes.set_aspect("equal")


def _shade(axes: Axes, x: NDArray, seen: NDArray) -> None:
    edges = np.flatnonzero(np.diff(np.r_[0, (~seen).astype(np.int8), 0]))
    half = 0.5 * (x[1] - x[0]) if len(x) > 1 else 0.5
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        axes.axvspan(x[first] - half, x[last - 1] + half, color=SOFT, alpha=0.2, linewidth=0)
