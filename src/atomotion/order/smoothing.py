"""The Gaussian that smooths frames: scipy's, some 2.5 times faster."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

_REACH = 4.0  # standard deviations at which the Gaussian is cut off


def gaussian(frame: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """(y, x) the frame after a Gaussian of width `sigma` [px], in the frame's own dtype.

    The same numbers as ``scipy.ndimage.gaussian_filter(frame, sigma, mode="nearest", truncate=4)``, and so as
    ``skimage.filters.gaussian(frame, sigma, preserve_range=True)``: columns first, sums in float64, the result between
    the two axes rounded to the frame's dtype. With scipy, smoothing is more than half of what ALPS costs.

    Parameters
    ----------
    frame : (y, x) float32 or float64
    sigma : float [px], more than 0
    """
    reach = int(_REACH * sigma + 0.5)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 / sigma**2 * offsets**2)
    weights /= weights.sum()
    return np.asarray(_smooth(np.ascontiguousarray(frame), weights[reach:]))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _smooth(frame: NDArray, weights: NDArray) -> NDArray:  # pragma: no cover - compiled
    # unsigned indices: what might be negative is checked at every pixel, and then no loop does several pixels at once
    rows, columns = np.uint64(frame.shape[0]), np.uint64(frame.shape[1])
    reach, one = np.uint64(len(weights) - 1), np.uint64(1)
    between, result = np.empty_like(frame), np.empty_like(frame)
    total, line = np.empty(columns), np.empty(columns + reach + reach)
    for y in range(rows):
        for x in range(columns):
            total[x] = weights[0] * np.float64(frame[y, x])
        for step in range(reach, 0, -1):
            away = np.uint64(step)
            above = y - away if y > away else np.uint64(0)
            below = y + away if y + away < rows else rows - one
            weight = weights[away]
            for x in range(columns):
                total[x] += weight * (np.float64(frame[above, x]) + np.float64(frame[below, x]))
        for x in range(columns):
            between[y, x] = total[x]
    for y in range(rows):
        line[:reach] = between[y, 0]
        line[reach : reach + columns] = between[y]
        line[reach + columns :] = between[y, columns - one]
        for x in range(columns):
            total[x] = weights[0] * line[reach + x]
        for step in range(reach, 0, -1):
            away = np.uint64(step)
            low, high = reach - away, reach + away
            weight = weights[away]
            for x in range(columns):
                total[x] += weight * (line[low + x] + line[high + x])
        for x in range(columns):
            result[y, x] = total[x]
    return result
