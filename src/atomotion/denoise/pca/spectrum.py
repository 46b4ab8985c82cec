"""How many components of a series stand out of its noise, and how strong the noise is."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, linalg

from atomotion.denoise.pca.centred import MOST_DENSE, CentredSeries, leading_eigenvectors
from atomotion.denoise.pca.noise_law import noise_edge, truncation_threshold

# the part of the eigenvalues, from below, that the noise is measured from: signal gathers above it
_LOWEST, _HIGHEST = 0.05, 0.30
_MOST_FRAMES = 600
_ROUNDS = 6
_NEGLIGIBLE = 1e-5
_ROUNDING = 1e-12
_BATCH = 64

Rule = Literal["edge", "truncation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseFit:
    """The noise of a series and what stands out of it.

    Parameters
    ----------
    variances : (p,) float
        Power spectrum of the noise, one value for each of the box's Fourier modes.
    energy : float
        Expected sum of squares of the noise of one frame over the pixels considered.
    edge, threshold : float
        See `noise_edge` and `truncation_threshold`.
    above_edge, above_threshold : int
        Eigenvalues of the products of frames that are larger.
    """

    variances: NDArray[np.float64]
    energy: float
    edge: float
    threshold: float
    above_edge: int
    above_threshold: int

    def count(self, rule: Rule) -> int:
        """Components by a rule."""
        return self.above_edge if rule == "edge" else self.above_threshold


def component_count(
    images: NDArray[np.floating], *, mask: NDArray[np.bool_] | None = None, rule: Rule = "edge"
) -> int:
    """The number of components of a series, around its average, that noise alone would not make.

    0 means that nothing but the average is there to be seen, and then the average is all that a method of this package
    gives back. The noise may be white or not, but it must be independent from frame to frame, and have the same
    spectrum everywhere in the box.

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
    return fit_noise(series, series.products()).count(rule)


def fit_noise(
    series: CentredSeries, products: NDArray[np.float64], *, scale: NDArray[np.floating] | None = None
) -> NoiseFit:
    """The noise of a series, from its own eigenvalues and power spectrum.

    The colour of the noise is the power spectrum of what the components found so far leave over, averaged over
    directions; its strength is that at which the lower eigenvalues (5 to 30 %) have the sum that they have in simulated
    noise of this colour. With it, components are counted anew, until nothing changes. Signal that spreads over all
    eigenvalues cannot be told from noise and is counted as such; the noise then comes out too strong, never too weak.

    Parameters
    ----------
    series : CentredSeries
    products : (n, n) float
        Of the frames, times `scale` on both sides.
    scale : (n,) float or None
        A factor for every frame.
    """
    total = _total_power(series, scale)
    fraction = series.pixels / total.size
    lower, few = _lower_eigenvalues(products, total)
    # rounding leaves eigenvalues of its own
    floor = _ROUNDING * float(np.trace(products))
    values, vectors = np.empty(0), np.empty((len(series), 0))
    found = 0
    for _ in range(_ROUNDS):
        power = total / (len(series) - 1)
        if found:
            power -= _power_of_components(series, vectors[:, :found], scale) / (len(series) - 1)
        shape = _ring_means(np.maximum(power, 0.0)) / fraction * (len(series) - 1) / max(len(series) - 1 - found, 1)
        expected = _simulated_sum(shape, fraction, few)
        variances = shape * (float(np.sum(lower)) / expected if expected > 0.0 else 0.0)
        edge, threshold = (
            max(law(variances, len(series) - 1, modes=series.pixels), floor)
            for law in (noise_edge, truncation_threshold)
        )
        if values.size == 0 or (values[-1] > edge and values.size < len(series)):
            values, vectors = _above(products, edge)
        before, found = found, int(np.sum(values > edge))
        if found == before:
            break
    return NoiseFit(
        variances=variances.ravel(),
        energy=float(np.sum(variances) * fraction),
        edge=edge,
        threshold=threshold,
        above_edge=found,
        above_threshold=int(np.sum(values > threshold)),
    )


