"""PCA of a series with every component shrunk by as much as noise has changed it."""

import numpy as np
from numpy.typing import NDArray

from atomotion.denoise.pca.centred import CentredSeries, leading_eigenvectors
from atomotion.denoise.pca.noise_law import shrinkage_weights
from atomotion.denoise.pca.spectrum import fit_noise


def shrunk_pca(images: NDArray[np.floating], *, mask: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """A series reduced to the components above the noise's edge, shrunk for the least mean squared error.

    Noise makes components longer and turns them. Probabilistic PCA undoes the first; `shrinkage_weights` accounts for
    both, for noise of any colour and any ratio of frames to pixels. There is nothing to choose.

    Parameters
    ----------
    images, mask
        As in `CentredSeries`, with its errors.

    Returns
    -------
    (n, y, x) float32
        In the units of the images; the average alone where no component stands out of the noise.

    References
    ----------
    Nadakuditi, IEEE Trans. Inf. Theory 60, 3002 (2014); Gavish and Donoho, IEEE Trans. Inf. Theory 63, 2137 (2017).
    """
    series = CentredSeries(images, mask)
    products = series.products()
    noise = fit_noise(series, products)
    if noise.above_edge == 0:
        return series.rebuilt(np.empty((len(series), 0)), np.empty((0, len(series))))
    values, vectors = leading_eigenvectors(products, noise.above_edge)
    kept = shrinkage_weights(values, noise.variances, len(series) - 1, modes=series.pixels)
    return series.rebuilt(vectors * kept, vectors.T)
