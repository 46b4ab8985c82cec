"""The Gaussian filter in the frame and along time, following the drift."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_TRUNCATE_SPACE, _TRUNCATE_TIME = 4.0, 3.0
# a smaller displacement than this blurs less than interpolation would
_STILL_PX = 0.02


def temporal_halo(sigma_frames: float) -> int:
    """How many frames before and after take part in a frame's average."""
    return int(np.ceil(_TRUNCATE_TIME * sigma_frames))


def gaussian(
    frames: NDArray[np.floating],
    *,
    sigma_px: float,
    sigma_frames: float = 0.0,
    good: NDArray[np.bool_] | None = None,
    drift: NDArray[np.floating] | None = None,
    inner: slice = slice(None),
) -> NDArray[np.float32]:
    r"""The frames `inner`, smoothed in space and time.

    .. math:: f_i = \frac{\sum_k w_k\, T_{d_i - d_k} (G_\sigma * y_k)}{\sum_k w_k},
              \quad w_k = e^{-(i-k)^2 / 2\tau^2}

    over the good frames k within 3 τ; T translates by cubic spline interpolation, so that frame k is laid onto frame i
    before it is averaged, and the result stays in the geometry of frame i.

    Parameters
    ----------
    frames : (t, y, x) float
    sigma_px, sigma_frames : float
        σ [px] and τ [frames].
    good : (t,) bool
        Frames that may be used; a bad frame is replaced by the average of its neighbours, NaN where it has none.
    drift : (t, 2) float, dx dy [px]
        Displacement of the content of every frame.
    inner : slice
        The frames that are wanted; the others only take part in averages.

    Returns
    -------
    (len(inner), y, x) float32
        At the frame's border the outermost pixels are repeated outwards.
    """
    usable = np.ones(len(frames), dtype=bool) if good is None else good
    smooth = [
        ndimage.gaussian_filter(np.asarray(frame, dtype=np.float32), sigma_px, mode="nearest", truncate=_TRUNCATE_SPACE)
        if use
        else None
        for frame, use in zip(frames, usable)
    ]
    wanted = range(*inner.indices(len(frames)))
    result = np.full((len(wanted), *frames.shape[1:]), np.nan, dtype=np.float32)
    reach = temporal_halo(sigma_frames) if sigma_frames > 0 else 0
    for place, i in enumerate(wanted):
        near = range(max(0, i - reach), min(len(frames), i + reach + 1))
        total, weights = np.zeros(frames.shape[1:], dtype=np.float32), 0.0
        for k in near:
            picture = smooth[k]
            if picture is None:
                continue
            weight = 1.0 if sigma_frames == 0 else float(np.exp(-0.5 * ((i - k) / sigma_frames) ** 2))
            total += np.float32(weight) * _laid_onto(picture, drift, k, i)
            weights += weight
        if weights > 0:
            result[place] = total / np.float32(weights)
    return result


def _laid_onto(picture: NDArray[np.float32], drift: NDArray[np.floating] | None, k: int, i: int) -> NDArray[np.float32]:
    if drift is None:
        return picture
    dx, dy = drift[i] - drift[k]
    if max(abs(dx), abs(dy)) < _STILL_PX:
        return picture
    moved: NDArray[np.float32] = ndimage.shift(picture, (dy, dx), order=3, mode="nearest")
    return moved
