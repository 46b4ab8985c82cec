"""Probabilistic PCA of a series: components shrunk by what of them is noise."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atomotion.data import UsageError
from atomotion.denoise.pca.centred import CentredSeries, check_components, leading_eigenvectors
from atomotion.denoise.pca.spectrum import fit_noise

Samples = Literal["pixels", "frames"]


def probabilistic_pca(
    images: NDArray[np.floating],
    components: int | None = None,
    *,
    samples: Samples = "pixels",
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    r"""The posterior mean of a series under the model of few components and white noise.

    .. math:: \hat x = U_q\, (1 - \sigma^2 / \ell_q)\, U_q^T x , \qquad
              \sigma^2 = \frac{1}{d - q} \sum_{j > q} \ell_j

    with ℓ and U the eigenvalues and eigenvectors of the sample covariance of d variables: the closed form of maximum
    likelihood.

    ``samples = "pixels"`` takes every pixel as a sample of n variables, its values in the n frames. ``"frames"`` takes
    every frame as a sample of p variables, its pixels, as is usual. It has fewer samples than variables in nearly every
    series, and σ² is then the noise spread over p eigenvalues of which n - 1 are not 0, so that components are
    hardly shrunk at all.

    Parameters
    ----------
    images, mask
        As in `CentredSeries`, with its errors.
    components : int or None
        q; None counts what stands out of the noise (`component_count`). 0 gives the average.
    samples : "pixels" or "frames"

    Returns
    -------
    (n, y, x) float32
        In the units of the images.

    Raises
    ------
    UsageError
        For a number of components that n images cannot have, or other samples.

    References
    ----------
    Tipping and Bishop, J. R. Stat. Soc. B 61, 611 (1999), eqs. 7 to 9; Lawrence, J. Mach. Learn. Res. 6, 1783 (2005),
    for the model of frames as variables.
    """
    if samples not in ("pixels", "frames"):
        raise UsageError(f"unknown samples {samples!r} of probabilistic PCA; choose pixels or frames")
    series = CentredSeries(images, mask)
    check_components(components, len(series))
    products = series.products()
    if components is None:
        components = fit_noise(series, products).above_edge
    # the average was taken off: of n frames n - 1 are free
    free = min(len(series) - 1, series.pixels)
    components = min(components, free)
    if components == 0:
        return series.rebuilt(np.empty((len(series), 0)), np.empty((0, len(series))))
    values, vectors = leading_eigenvectors(products, components)
    variables = len(series) - 1 if samples == "pixels" else series.pixels
    rest = max(float(np.trace(products)) - float(np.sum(values)), 0.0)
    noise = rest / (variables - components) if variables > components else 0.0
    kept = np.maximum(1.0 - noise / np.maximum(values, 1e-300), 0.0)
    return series.rebuilt(vectors * kept, vectors.T)
