"""The radial distribution function with its first minimum."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from atomotion.report.figures.style import BLUE, GRID, ORANGE, SOFT, new_figure, tidy

# Å: width of the Gaussian of the drawn curve
_SMOOTHING = 0.04
_SHELLS = 16


def pair_distances(
    r: NDArray[np.float64],
    g: NDArray[np.float64],
    *,
    minimum: float,
    lattice: float | None = None,
    farthest: float = 12.0,
) -> Figure:
    """g(r), smoothed for the eye, the first minimum, and the shells of the fitted lattice.

    Parameters
    ----------
    r, g : (m,) float [Å], 1
    minimum : float [Å]
    lattice : float or None [Å]
        The FCC lattice constant whose shells are marked.
    farthest : float [Å]
        Where the picture ends.
    """
    figure = new_figure(8.5, 3.4)
    axes = tidy(figure.subplots(), xlabel="distance r (Å)", ylabel="g(r)")
    shown = r <= farthest
    smooth = gaussian_filter1d(g, _SMOOTHING / (r[1] - r[0]))[shown]
    if lattice is not None and np.isfinite(lattice):
        shells = lattice * np.sqrt(np.arange(1, 2 * _SHELLS) / 2.0)
        for number, shell in enumerate(shells[shells < r[shown][-1]]):
            axes.axvline(shell, color=GRID, linewidth=1.4, label="shells of the fitted lattice" if not number else None)
    axes.fill_between(r[shown], smooth, color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(r[shown], smooth, color=BLUE, linewidth=1.2)
    axes.axvline(minimum, color=ORANGE, linewidth=1.4, linestyle="--", label=f"first minimum, {minimum:.3f} Å")
    axes.grid(visible=False)
    axes.set_xlim(1.5, r[shown][-1])
    axes.set_ylim(0.0, 1.05 * float(smooth.max()))
    axes.legend(frameon=False, fontsize=8, loc="upper right", labelcolor=SOFT)
    return figure
