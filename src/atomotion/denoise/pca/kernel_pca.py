"""Kernel PCA of a series with the cosine kernel, as published and corrected."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atomotion.data import UsageError
from atomotion.denoise.pca.centred import CentredSeries, check_components, leading_eigenvectors
from atomotion.denoise.pca.spectrum import fit_noise

Variant = Literal["corrected", "published"]

_PUBLISHED_COMPONENTS = 500
_PUBLISHED_ITERATIONS = 14
_PUBLISHED_TOLERANCE = 1e-4
_LEAST = 1e-12


def cosine_kernel_pca(
    images: NDArray[np.floating],
    components: int | None = None,
    *,
    variant: Variant = "corrected",
    mask: NDArray[np.bool_] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    r"""A series reduced to the leading components of its cosine kernel.

    With x the images minus their average and ``u = x / |x|``, the kernel is :math:`K_{ij} = u_i \cdot u_j`, and V are
    its leading eigenvectors.

    ``corrected``: the kernel is a product in the space of images itself, so a projection onto components is an image,
    and no pre-image has to be searched for:
    :math:`\hat x_i = |x_i| \sum_j (V V^T)_{ij}\, u_j`, the orthogonal projection of x onto the components. All
    components give the series back.

    ``published``: as the reference program did it for the paper. The kernel is centred a second time; the projector is
    :math:`\gamma = n \sum_q \lambda_q^{-1} v_q v_q^T`, which weighs the components *inversely* to their eigenvalues;
    and the pre-image is the fixed point of
    :math:`p_j = \gamma_{ij} (u_j \cdot z),\; y = \sum_j p_j x_j / \sum_j |p_j|,\; z = y / |y|` from ``z = u_i``, at
    most 14 times. Likeness counts twice, in γ and in the product with z, so that frames opposite to the image enter
    with the same sign as those like it; and dividing by the sum of the \|p\| gives y the amplitude of an average, not
    that of the image. Kept for comparison; it holds some eight matrices of n x n.

    Parameters
    ----------
    images, mask
        As in `CentredSeries`, with its errors.
    components : int or None
        None takes, corrected, as many as lower the mean squared error when they are kept whole
        (`truncation_threshold`; none leaves the average), and, published, 500, or n - 1 where that is less.
    variant : "corrected" or "published"
    on_step : callable, optional
        Called with (done, total) steps.

    Returns
    -------
    (n, y, x) float32
        In the units of the images.

    Raises
    ------
    UsageError
        For a number of components that n images cannot have, or another variant.

    References
    ----------
    Meana-Pañeda et al., Sci. Adv. (2025), "Denoising of the nanocrystal time trajectories through kernel-PCA"; Mika et
    al., NIPS 11, 536 (1999), for pre-images.
    """
    if variant not in ("corrected", "published"):
        raise UsageError(f"unknown variant {variant!r} of kernel PCA; choose corrected or published")
    series = CentredSeries(images, mask)
    check_components(components, len(series))
    products = series.products()
    lengths = np.sqrt(np.maximum(np.diag(products), 0.0))
    # an image that is the average itself has no direction
    scale = np.where(lengths > _LEAST * max(lengths.max(), 1e-300), 1.0 / np.maximum(lengths, 1e-300), 0.0)
    cosines = products * scale[:, None] * scale
    if variant == "published":
        return _published(series, products, cosines, scale, components, on_step)
    if components is None:
        components = fit_noise(series, cosines, scale=scale).above_threshold
    _, vectors = leading_eigenvectors(cosines, components) if components else (None, np.empty((len(series), 0)))
    result = series.rebuilt(vectors * lengths[:, None], vectors.T * scale)
    if on_step is not None:
        on_step(1, 1)
    return result


def _published(
    series: CentredSeries,
    products: NDArray[np.float64],
    cosines: NDArray[np.float64],
    scale: NDArray[np.float64],
    components: int | None,
    on_step: Callable[[int, int], None] | None,
) -> NDArray[np.float32]:
    """The reference program's steps, with every image written as a mixture of the frames."""
    n = len(series)
    count = min(_PUBLISHED_COMPONENTS if components is None else components, n - 1)
    row = cosines.mean(axis=0)
    twice = cosines - row - row[:, None] + row.mean()
    values, vectors = leading_eigenvectors(twice, count)
    kept = values > _LEAST * max(values[0] if count else 0.0, 1e-300)
    vectors, values = vectors[:, kept], values[kept]
    gamma = n * (vectors / values) @ vectors.T
    mixture = np.diag(scale)
    images = np.zeros((n, n))
    going = np.arange(n)
    for step in range(_PUBLISHED_ITERATIONS):
        seen = mixture[going] @ products
        weights = seen * scale * gamma[going]
        images[going] = weights / np.maximum(np.abs(weights).sum(axis=1), 1e-300)[:, None]
        # z and y as mixtures of frames: their products go through the products of frames
        along = images[going] @ products
        length = np.sqrt(np.maximum(np.einsum("ij,ij->i", along, images[going]), 0.0))
        turned = images[going] / np.maximum(length, 1e-300)[:, None]
        agreement = np.einsum("ij,ij->i", seen, turned)
        mixture[going] = turned
        if on_step is not None:
            on_step(step + 1, _PUBLISHED_ITERATIONS)
        going = going[np.abs(agreement - 1.0) >= _PUBLISHED_TOLERANCE]
        if going.size == 0:
            break
    return series.rebuilt(images)
