"""The picture of a training."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from atomotion.report.figures.style import BLUE, SOFT, new_figure, tidy

# of the looks: the first steps are far above the rest, and are cut off
_START = 0.25


def training_curve(curve: pd.DataFrame) -> Figure:
    """Loss against time: learned from, and kept aside, with the state that was used.

    Parameters
    ----------
    curve : DataFrame
        Columns ``training_time_s``, ``loss``, ``loss_kept_aside``, ``best``. Nothing is kept aside in the smallest
        movies; that loss is then NaN.
    """
    figure = new_figure(6.5, 2.8)
    axes = tidy(figure.subplots(), xlabel="training time (s)", ylabel="loss")
    axes.plot(curve["training_time_s"], curve["loss"], label="learned from", color=SOFT)
    axes.plot(curve["training_time_s"], curve["loss_kept_aside"], label="kept aside", color=BLUE)
    best = curve[curve["best"].astype(bool) & np.isfinite(curve["loss_kept_aside"])]
    if len(best):
        axes.plot(best["training_time_s"].iloc[-1], best["loss_kept_aside"].iloc[-1], "o", color=BLUE, label="used")
    shown = curve[["loss", "loss_kept_aside"]].iloc[int(_START * len(curve)) :].to_numpy(dtype=float)
    shown = shown[np.isfinite(shown)]
    if len(shown):
        room = 0.1 * (shown.max() - shown.min()) or 0.1
        axes.set_ylim(shown.min() - room, shown.max() + room)
    axes.legend(frameon=False, loc="upper right")
    return figure
