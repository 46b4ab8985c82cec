"""How all pictures look: sizes, colours, scale bars."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

INK, SOFT, GRID = "#1d2733", "#5b6875", "#d9dfe5"
BLUE, ORANGE, GREEN, PURPLE = "#1f6f9f", "#d9822b", "#3a8f5c", "#7a5195"
STATE_COLOURS = {"ordered": "#cfe6d8", "disordered": "#f6d9c2", "intermediate": "#e8e4f0", "undetermined": "#eceff2"}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def tidy(axes: Axes, *, xlabel: str = "", ylabel: str = "") -> Axes:
    """Labels, and nothing around the data that is not needed."""
    axes.set_xlabel(xlabel, color=INK)
    axes.set_ylabel(ylabel, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelcolor=INK)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def show_image(
    axes: Axes,
    image: NDArray,
    *,
    pixel_size: float | None = None,
    title: str = "",
    limits: tuple[float, float] | None = None,
) -> None:
    """A grey image without ticks; a scale bar where the pixel size [Å] is known."""
    low, high = limits if limits is not None else np.nanpercentile(image, [0.5, 99.5])
    axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.set_title(title, fontsize=9, color=INK)
    axes.set_axis_off()
    if pixel_size is not None:
        _scale_bar(axes, image.shape, pixel_size)


def _scale_bar(axes: Axes, shape: tuple[int, ...], pixel_size: float) -> None:
    """A bar of a round length, about a quarter of the width, in the lower left corner."""
    height, width = shape[0], shape[1]
    wanted = width * pixel_size / 4
    power = 10.0 ** np.floor(np.log10(wanted))
    length = power * max(step for step in (1, 2, 5) if step * power <= wanted)
    x0, y0 = 0.05 * width, 0.94 * height
    pixels = length / pixel_size
    axes.plot([x0, x0 + pixels], [y0, y0], color="white", linewidth=4.5, solid_capstyle="butt")
    axes.plot([x0, x0 + pixels], [y0, y0], color="black", linewidth=2.5, solid_capstyle="butt")
    label = f"{length / 10:g} nm" if length >= 10 else f"{length:g} Å"
    axes.text(
        x0 + pixels / 2, y0 - 0.03 * height, label, ha="center", va="bottom", fontsize=8,
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.0},
    )  # fmt: skip


def outline(axes: Axes, points: NDArray, *, colour: str = ORANGE, label: str = "", style: str = "-") -> None:
    """A closed polygon, x y [px]."""
    closed = np.vstack([points, points[:1]])
    axes.plot(closed[:, 0], closed[:, 1], color=colour, linewidth=1.4, label=label, linestyle=style)


def time_axis(n_frames: int, times: NDArray | None) -> tuple[NDArray, str]:
    """What to plot against: seconds where they are known, else frame numbers; and the label."""
    if times is None:
        return np.arange(n_frames, dtype=float), "frame"
    return np.asarray(times, dtype=float), "time (s)"


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as a PNG."""
    figure.savefig(path, dpi=140)
    return path
