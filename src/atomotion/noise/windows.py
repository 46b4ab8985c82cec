"""Small windows spread over a frame, and what is measured in each of them from a run of consecutive frames."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import binary_erosion, convolve

_HOT = 10.0  # standard deviations of a pixel's mean over a run
_SHARP_SQUARED = np.outer([1, 4, 1], [1, 4, 1]).astype(np.float32) / np.float32(36.0)
LAGS = 3  # pixels and frames: longer correlations of a detector are not known


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowSums:
    """Averages over runs of frames, per window (w).

    Parameters
    ----------
    mean : (w,)
        Mean intensity.
    sharp_mean : (w,)
        Mean intensity with the weights that the pixels have in `sharp_difference`.
    half_difference : (w, k)
        ``D_k = <(y_t - y_{t+k})²> / 2`` at frame lags 1..k, each frame's window mean taken out; NaN where no pair was
        seen.
    sharp_difference : (w, k)
        The same after the filter [1 -2 1] x [1 -2 1] / 6, which keeps the variance of white noise and loses whatever is
        smooth over three pixels, such as a structure that moved.
    covariance : (w, 7, 7) [dy + 3, dx + 3]
        Covariance of half-differences at lag 1, ``<d(x) d(x + δ)> / 2`` with ``d = y_t - y_{t+1}``.
    structure : (w,)
        Variance over the window of what stays the same within a run: the covariance of the means of its even and of its
        odd frames, in which independent noise averages to 0.
    pairs : (k,) int
        Pairs of frames at every lag.
    runs : int

    References
    ----------
    Immerkær, Comput. Vis. Image Underst. 64, 300 (1996): the filter.
    """

    mean: NDArray[np.floating]
    sharp_mean: NDArray[np.floating]
    half_difference: NDArray[np.floating]
    sharp_difference: NDArray[np.floating]
    covariance: NDArray[np.floating]
    structure: NDArray[np.floating]
    pairs: NDArray[np.integer]
    runs: int


def choose_windows(
    shape: tuple[int, int], size: int, count: int, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.intp]:
    """(w, 2) corners (y, x) of at most `count` windows on a grid, spread evenly, each wholly inside `mask`."""
    tall, wide = shape[0] // size, shape[1] // size
    grid = np.stack(np.meshgrid(np.arange(tall) * size, np.arange(wide) * size, indexing="ij"), axis=-1).reshape(-1, 2)
    if mask is not None and len(grid):
        inside = mask[: tall * size, : wide * size].reshape(tall, size, wide, size).all(axis=(1, 3))
        grid = grid[inside.ravel()]
    if len(grid) <= count:
        return grid
    # multiples of the golden ratio spread any number of picks evenly, without the stripes that a fixed step would give
    order = np.argsort((np.arange(len(grid)) * 0.6180339887498949) % 1.0, kind="stable")
    return grid[np.sort(order[:count])]


def cut(frame: NDArray[Any], corners: NDArray[np.intp], size: int) -> NDArray[np.float32]:
    """(w, size, size) the windows of one frame."""
    return np.stack([frame[y : y + size, x : x + size] for y, x in corners]).astype(np.float32)


class WindowAverages:
    """Adds up runs of frames; `result` gives the `WindowSums`."""

    def __init__(self, windows: int, size: int, run_frames: int) -> None:
        self._size = size
        self._runs = 0
        self._mean = np.zeros(windows)
        self._sharp_mean = np.zeros(windows)
        self._structure = np.zeros(windows)
        self._pairs = np.zeros(run_frames - 1, dtype=int)
        self._difference = np.zeros((windows, run_frames - 1))
        self._sharp = np.zeros((windows, run_frames - 1))
        self._covariance = np.zeros((windows, 2 * LAGS + 1, 2 * LAGS + 1))

    def add(self, run: NDArray[np.float32]) -> None:
        """One run of consecutive frames, (t, w, size, size) with t >= 2."""
        length, _, size, _ = run.shape
        good = _ordinary_pixels(run)
        pixels = good.sum(axis=(1, 2))
        mean = np.einsum("twyx,wyx->tw", run, good, dtype=float) / pixels
        flat = (run - mean[:, :, None, None].astype(np.float32)) * good
        # a window of N pixels whose own mean is taken out has lost 1/N of its white noise
        kept = 1.0 - 1.0 / size**2
        self._runs += 1
        self._mean += mean.mean(axis=0)
        both = np.einsum("wyx,wyx->w", flat[0::2].mean(axis=0), flat[1::2].mean(axis=0), dtype=float)
        self._structure += both / (pixels * kept)
        whole = binary_erosion(good, np.ones((1, 3, 3), dtype=bool), border_value=0)
        # how much each pixel's variance counts in what the filter leaves of the window
        share = convolve(whole.astype(np.float32), _SHARP_SQUARED[None])
        self._sharp_mean += np.einsum("twyx,wyx->w", run, share, dtype=float) / (length * share.sum(axis=(1, 2)))
        sharp = np.diff(np.diff(flat, n=2, axis=2), n=2, axis=3) / np.float32(6.0) * whole[:, 1:-1, 1:-1]
        for lag in range(1, length):
            self._difference[:, lag - 1] += _half_squares(flat, lag) / (pixels * kept)
            self._sharp[:, lag - 1] += _half_squares(sharp, lag) / whole.sum(axis=(1, 2))
            self._pairs[lag - 1] += length - lag
        self._covariance += _half_covariance(flat[1:] - flat[:-1], kept)

    def result(self) -> WindowSums:
        """The averages over all runs so far."""
        pairs = np.where(self._pairs > 0, self._pairs, np.nan)  # a mean of no pairs is not known
        return WindowSums(
            mean=self._mean / self._runs,
            sharp_mean=self._sharp_mean / self._runs,
            half_difference=self._difference / pairs,
            sharp_difference=self._sharp / pairs,
            covariance=self._covariance / self._runs,
            structure=self._structure / self._runs,
            pairs=self._pairs.copy(),
            runs=self._runs,
        )


def _ordinary_pixels(run: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(w, size, size) False at hot and dead pixels: those whose mean over the run is far out of the window's."""
    mean = run.mean(axis=0)
    away = np.abs(mean - np.median(mean, axis=(1, 2), keepdims=True))
    spread = np.sqrt(np.mean(np.square(np.diff(run, axis=0)), axis=(0, 2, 3)) / 2 / len(run))
    # the squares of hot pixels' own noise make the spread too large, never too small
    limit = np.maximum(_HOT * spread, 4 * 1.4826 * np.median(away, axis=(1, 2)))
    return away <= limit[:, None, None]


