"""The error of a blind denoiser from its residual: no second exposure, no extra run."""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames
from atomotion.quality.blocks import block_sums, read, same_shape
from atomotion.quality.bootstrap import interval_of_totals
from atomotion.quality.estimate import Estimate, refused
from atomotion.quality.known_noise import KnownNoise

METHOD = "blind residual"
_CORRELATED = 0.02  # as in atomotion.noise: a larger correlation is none of white noise


def blind_residual(
    raw: Frames,
    denoised: Frames,
    *,
    noise: KnownNoise,
    blind: bool,
    centre_weight: float | NDArray[np.floating] | None = None,
    hole_px: int = 0,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    block: tuple[int, int] | None = None,
    rng: np.random.Generator | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Estimate:
    """Mean squared error of a denoised movie, from what the denoiser took away.

    If f does not depend on the noise of its own pixel, residual and noise make

    ``MSE = mean[(y - f)² - v]``,  ``v = g (y - offset) + read_variance``,

    and for a linear filter that gives its own pixel the weight h

    ``MSE = mean[(y - f)² - v (1 - 2 h)]``.

    Parameters
    ----------
    raw, denoised : (t, y, x)
    noise : KnownNoise
        Refused without g; where neighbouring frames share noise; and where neighbouring pixels do, unless
        ``noise.pixel_correlation`` shows that they do so inside the hole only.
    blind : bool
        Whether the denoiser never sees the pixel it predicts. A network that was only *trained* with masked pixels
        (Noise2Void) sees it when it is used, and is not blind.
    centre_weight : float or array that fits (t, y, x), optional
        h of a linear filter, in place of blindness.
    hole_px : int
        Pixels around its own that the denoiser does not see either: 1 for a hole of 3 x 3.
    mask, bad_frames, block, rng
        As in `mean_interval`.
    on_step : callable
        Called with (frames compared, frames in all).

    Returns
    -------
    Estimate
        In squared units of the movie. A network trained on this movie has made this very residual small, so it is too
        small by about the network's effective parameters over the number of pixels, times 2 v.
    """
    shape = same_shape(raw, denoised)
    reason = blind_forbidden(noise, blind=blind, centre_weight=centre_weight, hole_px=hole_px)
    if noise.units_per_electron is None:
        reason = "the units per electron are not known"
    if reason is not None:
        return refused(METHOD, reason)
    weight = np.broadcast_to(0.0 if centre_weight is None else np.asarray(centre_weight, dtype=float), shape)

    def quantity(start: int, stop: int) -> tuple[NDArray[np.floating], ...]:
        values = read(raw, start, stop)
        share = 1.0 - 2.0 * weight[start:stop]
        squares = (values - read(denoised, start, stop)) ** 2 - share * noise.variance(values)
        return squares, share * (values - noise.offset), share

    def statistic(totals: NDArray[np.floating], rng: np.random.Generator | None) -> NDArray[np.floating]:
        squares, level, share = (totals[:, :3] / totals[:, 3:]).T
        return squares if rng is None else squares + noise.error(level, share, rng)

    sums = block_sums(shape, quantity, block=block, mask=mask, bad_frames=bad_frames, on_step=on_step)
    result = interval_of_totals(sums, statistic, method=METHOD, rng=rng)
    if result.refused is None and noise.units_per_electron and noise.units_per_electron_interval is None:
        return result.warned("the units per electron were taken as exact: 1 % of them is 1 % of the noise's variance")
    return result


def blind_forbidden(
    noise: KnownNoise, *, blind: bool, centre_weight: float | NDArray[np.floating] | None, hole_px: int
) -> str | None:
    """Why the residual of a denoiser does not give its error, or None where it does; as in `blind_residual`."""
    if not blind and centre_weight is None:
        return (
            "the denoiser sees the pixel that it predicts, so the residual misses the noise that was let through: take "
            "thinning, or give the centre weight of a linear filter"
        )
    if noise.white_frames is False:
        return "the noise of neighbouring frames is correlated, so neighbours tell the denoiser the pixel's own noise"
    if noise.pixel_correlation is not None:
        return _beyond_the_hole(noise.pixel_correlation, hole_px)
    if noise.white_pixels is False:
        return (
            "the noise of neighbouring pixels is correlated, and how far is not given: neighbours may tell the "
            "denoiser the pixel's own noise"
        )
    return None


def _beyond_the_hole(correlation: NDArray[np.floating], hole_px: int) -> str | None:
    middle = correlation.shape[0] // 2, correlation.shape[1] // 2
    lag = np.indices(correlation.shape) - np.array(middle)[:, None, None]
    seen = np.abs(lag).max(axis=0) > hole_px
    largest = float(np.max(np.abs(correlation[seen]), initial=0.0))
    if largest <= _CORRELATED:
        return None
    side = 2 * hole_px + 1
    return (
        f"the noise of pixels beyond the hole of {side} x {side} px is correlated with the pixel's own (up to "
        f"{largest:.3f}): the denoiser sees part of that noise"
    )
