"""Measures against depth, with the piecewise linear-constant fits."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from atomotion.report.figures.style import BLUE, INK, ORANGE, SOFT, new_figure, tidy
from atomotion.structure.penetration import Penetration

_COLUMNS = 3


def penetration_fits(fits: Sequence[tuple[str, Penetration]], *, xlabel: str) -> Figure:
    """One panel per (label, fit): means over atoms of like depth, the fitted line, and its knee with the interval."""
    columns = min(_COLUMNS, len(fits))
    rows = -(-len(fits) // columns)
    figure = new_figure(3.3 * columns, 2.7 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels[len(fits) :]:
        panel.set_axis_off()
    for number, (panel, (label, fit)) in enumerate(zip(panels, fits)):
        tidy(panel, ylabel=label, xlabel=xlabel if number + columns >= len(fits) else "")
        panel.plot(fit.bin_depth, fit.bin_value, linewidth=0, marker="o", markersize=3, color=BLUE, alpha=0.6)
        if np.isfinite(fit.depth):
            panel.axvspan(fit.low, fit.high, color=ORANGE, alpha=0.2, linewidth=0)
            ends = np.array([fit.bin_depth[0], fit.depth, fit.bin_depth[-1]])
            panel.plot(ends, np.minimum(ends - fit.depth, 0.0) * fit.slope + fit.plateau, color=INK, linewidth=1.4)
            text = f"{fit.depth:.2f} Å\n({fit.low:.2f} to {fit.high:.2f})"
        else:
            text = "no plateau" if "plateau" in fit.problem else "no change with depth"
        # the corner that the curve leaves empty
        rising = fit.slope >= 0
        panel.text(
            0.97, 0.05 if rising else 0.95, text, transform=panel.transAxes, ha="right",
            va="bottom" if rising else "top", fontsize=8, color=INK if np.isfinite(fit.depth) else SOFT,
        )  # fmt: skip
    return figure
