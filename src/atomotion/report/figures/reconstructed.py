"""Pictures of a reconstruction: the density with its atoms, what the images say of it, and how sure each atom is."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, GREEN, INK, ORANGE, SOFT, new_figure, tidy

_SLICES = 5
_NEAR = 1.0  # Å: atoms this near to a slice are drawn on it


def density_slices(
    density: NDArray[np.floating], positions: NDArray[np.floating], *, voxel_size: float, first: tuple[float, ...]
) -> Figure:
    """Slices through a density (z, y, x), a few ångström apart, with the atoms (n, 3) [Å] that lie near them.

    `first` is the x y z of voxel [0, 0, 0] [Å].
    """
    figure = new_figure(12.5, 2.9)
    panels = figure.subplots(1, _SLICES)
    reach = float(np.abs(positions).max()) + 2.0
    heights = np.linspace(-0.6, 0.6, _SLICES) * float(np.abs(positions[:, 2]).max())
    peak = float(np.percentile(density, 99.95))
    extent = [
        first[0] - 0.5 * voxel_size, first[0] + (density.shape[2] - 0.5) * voxel_size,
        first[1] - 0.5 * voxel_size, first[1] + (density.shape[1] - 0.5) * voxel_size,
    ]  # fmt: skip
    for panel, height in zip(panels, heights, strict=True):
        index = int(np.clip(np.rint((height - first[2]) / voxel_size), 0, density.shape[0] - 1))
        panel.imshow(
            density[index], cmap="gray", origin="lower", extent=extent, vmin=0.0, vmax=peak, interpolation="bilinear"
        )
        near = np.abs(positions[:, 2] - height) < _NEAR
        panel.scatter(*positions[near, :2].T, s=26, facecolors="none", edgecolors=ORANGE, linewidths=0.9)
        panel.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
        panel.set_title(f"z = {height:.1f} Å", fontsize=9, color=INK)
    return figure


def evidence_over_time(
    time: NDArray[np.floating],
    *,
    label: str,
    z: NDArray[np.floating],
    margin: NDArray[np.floating],
    step_deg: NDArray[np.floating],
) -> Figure:
    """Against time: how well every image fits the atoms, how much better than any other lattice copy, and its turn.

    What is known of no image is left out.
    """
    rows = [
        ("fit to the atoms (sd)", z, BLUE),
        ("margin over copies (sd)", margin, GREEN),
        ("turn (°)", step_deg, ORANGE),
    ]
    rows = [row for row in rows if np.isfinite(row[1]).any()]
    figure = new_figure(10.0, 1.8 * len(rows))
    panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (name, values, colour) in zip(panels, rows, strict=True):
        tidy(panel, ylabel=name)
        panel.plot(time, values, color=colour, linewidth=0.8)
        panel.set_ylim(bottom=min(0.0, float(np.nanmin(values))))
    panels[-1].set_xlabel(label, color=INK)
    return figure


def how_sure(
    *,
    views: NDArray[np.floating],
    sigmas: NDArray[np.floating],
    k: NDArray[np.floating],
    shells: NDArray[np.floating] | None,
) -> Figure:
    """The directions of view on a half sphere, the standard errors of the atoms, and the correlation of the half maps.

    Parameters
    ----------
    views : (n, 3) float
        Unit vectors along the beam in the particle's own frame.
    sigmas : (m,) float [Å]
    k : (s,) float [1/Å]
    shells : (s,) float or None
    """
    figure = new_figure(11.5, 3.6)
    panels = figure.subplots(1, 3)
    views = views * np.where(views[:, 2:] < 0, -1.0, 1.0)
    # Lambert's projection: equal areas of the sphere are equal areas here
    scale = np.sqrt(1.0 / (1.0 + views[:, 2]))
    panels[0].add_patch(_circle())
    panels[0].scatter(views[:, 0] * scale, views[:, 1] * scale, s=7, color=BLUE, alpha=0.6, linewidths=0)
    panels[0].set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal", xticks=[], yticks=[])
    panels[0].set_axis_off()
    panels[0].set_title("directions of view", fontsize=9, color=INK)
    tidy(panels[1], xlabel="standard error of a position (Å)", ylabel="atoms")
    panels[1].hist(sigmas[np.isfinite(sigmas)], bins=30, color=BLUE)
    tidy(panels[2], xlabel="spatial frequency (1/Å)", ylabel="correlation of half maps")
    if shells is not None:
        panels[2].plot(k, shells, color=GREEN)
        panels[2].axhline(0.143, color=SOFT, linewidth=0.8, linestyle="--")
    panels[2].set_ylim(-0.1, 1.02)
    return figure


def _circle() -> Circle:
    return Circle((0.0, 0.0), 1.0, facecolor="none", edgecolor=SOFT, linewidth=0.8)
