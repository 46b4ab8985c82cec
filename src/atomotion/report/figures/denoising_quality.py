"""Pictures of how well a movie was denoised."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, ORANGE, SOFT, new_figure, show_image, tidy

_PSNR = (
    ("upsnr_thinning_db", "thinning"),
    ("upsnr_blind_db", "blind residual"),
    ("upsnr_adjacent_db", "unseen frames"),
    ("upsnr_published_db", "as published"),
    ("upsnr_gaussian_db", "best Gaussian"),
)
_AGAINST = (("against_gaussian_thinning", "thinning"), ("against_gaussian_blind", "blind residual"))


def denoising_quality(values: Mapping[str, Any]) -> Figure:
    """PSNR by each way of estimating it, and the difference to the best Gaussian; refused ones are named.

    Parameters
    ----------
    values : mapping
        ``quality.json``.
    """
    figure = new_figure(9.5, 2.8)
    left, right = figure.subplots(1, 2, width_ratios=[1.4, 1])
    tidy(left, xlabel="PSNR (dB)")
    for row, (key, _) in enumerate(_PSNR):
        colour = SOFT if key == "upsnr_gaussian_db" else BLUE
        _point(left, row, values[key], colour)
    left.set_yticks(range(len(_PSNR)), [name for _, name in _PSNR])
    left.invert_yaxis()
    tidy(right, xlabel="error minus that of the best Gaussian (units²)")
    right.axvline(0, color=SOFT, linewidth=1)
    for row, (key, _) in enumerate(_AGAINST):
        _point(right, row, values[key], ORANGE)
    right.set_yticks(range(len(_AGAINST)), [name for _, name in _AGAINST])
    right.set_ylim(1.6, -0.6)
    return figure


def _point(axes: Any, row: int, estimate: Mapping[str, Any], colour: str) -> None:
    if estimate["refused"] is not None:
        axes.text(
            0.02, row, "refused", transform=axes.get_yaxis_transform(), color=SOFT, fontsize=8, va="center",
            style="italic",
        )  # fmt: skip
        return
    value = estimate["value"]
    low = value if estimate["low"] is None else estimate["low"]
    high = value if estimate["high"] is None else estimate["high"]
    axes.errorbar(
        [value], [row], xerr=[[max(value - low, 0)], [max(high - value, 0)]], fmt="o", color=colour, capsize=3
    )


def trust_pictures(
    *,
    raw_sum: NDArray[np.floating],
    denoised_sum: NDArray[np.floating],
    line: NDArray[np.floating] | None,
    disagreement: NDArray[np.floating] | None,
    pixel_size: float | None,
) -> Figure:
    """The sums of raw and of denoised frames, a line through both, and the disagreement of two networks.

    Parameters
    ----------
    raw_sum, denoised_sum : (y, x)
    line : (n, 3) or None
        Distance [px] and both sums along it.
    disagreement : (y, x) or None
    pixel_size : float or None [Å]
    """
    figure = new_figure(11.5, 3.0)
    axes = figure.subplots(1, 4, width_ratios=[1, 1, 1.5, 1])
    both = (float(np.nanpercentile(raw_sum, 0.5)), float(np.nanpercentile(raw_sum, 99.5)))
    show_image(axes[0], raw_sum, pixel_size=pixel_size, title="sum of raw frames", limits=both)
    show_image(axes[1], denoised_sum, title="sum of denoised frames", limits=both)
    unit, scale = ("px", 1.0) if pixel_size is None else ("Å", pixel_size)
    tidy(axes[2], xlabel=f"along the middle ({unit})", ylabel="sum (units)")
    if line is not None:
        for image in axes[:2]:
            image.axhline(raw_sum.shape[0] / 2, color=ORANGE, linewidth=0.6, alpha=0.6)
        axes[2].plot(line[:, 0] * scale, line[:, 1], color=SOFT, linewidth=0.8, label="raw")
        axes[2].plot(line[:, 0] * scale, line[:, 2], color=BLUE, linewidth=1.2, label="denoised")
        axes[2].legend(frameon=False, fontsize=8)
    if disagreement is None:
        axes[3].set_axis_off()
    else:
        show_image(axes[3], disagreement, title="disagreement (rms)")
    return figure
