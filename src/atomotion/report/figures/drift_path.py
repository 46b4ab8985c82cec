"""The drift of a movie against time and as a path."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, ORANGE, new_figure, tidy, time_axis


def drift_path(dx: NDArray, dy: NDArray, *, unit: str, times: NDArray | None = None) -> Figure:
    """Displacement of the content of every frame, (t,) each, in `unit`."""
    figure = new_figure(9.5, 3.0)
    time_axes, path_axes = figure.subplots(1, 2, width_ratios=[2, 1])
    x, label = time_axis(len(dx), times)
    tidy(time_axes, xlabel=label, ylabel=f"displacement ({unit})")
    time_axes.plot(x, dx, color=BLUE, linewidth=1.1, label="x (right)")
    time_axes.plot(x, dy, color=ORANGE, linewidth=1.1, label="y (down)")
    time_axes.legend(frameon=False, fontsize=8)
    tidy(path_axes, xlabel=f"x ({unit})", ylabel=f"y ({unit})")
    path_axes.plot(dx, dy, color=BLUE, linewidth=0.8)
    path_axes.plot(dx[:1], dy[:1], "o", color=BLUE, markersize=5)
    reach = max(1.0, float(np.nanmax(np.abs(np.concatenate([dx, dy])))) * 1.1)
    path_axes.set_xlim(-reach, reach)
    path_axes.set_ylim(reach, -reach)
    path_axes.set_aspect("equal")
    return figure
