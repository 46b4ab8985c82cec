"""Non-local means: every pixel becomes the average of pixels whose surroundings look alike."""

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import denoise_nl_means


def nonlocal_means(
    frame: NDArray[np.floating], *, strength: float, patch_px: int, search_px: int
) -> NDArray[np.float32]:
    """The frame under non-local means.

    Parameters
    ----------
    frame : (y, x) float
        Scaled so that the noise has a standard deviation of 1.
    strength : float
        h, in standard deviations of the noise.
    patch_px, search_px : int
        Side of the patches, and how far similar ones are looked for.

    References
    ----------
    Buades, Coll and Morel, CVPR 2005; the fast form of Froment, IPOL 4, 300 (2014), with the noise's own
    distance taken off as in Darbon et al., ISBI 2008.
    """
    smooth = denoise_nl_means(
        np.asarray(frame, dtype=np.float32),
        patch_size=patch_px,
        patch_distance=search_px,
        h=strength,
        sigma=1.0,
        fast_mode=True,
    )
    return np.asarray(smooth, dtype=np.float32)
