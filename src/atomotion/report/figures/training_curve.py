"""The picture of a training."""

import pandas as pd
from matplotlib.figure import Figure

from atomotion.report.figures.style import BLUE, SOFT, new_figure, tidy


def training_curve(curve: pd.DataFrame) -> Figure:
    """Loss against time: learned from, and kept aside, with the state that was used.

    Parameters
    ----------
    curve : DataFrame
        Columns ``training_time_s``, ``loss``, ``loss_kept_aside``, ``best``.
    """
    figure = new_figure(6.5, 2.8)
    axes = tidy(figure.subplots(), xlabel="training time (s)", ylabel="loss")
    axes.plot(curve["training_time_s"], curve["loss"], label="learned from", color=SOFT)
    axes.plot(curve["training_time_s"], curve["loss_kept_aside"], label="kept aside", color=BLUE)
    best = curve[curve["best"].astype(bool)]
    if len(best):
        axes.plot(best["training_time_s"].iloc[-1], best["loss_kept_aside"].iloc[-1], "o", color=BLUE, label="used")
    # the first steps are far above the rest
    shown = curve[["loss", "loss_kept_aside"]].iloc[min(2, len(curve) - 1) :].to_numpy()
    room = 0.1 * (shown.max() - shown.min()) or 0.1
    axes.set_ylim(shown.min() - room, shown.max() + room)
    axes.legend(frameon=False)
    return figure
