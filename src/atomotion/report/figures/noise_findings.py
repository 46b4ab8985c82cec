"""What the noise of a movie is like: gain, correlation, brightness against time."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, ORANGE, SOFT, new_figure, tidy, time_axis


def noise_findings(
    *,
    level: NDArray,
    variance: NDArray,
    gain: float | None,
    offset: float,
    pixel_correlation: NDArray,
    frame_correlation: NDArray,
    frame_means: NDArray,
    outliers: NDArray,
    times: NDArray | None = None,
) -> Figure:
    """Variance against mean, correlation of neighbours, and the mean of every frame.

    Parameters
    ----------
    level, variance : (n,) float
        Mean and variance of the noise in bins of brightness.
    gain, offset : float
        The fitted line ``variance = gain (level - offset)``; None where there is none.
    pixel_correlation : (2 m + 1, 2 m + 1) float
        Correlation of the noise of pixels at lags -m..m.
    frame_correlation : (k,) float
        At frame lags 1..k.
    frame_means : (t,) float
    outliers : (n,) int
        Frames that stand out.
    """
    figure = new_figure(10.5, 3.1)
    gain_axes, pixel_axes, frame_axes, mean_axes = figure.subplots(1, 4, width_ratios=[1.1, 1, 0.8, 1.5])
    tidy(gain_axes, xlabel="mean", ylabel="noise variance").plot(level, variance, ".", color=BLUE, markersize=5)
    if gain is not None and len(level):
        line = np.array([np.min(level), np.max(level)])
        gain_axes.plot(line, gain * (line - offset), color=ORANGE, linewidth=1.2)
        gain_axes.set_title(f"{gain:.4g} units per electron", fontsize=9)
    extent = pixel_correlation.shape[0] // 2 + 0.5
    shown = pixel_correlation.copy()
    shown[shown.shape[0] // 2, shown.shape[1] // 2] = np.nan
    reach = max(0.05, float(np.nanmax(np.abs(shown))))
    picture = pixel_axes.imshow(
        shown, cmap="RdBu_r", vmin=-reach, vmax=reach, extent=(-extent, extent, extent, -extent)
    )
    pixel_axes.set_title("pixel correlation", fontsize=9)
    pixel_axes.set_xlabel("lag x (px)")
    pixel_axes.set_ylabel("lag y (px)")
    figure.colorbar(picture, ax=pixel_axes, shrink=0.75)
    lags = np.arange(1, len(frame_correlation) + 1)
    tidy(frame_axes, xlabel="frame lag", ylabel="frame correlation").bar(lags, frame_correlation, color=BLUE, width=0.6)
    frame_axes.axhline(0, color=SOFT, linewidth=0.8)
    top = max(0.1, float(np.nanmax(np.abs(frame_correlation), initial=0.0)) * 1.2)
    frame_axes.set_ylim(-top, top)
    x, label = time_axis(len(frame_means), times)
    tidy(mean_axes, xlabel=label, ylabel="mean of frame").plot(x, frame_means, color=BLUE, linewidth=0.9)
    if len(outliers):
        mean_axes.plot(x[outliers], frame_means[outliers], "o", color=ORANGE, markersize=5, label="outliers")
        mean_axes.legend(frameon=False, fontsize=8)
    return figure
