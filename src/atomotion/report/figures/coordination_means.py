"""Measures averaged over atoms of the same coordination number."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from atomotion.report.figures.style import BLUE, new_figure, tidy

_COLUMNS = 3


def coordination_means(means: Sequence[tuple[str, pd.DataFrame]]) -> Figure:
    """One panel per (label, table of `by_coordination`): means with their standard errors."""
    columns = min(_COLUMNS, len(means))
    rows = -(-len(means) // columns)
    figure = new_figure(3.3 * columns, 2.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels[len(means) :]:
        panel.set_axis_off()
    for number, (panel, (label, table)) in enumerate(zip(panels, means)):
        tidy(panel, ylabel=label, xlabel="coordination number" if number + columns >= len(means) else "")
        panel.errorbar(
            table["coordination_number"], table["mean"], yerr=table["standard_error"], color=BLUE, marker="o",
            markersize=4, linewidth=1.0, elinewidth=1.2, capsize=2.5,
        )  # fmt: skip
        if len(table):
            panel.set_xticks(
                range(int(table["coordination_number"].min()), int(table["coordination_number"].max()) + 1)
            )
    return figure
