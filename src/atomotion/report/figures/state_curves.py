"""Measures of the states of a trajectory against time, with bands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, ORANGE, SOFT, new_figure, tidy
from atomotion.structure.rates import ChangeRates

_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Curve:
    """A measure (states,), and the ends of its band where it has one."""

    label: str
    values: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


def state_curves(
    curves: Sequence[Curve],
    *,
    times: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    rates: ChangeRates | None,
) -> Figure:
    """One panel per curve, and one for the rate of change of the number of atoms.

    Parameters
    ----------
    curves : sequence of Curve
    times : (t0, t1) or None
        Time windows [s], (states,) each; drawn as bars. None draws against the numbers of the states.
    rates : ChangeRates or None
    """
    number = len(curves) + (rates is not None)
    columns = min(_COLUMNS, number)
    rows = -(-number // columns)
    figure = new_figure(2.75 * columns, 2.4 * rows + 0.2)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    states = np.arange(1, len(curves[0].values) + 1, dtype=float)
    x, half = (
        (states, np.zeros(len(states))) if times is None else ((times[0] + times[1]) / 2, (times[1] - times[0]) / 2)
    )
    label = "state" if times is None else "time (s)"
    for place, panel in enumerate(panels):
        if place >= number:
            panel.set_axis_off()
            continue
        tidy(panel, xlabel=label if place >= columns * (rows - 1) else "")
        if place < len(curves):
            _draw(panel, x, half, curves[place])
    if times is None:
        panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    if rates is not None:
        _draw_rates(panels[number - 1], x, rates)
    return figure


def _draw(panel: Axes, x: NDArray[np.float64], half: NDArray[np.float64], curve: Curve) -> None:
    panel.set_ylabel(curve.label)
    panel.ticklabel_format(axis="y", useOffset=False)
    if curve.low is not None and curve.high is not None:
        panel.fill_between(x, curve.low, curve.high, color=BLUE, alpha=0.18, linewidth=0)
    panel.errorbar(
        x, curve.values, xerr=half if half.any() else None, color=BLUE, marker="o", markersize=4, linewidth=1.3,
        elinewidth=1.0, ecolor=SOFT,
    )  # fmt: skip


def _draw_rates(panel: Axes, x: NDArray[np.float64], rates: ChangeRates) -> None:
    """Rates half-way between the states; where there is no limit the bar ends at the border."""
    panel.set_ylabel("rate (atoms/s)")
    middle = (x[1:] + x[:-1]) / 2
    ends = np.concatenate([rates.rate, rates.low, rates.high, [0.0]])
    ends = ends[np.isfinite(ends)]
    margin = 0.12 * (float(np.ptp(ends)) or 1.0)
    bottom, top = float(ends.min()) - margin, float(ends.max()) + margin
    low, high = np.clip(rates.low, bottom - margin, None), np.clip(rates.high, None, top + margin)
    panel.axhline(0.0, color=SOFT, linewidth=0.8)
    panel.errorbar(
        middle, rates.rate, yerr=[rates.rate - low, high - rates.rate], color=ORANGE, marker="o", markersize=4,
        linewidth=0, elinewidth=1.3, capsize=2.5,
    )  # fmt: skip
    panel.set_ylim(bottom, top)
