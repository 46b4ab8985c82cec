"""The error of a blind denoiser from its residual: no second exposure, no extra run."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames
from atomotion.quality.blocks import block_sums, read, same_shape
from atomotion.quality.bootstrap import interval_of_totals
from atomotion.quality.estimate import Estimate, refused

METHOD = "blind residual"
_CORRELATED = 0.02  # as in atomotion.noise: a larger correlation is none of white noise
_NORMAL = 1.959964


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseModel:
    """Noise variance of a pixel, ``g (y - offset) + read_variance``, and how well it is known.

    Parameters
    ----------
    units_per_electron : float
        g; 0 for noise that does not depend on the intensity.
    units_per_electron_interval : (float, float) or None
        95 % interval; None takes g as exact.
    offset : float
    offset_interval : (float, float) or None
        95 % interval, taken as independent of that of g.
    read_variance : float
        Variance of the camera's own noise [units²].
    """

    units_per_electron: float
    units_per_electron_interval: tuple[float, float] | None = None
    offset: float = 0.0
    offset_interval: tuple[float, float] | None = None
    read_variance: float = 0.0

    def variance(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """The variance's unbiased estimate from noisy values; its mean over the noise is the variance."""
        return self.units_per_electron * (values - self.offset) + self.read_variance

    def error(
        self, level: NDArray[np.floating], share: NDArray[np.floating], rng: np.random.Generator
    ) -> NDArray[np.floating]:
        """(b,) random errors of ``mean[share * variance]``, from what g and the offset are uncertain by.

        Parameters
        ----------
        level : (b,)
            ``mean[share * (y - offset)]``.
        share : (b,)
            Mean share.
        rng : numpy.random.Generator
        """
        gain = _deviation(self.units_per_electron_interval) * rng.standard_normal(len(level))
        offset = _deviation(self.offset_interval) * rng.standard_normal(len(level))
        return gain * level - self.units_per_electron * offset * share


def _deviation(interval: tuple[float, float] | None) -> float:
    return 0.0 if interval is None else abs(interval[1] - interval[0]) / (2.0 * _NORMAL)


def blind_residual(
    raw: Frames,
    denoised: Frames,
    *,
    units_per_electron: float,
    units_per_electron_interval: tuple[float, float] | None = None,
    offset: float = 0.0,
    offset_interval: tuple[float, float] | None = None,
    read_variance: float = 0.0,
    blind: bool,
    centre_weight: float | NDArray[np.floating] | None = None,
    hole_px: int = 0,
    white_pixels: bool | None = None,
    white_frames: bool | None = None,
    pixel_correlation: NDArray[np.floating] | None = None,
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
    units_per_electron, units_per_electron_interval, offset, offset_interval, read_variance
        The noise's variance, see `NoiseModel`. The interval of g often outweighs everything else: an error of 1 % of g
        is an error of 1 % of the noise's variance.
    blind : bool
        Whether the denoiser never sees the pixel it predicts. A network that was only *trained* with masked pixels
        (Noise2Void) sees it when it is used, and is not blind.
    centre_weight : float or array that fits (t, y, x), optional
        h of a linear filter, in place of blindness.
    hole_px : int
        Pixels around its own that the denoiser does not see either: 1 for a hole of 3 x 3.
    white_pixels, white_frames : bool or None
        What is known of the noise (``NoiseFindings``); False refuses, unless `pixel_correlation` shows that the noise
        of pixels is correlated inside the hole only.
    pixel_correlation : (7, 7) float, optional
        Of the noise at lags -3..3 (``NoiseFindings.pixel_correlation``).
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
    reason = blind_forbidden(blind, centre_weight, hole_px, white_pixels, white_frames, pixel_correlation)
    if reason is not None:
        return refused(METHOD, reason)
    noise = NoiseModel(
        units_per_electron=units_per_electron,
        units_per_electron_interval=units_per_electron_interval,
        offset=offset,
        offset_interval=offset_interval,
        read_variance=read_variance,
    )
    weight = np.broadcast_to(0.0 if centre_weight is None else np.asarray(centre_weight, dtype=float), shape)

    def quantity(start: int, stop: int) -> tuple[NDArray[np.floating], ...]:
        values = read(raw, start, stop)
        share = 1.0 - 2.0 * weight[start:stop]
        squares = (values - read(denoised, start, stop)) ** 2 - share * noise.variance(values)
        return squares, share * (values - offset), share

    def statistic(totals: NDArray[np.floating], rng: np.random.Generator | None) -> NDArray[np.floating]:
        squares, level, share = (totals[:, :3] / totals[:, 3:]).T
        return squares if rng is None else squares + noise.error(level, share, rng)

    sums = block_sums(shape, quantity, block=block, mask=mask, bad_frames=bad_frames, on_step=on_step)
    result = interval_of_totals(sums, statistic, method=METHOD, rng=rng)
    if result.refused is None and units_per_electron and units_per_electron_interval is None:
        return result.warned("the units per electron were taken as exact: 1 % of them is 1 % of the noise's variance")
    return result


def blind_forbidden(
    blind: bool,
    centre_weight: float | NDArray[np.floating] | None,
    hole_px: int,
    white_pixels: bool | None,
    white_frames: bool | None,
    pixel_correlation: NDArray[np.floating] | None,
) -> str | None:
    """Why the residual does not give the error, or None where it does."""
    if not blind and centre_weight is None:
        return (
            "the denoiser sees the pixel that it predicts, so the residual misses the noise that was let through: take "
            "thinning, or give the centre weight of a linear filter"
        )
    if white_frames is False:
        return "the noise of neighbouring frames is correlated, so neighbours tell the denoiser the pixel's own noise"
    if pixel_correlation is not None:
        return _beyond_the_hole(pixel_correlation, hole_px)
    if white_pixels is False:
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
