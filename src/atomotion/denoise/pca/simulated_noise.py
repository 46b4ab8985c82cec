"""Noise with the spectrum of a series: what its frames' products look like where there is nothing but noise."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

_BATCH = 64
# pairs of pixels at a lag that fewer than this part of the mask has say nothing
_LEAST_OVERLAP = 0.1


def padded_power(images: NDArray[np.floating]) -> NDArray[np.float64]:
    """(2y, x + 1) sum over images of the power spectrum of each, padded with zeros to twice its size."""
    ny, nx = images.shape[1:]
    total = np.zeros((2 * ny, nx + 1))
    for first in range(0, len(images), _BATCH):
        transform = fft.rfft2(images[first : first + _BATCH], s=(2 * ny, 2 * nx))
        total += np.sum(np.abs(transform) ** 2, axis=0, dtype=np.float64)
    return total


def periodogram(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """(y, x) the spectrum of the images as they are, averaged over directions; it sums to their sum of squares."""
    ny, nx = power.shape[0] // 2, power.shape[1] - 1
    whole: NDArray[np.float64] = fft.fft2(fft.irfft2(power, s=(2 * ny, 2 * nx))).real
    # every second frequency of the padded transform is one of the images' own
    return _ring_means(np.maximum(whole[::2, ::2], 0.0)) / (ny * nx)


def simulated_products(power: NDArray[np.float64], mask: NDArray[np.bool_], frames: int) -> NDArray[np.float64]:
    """(frames, frames) products over the mask's pixels of Gaussian noise with a spectrum, the same at every call.

    The spectrum's autocovariance is divided by that of the mask, so that neither the mask nor the end of the box shows
    in it; the noise is then made on a larger box, without ends, and the mask laid on it.

    Parameters
    ----------
    power : (2y, x + 1) float
        The mean `padded_power` of a masked image.
    mask : (y, x) bool
    frames : int
    """
    ny, nx = mask.shape
    size = (2 * ny, 2 * nx)
    overlap = fft.irfft2(padded_power(mask[None].astype(np.float64)), s=size)
    covariance = np.where(overlap > _LEAST_OVERLAP * mask.sum(), fft.irfft2(power, s=size) / np.maximum(overlap, 1), 0)
    spectrum = _ring_means(np.maximum(fft.fft2(covariance).real, 0.0))
    filter_ = np.sqrt(spectrum[:, : nx + 1]).astype(np.float32)
    rng = np.random.default_rng(0)
    rows = np.empty((frames, int(mask.sum())), dtype=np.float32)
    for first in range(0, frames, _BATCH):
        white = rng.standard_normal((min(_BATCH, frames - first), *size), dtype=np.float32)
        noise = fft.irfft2(fft.rfft2(white) * filter_, s=size)[:, :ny, :nx]
        rows[first : first + _BATCH] = noise[:, mask]
    return np.asarray(rows @ rows.T, dtype=np.float64)


def _ring_means(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """(y, x) a spectrum averaged over directions."""
    ny, nx = power.shape
    radius = np.hypot(np.fft.fftfreq(ny)[:, None], np.fft.fftfreq(nx)[None, :])
    ring = np.rint(radius * max(ny, nx)).astype(np.intp)
    size = np.bincount(ring.ravel())
    means = np.bincount(ring.ravel(), power.ravel()) / np.maximum(size, 1)
    return np.asarray(means[ring])
