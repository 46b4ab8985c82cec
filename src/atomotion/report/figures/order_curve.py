"""Order against time, with its periods shaded and the test of the raw frames below."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, INK, ORANGE, SOFT, STATE_COLOURS, new_figure, tidy, time_axis


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A period on the curve: frames [start, stop), its mean and its label."""

    start: int
    stop: int
    mean: float
    label: str
    name: str = ""


def order_curve(
    values: NDArray,
    *,
    ylabel: str,
    times: NDArray | None = None,
    p_values: NDArray | None = None,
    alpha: float = 0.05,
    periods: Sequence[Span] = (),
    vacuum_level: float | None = None,
) -> Figure:
    """ALPS (or its ratio to vacuum) of every frame, periods shaded by state; below, the p-values of the raw frames.

    Parameters
    ----------
    values : (t,) float
    ylabel : str
    times : (t,) float [s] or None
    p_values : (t,) float or None
        Drawn on a logarithmic axis with the line `alpha`.
    periods : sequence of Span
    vacuum_level : float or None
        Where a frame without any order would lie.
    """
    x, xlabel = time_axis(len(values), times)
    with_test = p_values is not None and bool(np.isfinite(p_values).any())
    figure = new_figure(9.5, 4.6 if with_test else 3.4)
    panels = figure.subplots(
        2 if with_test else 1, 1, sharex=True, squeeze=False, height_ratios=[3, 1] if with_test else None
    )[:, 0]
    top = tidy(panels[0], ylabel=ylabel, xlabel="" if with_test else xlabel)
    step = float(np.median(np.diff(x))) if len(x) > 1 else 1.0
    for period in periods:
        left, right = x[period.start] - step / 2, x[period.stop - 1] + step / 2
        top.axvspan(left, right, color=STATE_COLOURS.get(period.label, STATE_COLOURS["undetermined"]), linewidth=0)
        top.plot([left, right], [period.mean, period.mean], color=INK, linewidth=1.6)
        top.text(
            (left + right) / 2,
            1.0,
            period.name,
            transform=top.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontsize=9,
        )
    top.plot(x, values, color=BLUE, linewidth=0.9, marker="." if len(x) <= 300 else "", markersize=3.5)
    if vacuum_level is not None:
        top.axhline(vacuum_level, color=SOFT, linestyle="--", linewidth=1)
        top.text(x[-1], vacuum_level, " vacuum", color=SOFT, fontsize=8, va="bottom", ha="right")
    labels = list(dict.fromkeys(period.label for period in periods))
    if labels:
        top.legend(
            handles=[Patch(color=STATE_COLOURS.get(label, "#eceff2"), label=label) for label in labels],
            loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8,
        )  # fmt: skip
    if with_test:
        assert p_values is not None
        below = tidy(panels[1], xlabel=xlabel, ylabel="p (raw)")
        below.semilogy(x, p_values, color=ORANGE, linewidth=0, marker=".", markersize=3.5)
        below.axhline(alpha, color=SOFT, linestyle="--", linewidth=1)
        lowest = float(np.nanmin(p_values))
        below.set_ylim(min(lowest / 2, alpha / 2), 1.5)
    top.margins(x=0.01)
    return figure
