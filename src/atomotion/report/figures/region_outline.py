"""The particle's outline, and the empty region, on the mean image."""

from matplotlib.figure import Figure
from numpy.typing import NDArray

from atomotion.report.figures.style import BLUE, ORANGE, new_figure, outline, show_image


def region_outline(
    image: NDArray, polygon: NDArray, *, vacuum: NDArray | None = None, pixel_size: float | None = None
) -> Figure:
    """The mean image (y, x) with the polygon (n, 2) x y [px] and, where there is one, the vacuum polygon."""
    height, width = image.shape
    size = 4.2
    figure = new_figure(size * max(0.6, min(width / height, 2.2)), size)
    axes = figure.subplots()
    show_image(axes, image, pixel_size=pixel_size)
    outline(axes, polygon, colour=ORANGE, label="particle")
    if vacuum is not None:
        outline(axes, vacuum, colour=BLUE, label="vacuum", style="--")
    axes.legend(loc="upper right", fontsize=8, framealpha=0.85)
    return figure
