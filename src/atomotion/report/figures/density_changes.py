"""Densities of states compared: against the offset along crystal directions, and place by place."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from atomotion.report.figures.style import INK, ORANGE, SOFT, new_figure, tidy
from atomotion.structure.aligned_densities import DensityStep

_MOST = 6
_CHANGE = ListedColormap([ORANGE])


def density_changes(steps: Sequence[DensityStep], maps: Sequence[NDArray[np.floating]], *, voxel_size: float) -> Figure:
    """Above: the correlation against the offset along <100>, <110> and <111>, the mean of each family's directions.

    Below: of at most six steps, the slice that changes most: the larger of both densities, and in orange what does not
    correlate.

    Parameters
    ----------
    steps : sequence of DensityStep
    maps : sequence of (z, y, x) float
        The states, one more than steps.
    voxel_size : float [Å]
    """
    shown = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), _MOST)).round().astype(int))
    columns = max(3, len(shown))
    figure = new_figure(max(9.0, 2.2 * columns), 5.6)
    rows = figure.add_gridspec(2, 1, height_ratios=(1.0, 1.15))
    above = rows[0].subgridspec(1, 3)
    tones = colormaps["viridis"](np.linspace(0.1, 0.9, max(len(steps), 1)))
    families = list(steps[0].curves)
    first = None
    for place, family in enumerate(families):
        panel = figure.add_subplot(above[0, place], sharey=first)
        first = panel if first is None else first
        tidy(panel, xlabel=f"offset along <{family}> (Å)", ylabel="correlation" if place == 0 else "")
        for number, (step, tone) in enumerate(zip(steps, tones, strict=True), start=1):
            label = f"{number} to {number + 1}" if place == len(families) - 1 else None
            panel.plot(step.offsets, step.curves[family].mean(axis=0), color=tone, linewidth=1.2, label=label)
        panel.axvline(0.0, color=SOFT, linewidth=0.6)
    if len(steps) <= 12:
        panel.legend(frameon=False, fontsize=7, title="states", title_fontsize=7, loc="upper right")
    below = rows[1].subgridspec(1, columns)
    for place, number in enumerate(shown):
        panel = figure.add_subplot(below[0, place])
        change = _changed(steps[number].local, np.maximum(maps[number], maps[number + 1]), 1.0 / voxel_size)
        level = int(change.sum(axis=(1, 2)).argmax())
        density = np.maximum(maps[number][level], maps[number + 1][level])
        ends = (0.0, density.shape[1] * voxel_size, 0.0, density.shape[0] * voxel_size)
        layers = (
            panel.imshow(
                density, cmap="gray", origin="lower", vmin=0.0, vmax=float(np.percentile(density, 99.8)), extent=ends
            ),
            panel.imshow(np.ones_like(density), cmap=_CHANGE, origin="lower", alpha=change[level], extent=ends),
        )
        for layer in layers:
            layer.set_interpolation("bilinear")
        panel.set(xticks=[], yticks=[])
        panel.set_title(f"states {number + 1} and {number + 2}", fontsize=8.5, color=INK)
    return figure


def _changed(local: NDArray[np.floating], density: NDArray[np.floating], blur: float) -> NDArray[np.float64]:
    """How opaque the colour of change is: where there is density, and the less it is the same."""
    # squares: a band without low frequencies has no mean that would tell inside from outside
    smooth = gaussian_filter(np.square(np.clip(density, 0.0, None, dtype=float)), 1.5 * blur)
    there = smooth > 0.1 * np.percentile(smooth, 99.9)
    return np.where(there, np.clip(1.0 - np.nan_to_num(local, nan=1.0), 0.0, 0.85), 0.0)
