"""The states of a trajectory side by side: atoms that will be gone, and atoms that are new."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from atomotion.report.figures.atom_view import crystal_axes, draw_atoms, frame_around, looking_along, nanometre_bar
from atomotion.report.figures.style import INK, SOFT, new_figure

FATE_COLOURS = {
    "kept": "#d5dce2", "removed": "#d9622b", "added": "#1f6f9f", "rearranged": "#8e5bb0",
}  # fmt: skip
_PER_ROW = 6


def state_changes(
    states: Sequence[NDArray[np.float64]],
    until: Sequence[NDArray[np.str_]],
    since: Sequence[NDArray[np.str_]],
    titles: Sequence[str],
    *,
    spacing: float,
) -> Figure:
    """The states coloured by what becomes of their atoms until the next, and by where they came from.

    Parameters
    ----------
    states : sequence of (n, 3) float [Å]
        In one frame.
    until, since : sequence of (n,) str
        kept, removed, added, rearranged or none.
    titles : sequence of str
    spacing : float [Å]
    """
    blocks = -(-len(states) // _PER_ROW)
    columns = -(-len(states) // blocks)
    cell = 2.0 if columns > 4 else 2.5
    figure = new_figure(cell * columns + 0.3, (2 * cell + 0.6) * blocks + 0.3)
    panels = figure.subplots(2 * blocks, columns, squeeze=False)
    for panel in panels.ravel():
        panel.set_axis_off()
    view = looking_along([1, 0, 0], [0, 0, 1], crystal_axes(states[0])[0], tilt=True)
    frame = frame_around(list(states))
    for number, positions in enumerate(states):
        row, column = 2 * (number // columns), number % columns
        for below, (words, title) in enumerate(((until[number], titles[number]), (since[number], ""))):
            panel = panels[row + below, column]
            if (words != "none").any():
                rgb = np.array([to_rgb(FATE_COLOURS[word]) for word in words])
                draw_atoms(panel, positions, rgb, view, radius=0.5 * spacing, within=frame)
            else:
                panel.set_aspect("equal")
            panel.set_title(title, fontsize=9, color=INK)
            if column == 0:
                name = "until the next state" if below == 0 else "since the state before"
                panel.text(
                    -0.02, 0.5, name, transform=panel.transAxes, rotation=90, ha="right", va="center", fontsize=8,
                    color=SOFT,
                )  # fmt: skip
    nanometre_bar(panels[0, 0], frame[1], 0.5 * spacing)
    names = {"kept": "kept", "removed": "removed next", "added": "added since", "rearranged": "moved elsewhere"}
    figure.legend(
        handles=[Patch(color=FATE_COLOURS[word], label=name) for word, name in names.items()],
        loc="outside lower center", ncols=4, frameon=False, fontsize=8.5,
    )  # fmt: skip
    return figure
