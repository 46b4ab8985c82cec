"""What the two-dimensional analysis of frames found: peaks, sizes, windows, classes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    SOFT,
    new_figure,
    outline,
    show_image,
    tidy,
    time_axis,
)

_SHADES = ("#e3edf4", "#f6ead9")
_MOST_AVERAGES = 24


def diameter_curve(
    diameter: NDArray,
    low: NDArray,
    high: NDArray,
    *,
    regions: NDArray,
    sharpness: NDArray,
    windows: Sequence[tuple[int, int]],
    times: NDArray | None = None,
) -> Figure:
    """Diameter against time with its 95 % band, the regions of single frames, and the windows shaded.

    Parameters
    ----------
    diameter, low, high : (n,) float [Å]
    regions : (n,) float [Å]
        Diameters of the crystalline regions of single frames; NaN for frames without.
    sharpness : (n,) float
        Drawn below.
    windows : sequence of (start, stop)
        Half-open.
    times : (n,) float [s] or None
    """
    x, label = time_axis(len(diameter), times)
    figure = new_figure(9.5, 5.0)
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    tidy(top, ylabel="diameter (Å)")
    tidy(below, xlabel=label, ylabel="lattice\ncontrast")
    step = float(np.median(np.diff(x))) if len(x) > 1 else 1.0
    for number, (start, stop) in enumerate(windows):
        left, right = x[start] - step / 2, x[stop - 1] + step / 2
        for axes in (top, below):
            axes.axvspan(left, right, color=_SHADES[number % 2], linewidth=0)
        top.text(
            (left + right) / 2, 1.0, str(number + 1), transform=top.get_xaxis_transform(), ha="center", va="bottom",
            fontsize=9, color=INK,
        )  # fmt: skip
    top.plot(x, regions, ".", color=SOFT, markersize=2.5, alpha=0.6, label="crystalline region of a frame")
    top.fill_between(x, low, high, color=BLUE, alpha=0.25, linewidth=0)
    top.plot(x, diameter, color=BLUE, linewidth=1.6, label="pooled over frames, with 95 %")
    top.legend(frameon=False, fontsize=8, loc="lower left")
    below.plot(x, sharpness, color=GREEN, linewidth=0.5)
    top.margins(x=0.01)
    return figure


def peak_histogram(peaks: NDArray, *, threshold: float, noise: float) -> Figure:
    """The largest Fourier peak of all frames, with the threshold and the height that noise reaches."""
    figure = new_figure(5.4, 3.2)
    axes = tidy(figure.subplots(), xlabel="largest peak over the background", ylabel="frames")
    known = peaks[np.isfinite(peaks) & (peaks > 0)]
    edges = np.geomspace(known.min() * 0.98, known.max() * 1.02, 50) if known.size else np.geomspace(1, 10, 50)
    axes.hist(known, bins=list(edges), color=BLUE)
    axes.set_xscale("log")
    axes.axvline(noise, color=SOFT, linestyle=":", linewidth=1.4, label="noise alone")
    axes.axvline(threshold, color=ORANGE, linewidth=1.6, label="crystalline from here")
    axes.legend(frameon=False, fontsize=8)
    return figure


def frame_strip(
    images: Sequence[NDArray], titles: Sequence[str], *, regions: Sequence[NDArray | None], pixel_size: float
) -> Figure:
    """Single frames side by side, each with the circle of its crystalline region.

    Parameters
    ----------
    images : sequence of (y, x)
    titles : sequence of str
    regions : sequence of (m, 2) float, x y [px], or None
        Outlines.
    pixel_size : float [Å]
    """
    columns = min(6, len(images))
    rows = -(-len(images) // columns)
    figure = new_figure(1.75 * columns, 2.25 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    limits = (float(np.percentile(np.stack(images), 0.5)), float(np.percentile(np.stack(images), 99.5)))
    for panel in panels:
        panel.set_axis_off()
    for number, (panel, image, title, region) in enumerate(zip(panels, images, titles, regions)):
        show_image(panel, image, title=title, limits=limits, pixel_size=pixel_size if number == 0 else None)
        if region is not None:
            outline(panel, region)
    return figure


def class_averages(averages: NDArray, members: NDArray, *, pixel_size: float) -> Figure:
    """Averages (c, y, x) of classes spread evenly over time, with how many frames each holds."""
    filled = np.flatnonzero(members)
    chosen = filled[np.unique(np.linspace(0, len(filled) - 1, min(_MOST_AVERAGES, len(filled))).round().astype(int))]
    columns = min(8, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = new_figure(1.35 * columns, 1.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for number, (panel, each) in enumerate(zip(panels, chosen)):
        show_image(
            panel, averages[each], title=f"{each}: {members[each]:.0f}", pixel_size=pixel_size if number == 0 else None
        )
    return figure
