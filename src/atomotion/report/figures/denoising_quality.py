"""Pictures of how well a movie was denoised."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
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
    _intervals(left, values, _PSNR, [SOFT if "gaussian" in key else BLUE for key, _ in _PSNR])
    left.set_xlabel("PSNR (dB)")
    right.axvline(0, color=SOFT, linewidth=1)
    _intervals(right, values, _AGAINST, [ORANGE] * len(_AGAINST))
    right.set_xlabel("error minus the best Gaussian's (units²)")
    for words, side in (("← better  ", "right"), ("  worse →", "left")):
        right.text(0, 1.02, words, transform=right.get_xaxis_transform(), fontsize=8, color=SOFT, ha=side)
    return figure


def _intervals(axes: Axes, values: Mapping[str, Any], rows: Sequence[tuple[str, str]], colours: Sequence[str]) -> None:
    """One estimate per row with its interval, an arrow where it has no upper end, or the word that it was refused."""
    tidy(axes)
    for row, ((key, _), colour) in enumerate(zip(rows, colours, strict=True)):
        estimate = values[key]
        if estimate["refused"] is not None:
            axes.text(
                0.02, row, "refused", transform=axes.get_yaxis_transform(), color=SOFT, fontsize=8, va="center",
                style="italic", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )  # fmt: skip
            continue
        value = estimate["value"]
        low, high = (value if estimate[end] is None else estimate[end] for end in ("low", "high"))
        reach = [[max(value - low, 0)], [max(high - value, 0)]]
        axes.errorbar([value], [row], xerr=reach, fmt="o", color=colour, capsize=3)
        if estimate["high"] is None and estimate["low"] is not None:
            axes.annotate(
                "", xy=(value, row), xytext=(40, 0), textcoords="offset points",
                arrowprops={"arrowstyle": "<-", "color": colour, "linewidth": 1.5},
            )  # fmt: skip
    axes.set_yticks(range(len(rows)), [name for _, name in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.margins(x=0.12)
    if all(values[key]["refused"] is not None for key, _ in rows):
        axes.set_xticks([])


def trust_pictures(
    *,
    raw_sum: NDArray[np.floating],
    denoised_sum: NDArray[np.floating],
    line: NDArray[np.floating] | None,
    row: float,
    disagreement: NDArray[np.floating] | None,
    pixel_size: float | None,
) -> Figure:
    """The sums of raw and of denoised frames, a line through both, and the disagreement of two networks.

    Parameters
    ----------
    raw_sum, denoised_sum : (y, x)
    line : (n, 3) or None
        Distance [px] and both sums along it.
    row : float [px]
        Where the line runs.
    disagreement : (y, x) or None
    pixel_size : float or None [Å]
    """
    widths = [1, 1, 1.5] if disagreement is None else [1, 1, 1.5, 1.2]
    figure = new_figure(2.4 * sum(widths), 3.0)
    axes = figure.subplots(1, len(widths), width_ratios=widths)
    show_image(axes[0], raw_sum, pixel_size=pixel_size, title="sum of raw frames")
    show_image(axes[1], denoised_sum, title="sum of denoised frames")
    unit, scale = ("px", 1.0) if pixel_size is None else ("Å", pixel_size)
    tidy(axes[2], xlabel=f"along the line ({unit})", ylabel="sum (units)")
    if line is not None:
        for image in axes[:2]:
            image.axhline(row, color=ORANGE, linewidth=0.8, alpha=0.7)
        axes[2].plot(line[:, 0] * scale, line[:, 1], color=SOFT, linewidth=0.8, label="raw")
        axes[2].plot(line[:, 0] * scale, line[:, 2], color=BLUE, linewidth=1.2, label="denoised")
        axes[2].legend(frameon=False, fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    if disagreement is not None:
        show_image(axes[3], disagreement, title="disagreement (rms, units)")
        figure.colorbar(axes[3].images[0], ax=axes[3], shrink=0.7)
    return figure