def _half_squares(run: NDArray[np.float32], lag: int) -> NDArray[np.floating]:
    """(w,) half the squared differences at a frame lag, summed over the pixels and the pairs of a run."""
    apart = run[lag:] - run[:-lag]
    return 0.5 * np.einsum("twyx,twyx->w", apart, apart, dtype=float)


def _half_covariance(differences: NDArray[np.float32], kept: float) -> NDArray[np.floating]:
    """(w, 7, 7) of the differences of one run, (t, w, size, size)."""
    size = differences.shape[-1]
    padded = next_fast_len(size + LAGS, real=True)
    power = np.zeros((differences.shape[1], padded, padded // 2 + 1), dtype=np.float32)
    for each in differences:
        spectrum = rfft2(each, s=(padded, padded))
        power += spectrum.real**2 + spectrum.imag**2
    sums = irfft2(power, s=(padded, padded))
    lags = np.arange(-LAGS, LAGS + 1)
    overlap = (size - np.abs(lags))[:, None] * (size - np.abs(lags))[None, :]
    covariance = 0.5 * sums[:, lags[:, None], lags[None, :]] / (overlap * len(differences))
    # the window mean, taken out, lowers every lag by 1/N of the variance of white noise
    return covariance + covariance[:, LAGS : LAGS + 1, LAGS : LAGS + 1] * (1.0 - kept) / kept
