"""How many components of a series stand out of its noise, and how strong the noise is."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atomotion.denoise.pca.centred import MOST_DENSE, CentredSeries, leading_eigenvectors
from atomotion.denoise.pca.noise_law import noise_edge, truncation_threshold
from atomotion.denoise.pca.simulated_noise import padded_power, periodogram

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
    power : (2y, x + 1) float
        Mean `padded_power` of the noise of a frame.
    energy : float
        Expected sum of squares of the noise of one frame over the pixels considered.
    edge, threshold : float
        See `noise_edge` and `truncation_threshold`.
    above_edge, above_threshold : int
        Eigenvalues of the products of frames that are larger.
    """

    variances: NDArray[np.float64]
    power: NDArray[np.float64]
    energy: float
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
    images, mask
        As in `CentredSeries`, with its errors.
    rule : "edge" or "truncation"
        What can be told from noise, or, fewer, what lowers the mean squared error where it is kept whole.
    """
    series = CentredSeries(images, mask)
    found = fit_noise(series, series.products())
    return found.above_edge if rule == "edge" else found.above_threshold


def fit_noise(
    series: CentredSeries, products: NDArray[np.float64], *, scale: NDArray[np.floating] | None = None
) -> NoiseFit:
    """The noise of a series, and what stands out of it.

    The noise is what the components found so far leave over: its power spectrum, averaged over directions, gives colour
    and strength. With it, components are counted anew, until nothing changes. Signal that spreads over all
    eigenvalues cannot be told from noise and is counted as such: the noise then comes out too strong.

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
    floor = _ROUNDING * float(np.trace(products))
    values, vectors = np.empty(0), np.empty((len(series), 0))
    power, variances, edge, threshold, found = total, np.zeros(1), floor, floor, 0
    for _ in range(_ROUNDS):
        power = total - _power_of_components(series, vectors[:, :found], scale)
        power = np.maximum(power, _ROUNDING * total) / max(free - found, 1)
        # of the box's modes a mask leaves as many as it has pixels, each with its share of the power
        variances = periodogram(power) * series.mask.size / series.pixels
        edge = max(noise_edge(variances, free, modes=series.pixels), floor)
        threshold = max(truncation_threshold(variances, free, modes=series.pixels), floor)
        if values.size == 0 or (values[-1] > edge and values.size < len(series)):
            values, vectors = _leading(products, edge)
        before, found = found, int(np.sum(values > edge))
        if found == before:
            break
    return NoiseFit(
        variances=variances.ravel(),
        power=power,
        energy=float(np.sum(variances)) * series.pixels / series.mask.size,
        edge=edge,
        threshold=threshold,
        above_edge=found,
        above_threshold=int(np.sum(values > threshold)),
    )


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
