"""The mean power spectrum of a movie, with the spots of the graphene sheets found in it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, GREEN, ORANGE, PURPLE, new_figure, tidy

_COLOURS = (ORANGE, BLUE, GREEN, PURPLE)
_HIGHEST = 1.05  # 1/Å
_BRIGHTEST = 8.0


def graphene_spectrum(
    before: NDArray,
    after: NDArray | None,
    ky: NDArray,
    kx: NDArray,
    sheets: Sequence[tuple[float, NDArray]],
) -> Figure:
    """Power over its median at the same spatial frequency, before and after the removal.

    Parameters
    ----------
    before, after : (ky, kx) float
        The half with kx >= 0, as `scipy.fft.rfft2` orders it.
    ky, kx : (ky,), (kx,) float [1/Å]
    sheets : sequence of (direction [degrees], (s, 2) float, x y [1/Å])
    """
    pictures = [("as recorded", before)] + ([("graphene removed", after)] if after is not None else [])
    figure = new_figure(4.6 * len(pictures), 4.8)
    rows = np.argsort(ky)
    reach = float(min(_HIGHEST, kx[-1]))
    for axes, (title, power) in zip(np.atleast_1d(figure.subplots(1, len(pictures))), pictures, strict=True):
        half = np.log(np.clip(power[rows], 0.5, _BRIGHTEST))
        # the other half is the same turned by 180 degrees
        whole = np.concatenate([np.roll(half[::-1, :0:-1], 1, axis=0), half], axis=1)
        extent = (-float(kx[-1]), float(kx[-1]), float(ky[rows][-1]), float(ky[rows][0]))
        axes.imshow(whole, cmap="gray", extent=extent, vmin=0.0, vmax=np.log(_BRIGHTEST), interpolation="nearest")
        tidy(axes, xlabel="kx (1/Å)", ylabel="ky (1/Å)")
        axes.grid(visible=False)
        axes.set_title(title, fontsize=9)
        for number, (angle, spots) in enumerate(sheets):
            both = np.concatenate([spots, -spots])
            axes.plot(
                *both.T, "o", markersize=9, markerfacecolor="none", markeredgewidth=0.8,
                color=_COLOURS[number % len(_COLOURS)], label=f"{angle:.1f}°",
            )  # fmt: skip
        axes.set_xlim(-reach, reach)
        axes.set_ylim(reach, -reach)
    if sheets:
        figure.axes[0].legend(frameon=True, fontsize=8, loc="upper right")
    return figure
