"""Averages over time, along the drift of the sample, in the geometry of each frame."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, spline_filter

from atomotion.data import Frames

_TRUNCATE = 3.0  # standard deviations at which the average ends
_STILL = 1e-3  # px: a displacement that needs no interpolation


def time_reach(sigma_frames: float) -> int:
    """Frames on either side that an average of this standard deviation takes in."""
    return int(np.ceil(_TRUNCATE * sigma_frames))


def time_averages(
    frames: Frames,
    first: int,
    last: int,
    sigma_frames: float,
    *,
    drift: NDArray[np.floating] | None,
    bad_frames: Collection[int],
) -> tuple[NDArray[np.float32], NDArray[np.floating]]:
    """Frames ``first .. last - 1``, each averaged with its neighbours brought to where its own content lies.

    Frame i is ``sum_t w(t - i) y_t(x - d_i + d_t) / sum_t w(t - i)`` with Gaussian weights, over the good frames within
    3 standard deviations and, at every pixel, over those that cover it.

    Each frame is read once and added to all that want it, so the memory is that of the result (twice, with a drift) and
    a few frames, and the sums are the same however a movie is cut into pieces.

    Parameters
    ----------
    frames : (t, y, x)
    first, last : int
    sigma_frames : float
        0 takes each frame alone.
    drift : (t, 2) float, dx dy [px], or None
    bad_frames : collection of int
        Never added to any sum; a frame that is not finite throughout counts as bad as well.

    Returns
    -------
    averages : (last - first, y, x) float32
        NaN where no good frame covers a pixel.
    spread : (last - first,) float
        ``sum w² / (sum w)²``, the variance of an average over that of a frame; NaN where there is no good frame.
    """
    n, reach = int(frames.shape[0]), time_reach(sigma_frames)
    count = last - first
    averages = np.zeros((count, *frames.shape[1:]), dtype=np.float32)
    cover = np.zeros_like(averages) if drift is not None else None
    weights, squares = np.zeros(count), np.zeros(count)
    for t in range(max(0, first - reach), min(n, last + reach)):
        if t in bad_frames:
            continue
        frame = np.asarray(frames[t], dtype=np.float32)
        if not np.isfinite(frame).all():
            continue
        coefficients: NDArray[np.float32] | None = None
        for i in range(max(first, t - reach), min(last, t + reach + 1)):
            weight = np.float32(np.exp(-0.5 * ((t - i) / sigma_frames) ** 2)) if sigma_frames else np.float32(1.0)
            weights[i - first] += weight
            squares[i - first] += weight**2
            if drift is None or cover is None:
                averages[i - first] += weight * frame
                continue
            dx, dy = (float(d) for d in drift[i] - drift[t])
            if coefficients is None and max(abs(dx), abs(dy)) > _STILL:
                coefficients = np.asarray(spline_filter(frame, order=3, output=np.float32, mode="mirror"))
            moved, place = moved_frame(frame, coefficients, dy, dx)
            averages[i - first][place] += weight * moved
            cover[i - first][place] += weight
    with np.errstate(invalid="ignore", divide="ignore"):
        if cover is not None:
            averages /= cover
        else:
            averages /= weights.astype(np.float32)[:, None, None]
        return averages, squares / weights**2


def usual_spread(sigma_frames: float) -> float:
    """``sum w² / (sum w)²`` of an average with all its neighbours good."""
    if sigma_frames == 0:
        return 1.0
    reach = time_reach(sigma_frames)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    return float(np.sum(weights**2) / np.sum(weights) ** 2)


def brought(average: NDArray[np.float32], dy: float, dx: float) -> NDArray[np.float32]:
    """A whole frame moved by (dy, dx), without gaps: what nothing covers takes the mean of the rest."""
    known = np.isfinite(average)
    if not known.all():
        average = np.where(known, average, average[known].mean() if known.any() else 0).astype(np.float32)
    if max(abs(dy), abs(dx)) <= _STILL:
        return average
    coefficients = np.asarray(spline_filter(average, order=3, output=np.float32, mode="mirror"))
    moved, place = moved_frame(average, coefficients, dy, dx)
    whole = np.full_like(average, average.mean())
    whole[place] = moved
    return whole


def moved_frame(
    frame: NDArray[np.float32], coefficients: NDArray[np.float32] | None, dy: float, dx: float
) -> tuple[NDArray[np.float32], tuple[slice, slice]]:
    """The frame's content moved by (dy, dx), where it covers the frame, and where that is.

    A cubic spline (`coefficients`, of ``scipy.ndimage.spline_filter``) moved by the same amount everywhere is a
    convolution of four points along each axis, so this is ``scipy.ndimage.shift(order=3)`` at a fraction of its cost.
    """
    if coefficients is None or max(abs(dy), abs(dx)) <= _STILL:
        return frame, (slice(None), slice(None))
    moved: NDArray[Any] = coefficients
    take, place = [], []
    for axis, by in enumerate((dy, dx)):
        whole = int(np.floor(by))
        moved = correlate1d(moved, _spline_weights(by - whole), axis=axis, mode="mirror")
        size = frame.shape[axis]
        # pixel p shows the point p - by, which lies inside for by <= p <= size - 1 + by
        start, stop = max(0, int(np.ceil(by))), min(size, int(np.floor(size - 1 + by)) + 1)
        stop = max(start, stop)
        place.append(slice(start, stop))
        take.append(slice(start - whole, stop - whole))
    return moved[take[0], take[1]], (place[0], place[1])


def _spline_weights(fraction: float) -> NDArray[np.float32]:
    """(5,) cubic B-spline at 2 - f, 1 - f, -f, -1 - f and 0: what the coefficients around a pixel count, moved by f."""
    distance = np.abs(np.array([2.0, 1.0, 0.0, -1.0]) - fraction)
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.maximum(2.0 - distance, 0.0) ** 3 / 6
    return np.append(np.where(distance < 1, near, far), 0.0).astype(np.float32)
