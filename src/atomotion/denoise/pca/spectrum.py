"""How many components of a series stand out of its noise, and how strong the noise is."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from atomotion.denoise.pca.centred import MOST_DENSE, CentredSeries, leading_eigenvectors
from atomotion.denoise.pca.noise_law import noise_edge, truncation_threshold
from atomotion.denoise.pca.simulated_noise import padded_power, periodogram, simulated_products

# the part of the eigenvalues that the strength of noise is taken from; signal gathers above, and below it hangs on how
# exactly the noise's weakest modes are known
_LOWEST, _HIGHEST = 0.40, 0.60
_LEAST_FRAMES = 50
_MOST_FRAMES = 600
_ROUNDS = 6
_BATCH = 64
# what rounding leaves of products and spectra, as a part of their sum
_ROUNDING = 1e-12

Rule = Literal["edge", "truncation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseFit:
    """The noise of a series and what stands out of it.

    Parameters
    ----------
    variances : (p,) float
        Of the noise's modes, samples of which there are as many as pixels in the box.
    energy : float
        Expected sum of squares of the noise of one frame over the pixels considered.
    products : (k, k) float
        Of k frames of simulated noise of this strength and colour.
    edge, threshold : float
        See `noise_edge` and `truncation_threshold`.
    above_edge, above_threshold : int
        Eigenvalues of the products of frames that are larger.
    """

    variances: NDArray[np.float64]
    energy: float
    products: NDArray[np.float64]
    edge: float
    threshold: float
    above_edge: int
    above_threshold: int


def component_count(images: NDArray[np.floating], *, mask: NDArray[np.bool_] | None = None, rule: Rule = "edge") -> int:
    """The number of components of a series, around its average, that noise alone would not make.

    0 means that nothing but the average is there to be seen, and then the average is all that kernel PCA and
    probabilistic PCA give back. The noise may be white or not, but it must be independent from frame to frame, and have
    the same spectrum everywhere in the box and in every direction.

    Parameters
    ----------
    images : (n, y, x) float
    mask : (y, x) bool or None
        The pixels that are considered.
    rule : "edge" or "truncation"
        What can be told from noise, or, fewer, what lowers the mean squared error where it is kept whole.

    Raises
    ------
    InputError
        As for every method of this package: fewer than two images, values that are not finite, a mask that does not
        fit.
    """
    series = CentredSeries(images, mask)
    found = fit_noise(series, series.products())
    return found.above_edge if rule == "edge" else found.above_threshold


def fit_noise(
    series: CentredSeries, products: NDArray[np.float64], *, scale: NDArray[np.floating] | None = None
) -> NoiseFit:
    """The noise of a series, from its own eigenvalues and power spectrum.

    The colour of the noise is the power spectrum of what the components found so far leave over, averaged over
    directions. Its strength is that at which the middle eigenvalues (40 to 60 %) have the sum that they have in
    simulated noise of this colour, as Gavish and Donoho take the median. With it, components are counted anew, until
    nothing changes. Signal that spreads over all eigenvalues cannot be told from noise and is counted as such: the
    noise then comes out too strong.

    Parameters
    ----------
    series : CentredSeries
    products : (n, n) float
        Of the frames, times `scale` on both sides.
    scale : (n,) float or None
        A factor for every frame.
    """
    free = len(series) - 1
    total = _total_power(series, scale)
    middle, few = _middle_eigenvalues(products, periodogram(total))
    floor = _ROUNDING * float(np.trace(products))
    values, vectors = np.empty(0), np.empty((len(series), 0))
    noise, energy, variances, edge, threshold, found = np.zeros((few, few)), 0.0, np.zeros(1), floor, floor, 0
    for _ in range(_ROUNDS):
        power = total - _power_of_components(series, vectors[:, :found], scale)
        power = np.maximum(power, _ROUNDING * total) / max(free - found, 1)
        noise = simulated_products(power, series.mask, few)
        expected = float(np.sum(_middle(linalg.eigvalsh(noise))))
        # of few frames, or none that differ, the spectrum's own strength is the better estimate
        level = min(float(np.sum(middle)) / expected, 1.0) if few >= _LEAST_FRAMES and expected > 0.0 else 1.0
        noise *= level
        # of the box's modes a mask leaves as many as it has pixels, each with its share of the power
        variances = periodogram(power) * level * series.mask.size / series.pixels
        energy = float(np.sum(variances)) * series.pixels / series.mask.size
        edge = max(noise_edge(variances, free, modes=series.pixels), floor)
        threshold = max(truncation_threshold(variances, free, modes=series.pixels), floor)
        if values.size == 0 or (values[-1] > edge and values.size < len(series)):
            values, vectors = _leading(products, edge)
        before, found = found, int(np.sum(values > edge))
        if found == before:
            break
    return NoiseFit(
        variances=variances.ravel(),
        energy=energy,
        products=noise,
        edge=edge,
        threshold=threshold,
        above_edge=found,
        above_threshold=int(np.sum(values > threshold)),
    )


def _middle_eigenvalues(
    products: NDArray[np.float64], spectrum: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """The middle eigenvalues of some frames, and the number of these frames.

    Frames beyond a quarter of the number of modes that carry the noise would only add eigenvalues of its weakest modes.
    """
    n = len(products)
    modes = float(np.sum(spectrum) ** 2 / max(float(np.sum(spectrum**2)), 1e-300))
    few = int(np.clip(modes / 4.0, 2, min(n, _MOST_FRAMES)))
    if few == n:
        # the average was taken off, so one eigenvalue is 0
        return _middle(linalg.eigvalsh(products)[1:]), n - 1
    chosen = np.linspace(0, n - 1, few).round().astype(int)
    return _middle(linalg.eigvalsh(products[np.ix_(chosen, chosen)])), few


def _middle(ascending: NDArray[np.floating]) -> NDArray[np.float64]:
    first = int(_LOWEST * len(ascending))
    last = max(int(_HIGHEST * len(ascending)), first + 1)
    return np.asarray(np.maximum(ascending[first:last], 0.0), dtype=np.float64)


def _leading(products: NDArray[np.float64], edge: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The leading eigenvalues, descending, down to one below the edge, or all of them."""
    count = len(products) if len(products) <= MOST_DENSE else _BATCH
    while True:
        values, vectors = leading_eigenvectors(products, count)
        if values[-1] <= edge or count >= len(products):
            return values, vectors
        count = min(2 * count, len(products))


def _total_power(series: CentredSeries, scale: NDArray[np.floating] | None) -> NDArray[np.float64]:
    """Sum over the frames of their padded power spectra."""
    ny, nx = series.shape[1:]
    total = np.zeros((2 * ny, nx + 1))
    for which, frames in series.batches():
        total += padded_power(frames if scale is None else frames * scale[which, None, None].astype(np.float32))
    return total


def _power_of_components(
    series: CentredSeries, vectors: NDArray[np.float64], scale: NDArray[np.floating] | None
) -> NDArray[np.float64]:
    """The part of the total power that components of the frames, columns (n, k), account for."""
    ny, nx = series.shape[1:]
    total = np.zeros((2 * ny, nx + 1))
    weights = vectors.T if scale is None else vectors.T * scale
    for first in range(0, len(weights), _BATCH):
        mixed = series.mixtures(weights[first : first + _BATCH]).reshape(-1, ny, nx)
        total += padded_power(mixed * series.mask)
    return total
