"""The Gaussian filter in the frame."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_TRUNCATE = 4.0


def gaussian(frame: NDArray[np.floating], *, sigma_px: float) -> NDArray[np.float32]:
    """The frame smoothed with a Gaussian of standard deviation `sigma_px`; the outermost pixels go on beyond its edge.

    Parameters
    ----------
    frame : (y, x) float
    sigma_px : float [px]
        0 leaves the frame as it is.
    """
    values = np.asarray(frame, dtype=np.float32)
    smooth: NDArray[np.float32] = ndimage.gaussian_filter(values, sigma_px, mode="nearest", truncate=_TRUNCATE)
    return smooth
