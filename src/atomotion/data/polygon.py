"""The outline of a region in a frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Polygon:
    """A closed outline in the pixels of a frame, and the frame on which it was drawn, where that is known.

    Parameters
    ----------
    points : (n, 2) float, x y [px]
        Corners in order; the first is not repeated at the end. (0, 0) is the centre of the first pixel.
    shape : (y, x) int or None
        Size of the frame in pixels.
    pixel_size : float [Å] or None
    """

    points: NDArray[np.floating]
    shape: tuple[int, int] | None = None
    pixel_size: float | None = None
