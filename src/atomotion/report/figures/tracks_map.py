"""All tracks of a movie on the mean of its frames."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from atomotion.report.figures.style import BLUE, GREEN, ORANGE, PURPLE, new_figure, show_image

_COLOURS = (ORANGE, BLUE, GREEN, PURPLE)
_BLUR = 1.5  # px
_LARGEST = 800  # px


def tracks_map(image: NDArray, paths: Sequence[NDArray], *, box_px: int, pixel_size: float) -> Figure:
    """The path of every particle, and the box at its beginning.

    Parameters
    ----------
    image : (y, x)
        Mean of a few frames.
    paths : sequence of (n, 2) float, x y [px]
    box_px : int
    pixel_size : float [Å]
    """
    height = 6.5 * image.shape[0] / image.shape[1]
    figure = new_figure(6.5, float(np.clip(height, 3.0, 9.0)))
    axes = figure.subplots()
    by = max(1, max(image.shape) // _LARGEST)
    shown = gaussian_filter(np.asarray(image, dtype=np.float32), _BLUR * by)[::by, ::by]
    show_image(axes, shown, pixel_size=pixel_size * by)
    axes.images[0].set_extent((-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5))
    for line in axes.lines:
        line.set_xdata(np.asarray(line.get_xdata()) * by)
        line.set_ydata(np.asarray(line.get_ydata()) * by)
    for text in axes.texts:
        text.set_position((text.get_position()[0] * by, text.get_position()[1] * by))
    for number, path in enumerate(paths, start=1):
        colour = _COLOURS[(number - 1) % len(_COLOURS)]
        axes.plot(path[:, 0], path[:, 1], color=colour, linewidth=1.0)
        x, y = path[0] - box_px / 2
        axes.plot([x, x + box_px, x + box_px, x, x], [y, y, y + box_px, y + box_px, y], color=colour, linewidth=0.9)
        axes.annotate(str(number), (x, y), color=colour, fontsize=10, ha="left", va="bottom")
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)
    return figure
