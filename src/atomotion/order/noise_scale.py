"""How loud smoothed noise is, relative to independent pixels of the same variance."""

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames

_REACH = 3  # lags, in pixels, along each axis
_FRAMES = 64


def smoothed_noise_scale(frames: Frames, mask: NDArray[np.bool_], sigma_px: float) -> tuple[float, float]:
    """Amplitude of Gaussian-smoothed noise over that of smoothed independent pixels, and its standard error.

    Smoothing with a Gaussian of width σ multiplies the variance of correlated noise by ``1 + Σ_l ρ(l) exp(-l²/4σ²)``
    relative to white noise, over all lags l but zero. The correlations ρ are measured on at most 64 frames, up to 3 px
    along each axis, after taking each pixel's mean over these frames away (a gradient or fixed pattern is no noise).

    Parameters
    ----------
    frames : (t, y, x)
        A single frame has only its mean taken away.
    mask : (y, x) bool
        Pairs with both pixels inside count.
    sigma_px : float

    Returns
    -------
    (float, float)
        The amplitude is 1 for independent pixels and, by definition, without smoothing; NaN where the frames do not
        vary. The error is that of independent pixels.
    """
    if sigma_px == 0:
        return 1.0, 0.0
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inside = mask[box]
    values = np.asarray(frames[0 : min(int(frames.shape[0]), _FRAMES)])[(slice(None), *box)].astype(np.float32)
    values = values - (values.mean(axis=0) if len(values) > 1 else values[:, inside].mean())
    values *= inside
    power = float((values**2).sum() / (inside.sum() * len(values)))
    if power == 0:
        return float("nan"), float("nan")
    total, variance = 1.0, 0.0
    for dy in range(_REACH + 1):
        for dx in range(-_REACH, _REACH + 1):
            if dy == 0 and dx <= 0:
                continue  # the other half of the lags is the same by symmetry
            here, there = _pair(dy, dx)
            pairs = (inside[here] & inside[there]).sum()
            if pairs:
                product = np.einsum("tyx,tyx->", values[(slice(None), *here)], values[(slice(None), *there)])
                weight = 2 * np.exp(-(dx**2 + dy**2) / (4 * sigma_px**2))
                total += weight * float(product) / (pairs * len(values)) / power
                variance += weight**2 / (pairs * len(values))
    scale = float(np.sqrt(max(total, 0.0)))
    return scale, float(np.sqrt(variance)) / (2 * max(scale, 0.1))


def _pair(dy: int, dx: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of two views of a frame, the second shifted by (dy, dx) against the first."""
    later, earlier = slice(max(dx, 0), None), slice(None, -dx or None) if dx > 0 else slice(None)
    if dx < 0:
        earlier, later = slice(-dx, None), slice(None, dx)
    return (slice(None, -dy or None), earlier), (slice(dy, None), later)
