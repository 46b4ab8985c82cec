"""Total-variation denoising: the smoothest image, in total variation, that explains the frames."""

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import denoise_tv_chambolle

_ITERATIONS = 100
_TOLERANCE = 1e-4


def total_variation(values: NDArray[np.floating], *, weight: float) -> NDArray[np.float32]:
    r"""The minimiser of the Rudin-Osher-Fatemi functional, by Chambolle's algorithm.

    .. math:: \min_u \int |\nabla u| + \frac{1}{2\,w} \int (u - y)^2

    Parameters
    ----------
    values : (y, x) or (t, y, x) float
        Scaled so that the noise has a standard deviation of 1; a stack is denoised with the gradient along time too.
    weight : float
        w, in standard deviations of the noise.

    References
    ----------
    Rudin, Osher and Fatemi, Physica D 60, 259 (1992); Chambolle, J. Math. Imaging Vis. 20, 89 (2004).
    """
    if weight == 0:
        return np.asarray(values, dtype=np.float32)
    smooth = denoise_tv_chambolle(
        np.asarray(values, dtype=np.float32), weight=weight, eps=_TOLERANCE, max_num_iter=_ITERATIONS
    )
    return np.asarray(smooth, dtype=np.float32)
