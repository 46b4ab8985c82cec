"""Atoms in the map they were found in, and how good the model is."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, GREEN, ORANGE, SOFT, new_figure, show_image, tidy

# half the thickness of what is shown, and how far from its middle an atom may lie [Å]
_SHOWN, _BEFORE = 0.7, 1.0
_AXES = (("z", 0, 1, 2), ("y", 1, 0, 2), ("x", 2, 0, 1))


def map_slices(
    density: NDArray[np.floating], places: NDArray[np.float64], *, voxel_size: float, occupancy: NDArray[np.float64]
) -> Figure:
    """Three slabs through the middle of the particle, the highest voxel over 1.4 Å, and below them with their atoms.

    Parameters
    ----------
    density : (z, y, x) float
    places : (n, 3) float, z y x [voxels]
    voxel_size : float [Å]
    occupancy : (n,) float
        Area of the rings.
    """
    figure = new_figure(9.6, 6.6)
    panels = figure.subplots(2, 3)
    limits = (float(np.percentile(density, 40.0)), float(np.percentile(density, 99.8)))
    for column, (name, axis, down, across) in enumerate(_AXES):
        # the slice through the atom that is nearest to the middle shows a plane of atoms, not the gap between two
        level = places[np.argmin(np.linalg.norm(places - places.mean(axis=0), axis=1)), axis]
        first, last = (round(level + side * _SHOWN / voxel_size) for side in (-1.0, 1.0))
        slab = range(max(first, 0), min(last, density.shape[axis] - 1) + 1)
        # one plane of voxels would leave most of the rings empty
        image = np.take(density, slab, axis=axis).max(axis=axis)
        near = np.abs(places[:, axis] - level) * voxel_size < _BEFORE
        for row in range(2):
            show_image(
                panels[row, column], image, pixel_size=voxel_size if column == 0 else None,
                title=f"1.4 Å across {name}" if row == 0 else f"{int(near.sum())} atoms near it", limits=limits,
            )  # fmt: skip
        panels[1, column].scatter(
            places[near, across], places[near, down], s=42.0 * np.clip(occupancy[near], 0.1, 1.5), facecolors="none",
            edgecolors=ORANGE, linewidths=1.1,
        )  # fmt: skip
    return figure


def model_quality(
    validation: NDArray[np.float64],
    *,
    thresholds: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]],
    chosen: float,
) -> Figure:
    """A histogram of the validation correlations, and the search of the threshold.

    Parameters
    ----------
    validation : (n,) float
    thresholds : (m,), (m,), (m,)
        Thresholds, correlations, atoms.
    chosen : float
    """
    figure = new_figure(9.6, 3.1)
    left, right = figure.subplots(1, 2)
    tidy(left, xlabel="validation correlation", ylabel="atoms")
    known = validation[np.isfinite(validation)]
    left.hist(known, bins=min(40, max(8, len(known) // 8)), color=BLUE, alpha=0.8)
    cut = float(known.mean() - 2.0 * known.std())
    left.axvline(known.mean(), color=SOFT, linewidth=1.0, label=f"mean {known.mean():.3f}")
    left.axvline(
        cut, color=ORANGE, linestyle="--", linewidth=1.0, label=f"2 SD below, {int((known < cut).sum())} atoms"
    )
    left.legend(frameon=False, fontsize=8, loc="upper left")
    tidy(right, xlabel="threshold of the filtered map", ylabel="correlation with the atoms' map")
    right.plot(thresholds[0], thresholds[1], color=BLUE, linewidth=1.3)
    right.axvline(chosen, color=ORANGE, linestyle="--", linewidth=1.0)
    counts = right.twinx()
    counts.plot(thresholds[0], thresholds[2], color=GREEN, linewidth=1.0)
    counts.set_ylabel("atoms", color=GREEN)
    counts.spines["top"].set_visible(False)
    return figure


def displacement_depth(
    positions: NDArray[np.float64],
    u_iso: NDArray[np.float64],
    errors: NDArray[np.float64],
    isotropy: NDArray[np.float64],
) -> Figure:
    """Displacements with their errors, and degrees of isotropy, against the distance from the mean position.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    u_iso, errors : (n,) float [Å²]
    isotropy : (n,) float
    """
    figure = new_figure(9.6, 3.1)
    left, right = figure.subplots(1, 2)
    radius = np.linalg.norm(positions - positions.mean(axis=0), axis=1)
    tidy(left, xlabel="distance from the centre (Å)", ylabel="U_iso (Å²)")
    left.errorbar(radius, u_iso, yerr=errors, fmt="o", color=BLUE, markersize=2.5, elinewidth=0.5, alpha=0.7)
    tidy(right, xlabel="distance from the centre (Å)", ylabel="degree of isotropy")
    right.plot(radius, isotropy, "o", color=BLUE, markersize=2.5, alpha=0.7)
    right.set_ylim(-0.03, 1.03)
    return figure