def _lower_eigenvalues(products: NDArray[np.float64], power: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Eigenvalues from the lower part of the spectrum of some frames, ascending, and the number of these frames.

    Frames beyond half the number of modes that carry the noise would only add eigenvalues of nearly zero.
    """
    modes = float(np.sum(power) ** 2 / max(np.sum(power**2), 1e-300))
    few = int(np.clip(modes / 2.0, 2, min(len(products), _MOST_FRAMES)))
    if few == len(products):
        # the average was taken off, so one eigenvalue is 0
        return _part(linalg.eigvalsh(products)[1:]), few - 1
    chosen = np.linspace(0, len(products) - 1, few).round().astype(int)
    return _part(linalg.eigvalsh(products[np.ix_(chosen, chosen)])), few


def _part(ascending: NDArray[np.float64]) -> NDArray[np.float64]:
    n = len(ascending)
    first, last = int(_LOWEST * n), max(int(_HIGHEST * n), int(_LOWEST * n) + 1)
    return np.maximum(ascending[first:last], 0.0)


def _simulated_sum(variances: NDArray[np.float64], fraction: float, frames: int) -> float:
    """The sum of the same eigenvalues of noise with these variances, of which a box shows a fraction."""
    rng = np.random.default_rng(0)
    tau = np.sort(variances.ravel())[::-1].astype(np.float32)
    tau = tau[: max(1, int(np.sum(tau > _NEGLIGIBLE * tau[0])))]
    modes = max(1, round(fraction * tau.size))
    tau = tau[np.linspace(0, tau.size - 1, modes).round().astype(int)]
    noise = rng.standard_normal((frames, modes), dtype=np.float32) * np.sqrt(tau)
    return float(np.sum(_part(linalg.eigvalsh((noise @ noise.T).astype(np.float64)))))


def _above(products: NDArray[np.float64], edge: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The leading eigenvalues, descending, down to one below the edge, or all of them."""
    count = len(products) if len(products) <= MOST_DENSE else 64
    while True:
        values, vectors = leading_eigenvectors(products, count)
        if values[-1] <= edge or count >= len(products):
            return values, vectors
        count = min(2 * count, len(products))


def _total_power(series: CentredSeries, scale: NDArray[np.floating] | None) -> NDArray[np.float64]:
    """(y, x) sum over the frames of their power spectra, which sums to the sum of squares of all frames."""
    total = np.zeros(series.shape[1:])
    for which, frames in series.batches():
        total += _power(frames if scale is None else frames * scale[which, None, None].astype(np.float32))
    return total


def _power_of_components(
    series: CentredSeries, vectors: NDArray[np.float64], scale: NDArray[np.floating] | None
) -> NDArray[np.float64]:
    """(y, x) the part of the total power that components of the frames, columns (n, k), account for."""
    total = np.zeros(series.shape[1:])
    weights = vectors.T if scale is None else vectors.T * scale
    for first in range(0, len(weights), _BATCH):
        mixed = series.mixtures(weights[first : first + _BATCH]).reshape(-1, *series.shape[1:])
        total += _power(mixed * series.mask)
    return total


def _power(images: NDArray[np.floating]) -> NDArray[np.float64]:
    transform = fft.fft2(images)
    return np.sum(np.abs(transform) ** 2, axis=0, dtype=np.float64) / images[0].size


def _ring_means(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """(y, x) a power spectrum averaged over directions."""
    ny, nx = power.shape
    radius = np.hypot(np.fft.fftfreq(ny)[:, None], np.fft.fftfreq(nx)[None, :])
    ring = np.rint(radius * max(ny, nx)).astype(np.intp)
    size = np.bincount(ring.ravel())
    means = np.bincount(ring.ravel(), power.ravel()) / np.maximum(size, 1)
    return np.asarray(means[ring])
