"""What changes from each state to the next: numbers of atoms, and displacements by coordination number."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from atomotion.report.figures.state_changes import FATE_COLOURS
from atomotion.report.figures.style import INK, SOFT, new_figure, tidy


def state_steps(changes: pd.DataFrame, by_coordination: pd.DataFrame) -> Figure:
    """Bars of removed and added atoms in every step, and the mean displacement by coordination number.

    Parameters
    ----------
    changes : DataFrame
        With state_before, state_after, removed, added, rearranged.
    by_coordination : DataFrame
        With step, coordination_number, mean_A, standard_error_A; the step "all" is drawn with its errors.
    """
    figure = new_figure(9.5, 3.5)
    left, right = figure.subplots(1, 2)
    tidy(left, xlabel="step", ylabel="atoms gone (-) and new (+)")
    place = np.arange(len(changes))
    moved = changes["rearranged"].to_numpy()
    lost, gained = changes["removed"].to_numpy() - moved, changes["added"].to_numpy() - moved
    left.bar(place, -moved, color=FATE_COLOURS["rearranged"], width=0.6, label="moved elsewhere")
    left.bar(place, moved, color=FATE_COLOURS["rearranged"], width=0.6)
    left.bar(place, -lost, bottom=-moved, color=FATE_COLOURS["removed"], width=0.6, label="removed")
    left.bar(place, gained, bottom=moved, color=FATE_COLOURS["added"], width=0.6, label="added")
    left.axhline(0.0, color=SOFT, linewidth=0.8)
    names = [f"{first} to {second}" for first, second in zip(changes["state_before"], changes["state_after"])]
    left.set_xticks(place, names, rotation=90 if len(names) > 6 else 0)
    left.grid(visible=False, axis="x")
    left.margins(y=0.12)
    left.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    tidy(right, xlabel="coordination number", ylabel="mean displacement (Å)")
    steps = [step for step in dict.fromkeys(by_coordination["step"]) if step != "all"]
    tones = colormaps["viridis"](np.linspace(0.1, 0.9, max(len(steps), 1)))
    for step, tone in zip(steps if len(steps) > 1 else [], tones):
        rows = by_coordination[by_coordination["step"] == step]
        right.plot(
            rows["coordination_number"], rows["mean_A"], color=tone, linewidth=1.0, marker=".", markersize=4, label=step
        )
    rows = by_coordination[by_coordination["step"] == "all"]
    right.errorbar(
        rows["coordination_number"], rows["mean_A"], yerr=rows["standard_error_A"], color=INK, linewidth=2.0,
        marker="o", markersize=4, capsize=2.5, label="all steps" if len(steps) > 1 else names[0],
    )  # fmt: skip
    right.set_ylim(bottom=0.0)
    right.legend(frameon=False, fontsize=7.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
