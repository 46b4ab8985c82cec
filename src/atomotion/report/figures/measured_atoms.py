"""A particle coloured by its measures: from outside along one direction, and cut open along another."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from atomotion.report.figures.atom_view import (
    Colours,
    colours_of,
    crystal_axes,
    draw_atoms,
    frame_around,
    looking_along,
    nanometre_bar,
)
from atomotion.report.figures.style import INK, SOFT, new_figure

_PER_ROW = 4


def measured_atoms(
    positions: NDArray[np.float64], measures: Sequence[tuple[str, ArrayLike]], *, spacing: float
) -> Figure:
    """Two pictures per measure: the whole particle seen near [100], and the half behind its centre along [110].

    Without a lattice these are x and x + y.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    measures : sequence of (label, values)
        Values (n,) are numbers or words.
    spacing : float [Å]
        The nearest-neighbour distance; discs touch.
    """
    axes, crystal = crystal_axes(positions)
    names = ("near [100]", "along [110]") if crystal else ("near x", "along x + y")
    outside = looking_along([1, 0, 0], [0, 0, 1], axes, tilt=True)
    inside = looking_along([1, 1, 0], [0, 0, 1], axes, tilt=False)
    frame = frame_around([positions])
    behind = (positions - positions.mean(axis=0)) @ inside[2] < 0.25 * spacing
    blocks = -(-len(measures) // _PER_ROW)
    columns = min(len(measures), _PER_ROW)
    figure = new_figure(2.5 * columns + 0.3, 5.65 * blocks)
    panels = figure.subplots(3 * blocks, columns, squeeze=False, height_ratios=[1.0, 1.0, 0.28] * blocks)
    for panel in panels.ravel():
        panel.set_axis_off()
    for number, (label, values) in enumerate(measures):
        row, column = 3 * (number // columns), number % columns
        colours = colours_of(values)
        radius = 0.5 * spacing
        draw_atoms(panels[row, column], positions, colours.rgb, outside, radius=radius, within=frame, title=label)
        draw_atoms(panels[row + 1, column], positions[behind], colours.rgb[behind], inside, radius=radius, within=frame)
        _legend(figure, panels[row + 2, column], colours)
        if column == 0:
            nanometre_bar(panels[row, 0], frame[1], radius)
            for each, text in ((row, f"from outside, {names[0]}"), (row + 1, f"cut open {names[1]}")):
                panels[each, 0].text(
                    -0.02, 0.5, text, transform=panels[each, 0].transAxes, rotation=90, ha="right", va="center",
                    fontsize=8, color=SOFT,
                )  # fmt: skip
    return figure


def _legend(figure: Figure, panel: Axes, colours: Colours) -> None:
    if colours.scale is None:
        handles = [Patch(color=colour, label=name) for name, colour in colours.names.items()]
        panel.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1.1), ncols=min(3, len(handles)), frameon=False,
            fontsize=7.5, handlelength=0.9, columnspacing=0.9, handletextpad=0.4, labelspacing=0.3,
        )  # fmt: skip
        return
    map_, norm = colours.scale
    place = panel.inset_axes((0.08, 0.72, 0.84, 0.2))
    bar = figure.colorbar(ScalarMappable(norm=norm, cmap=map_), cax=place, orientation="horizontal")
    bar.locator = MaxNLocator(nbins=4)
    bar.update_ticks()
    bar.ax.tick_params(labelsize=7.5, colors=SOFT, labelcolor=INK)
    bar.outline.set_linewidth(0.0)
    boundaries = getattr(norm, "boundaries", None)
    if boundaries is not None:
        bar.set_ticks(list(np.arange(boundaries[0] + 0.5, boundaries[-1])))
        bar.ax.minorticks_off()
