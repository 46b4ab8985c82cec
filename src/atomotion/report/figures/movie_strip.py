"""Frames side by side: raw above, denoised below."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import new_figure, outline, show_image


def movie_strip(
    rows: Sequence[tuple[str, Sequence[NDArray]]],
    titles: Sequence[str],
    *,
    pixel_size: float | None = None,
    polygons: Sequence[NDArray] | None = None,
) -> Figure:
    """A picture of the same frames in several versions.

    Parameters
    ----------
    rows : sequence of (name, images)
        For instance ("raw", frames) and ("denoised", frames); images are (y, x). Every row has grey limits of its own.
    titles : sequence of str
        One per column.
    pixel_size : float [Å] or None
        Draws the scale bar.
    polygons : sequence of (n, 2) float, x y [px], or None
        One outline per column.
    """
    columns = len(titles)
    height, width = rows[0][1][0].shape
    cell = min(2.6, 11.0 / columns)
    figure = new_figure(cell * columns + 0.3, (cell * height / width + 0.25) * len(rows))
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for row, (name, images) in enumerate(rows):
        low, high = np.nanpercentile(np.stack(list(images)), [0.5, 99.5])
        for column, image in enumerate(images):
            panel = axes[row, column]
            show_image(
                panel, image, limits=(low, high), title=titles[column] if row == 0 else "",
                pixel_size=pixel_size if row == 0 and column == 0 else None,
            )  # fmt: skip
            if polygons is not None and row == 0:
                outline(panel, polygons[column])
        axes[row, 0].text(
            -0.03, 0.5, name, transform=axes[row, 0].transAxes, rotation=90, ha="right", va="center", fontsize=9
        )
    return figure
