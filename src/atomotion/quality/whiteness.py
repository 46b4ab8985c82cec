"""What a denoiser left in its residual: noise has no memory, structure has."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, next_fast_len, rfft2

from atomotion.data import Frames
from atomotion.quality.blocks import BlockSums, block_sums, read, same_shape
from atomotion.quality.bootstrap import Statistic, interval_of_totals
from atomotion.quality.estimate import Estimate, refused
from atomotion.quality.known_noise import KnownNoise

_LAGS = 3
_LEAST = 0.1  # of the mean noise variance: no pixel's is taken smaller


@dataclass(frozen=True, kw_only=True, slots=True)
class Whiteness:
    """The residual ``r = (y - f) / sqrt(v)``, v the noise's variance at f.

    Parameters
    ----------
    mean_square : Estimate
        1 is the noise alone; a blind denoiser has ``1 + MSE / v``, one that sees the pixel less. Well below 1 is noise
        that went into the denoised movie.
    pixel_lag1, frame_lag1 : Estimate
        Correlation of r with its neighbours in the frame, and with the next frame. A filter's own footprint makes them
        negative (``-2 w`` for a linear filter with the weight w there) even where all is well; above 0 is structure.
    left_over : Estimate
        Correlation of r with r as many frames later as share no input: 0 unless structure that lasts was left in the
        residual; it is that structure's part of the residual's variance.
    with_denoised : Estimate
        Correlation of r with the denoised movie. Above 0, the denoised contrast is too weak; below 0, too strong; a
        denoiser that sees the pixel adds its share of noise.
    pixel_correlation : (7, 7) float, [dy + 3, dx + 3]
        Correlation of r at pixel lags -3..3.
    """

    mean_square: Estimate
    pixel_lag1: Estimate
    frame_lag1: Estimate
    left_over: Estimate
    with_denoised: Estimate
    pixel_correlation: NDArray[np.floating]


def residual_whiteness(
    raw: Frames,
    denoised: Frames,
    *,
    noise: KnownNoise,
    window: int = 0,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    block: tuple[int, int] | None = None,
    rng: np.random.Generator | None = None,
) -> Whiteness:
    """How white the residual of a denoised movie is, in space and time.

    Parameters
    ----------
    raw, denoised : (t, y, x)
    noise : KnownNoise
        Its variance at the denoised value is v; units per electron that are not known count as 0.
    window : int
        Frames that the denoiser saw on each side; `left_over` compares frames ``2 window + 1`` apart.
    mask, bad_frames, block, rng
        As in `mean_interval`. The table `pixel_correlation` takes all pixels.
    """
    shape = same_shape(raw, denoised)
    level = float(np.mean([np.mean(read(raw, i, i + 1)) for i in {0, shape[0] // 2, shape[0] - 1}]))
    least = max(_LEAST * abs(float(noise.variance(np.asarray(level)))), 1e-30)
    table = _Table(shape[1:])

    def residual(start: int, stop: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        smooth = read(denoised, start, stop)
        variance = np.maximum(noise.variance(smooth), least)
        return (read(raw, start, stop, bad_frames) - smooth) / np.sqrt(variance), smooth

    def in_frame(start: int, stop: int) -> tuple[NDArray[np.floating], ...]:
        values, smooth = residual(start, stop)
        table.add(values)
        beside = np.full_like(values, np.nan)
        beside[:, :-1, :-1] = 0.5 * values[:, :-1, :-1] * (values[:, :-1, 1:] + values[:, 1:, :-1])
        return values**2, beside, values, smooth, values * smooth, smooth**2

    def gathered(lag: int) -> BlockSums:
        def in_time(start: int, stop: int) -> tuple[NDArray[np.floating], ...]:
            now, later = residual(start, stop)[0], residual(start + lag, stop + lag)[0]
            return 0.5 * (now**2 + later**2), now * later

        return block_sums(shape, in_time, block=block, mask=mask)

    still = block_sums(shape, in_frame, block=block, mask=mask)
    apart = 2 * window + 1
    later = gathered(1)

    def found(sums: BlockSums, statistic: Statistic, what: str) -> Estimate:
        return interval_of_totals(sums, statistic, method=what, rng=rng)

    return Whiteness(
        mean_square=found(still, lambda totals, _: totals[:, 0] / totals[:, -1], "mean square of the residual"),
        pixel_lag1=found(still, _second_over_first, "correlation of neighbouring pixels of the residual"),
        frame_lag1=found(later, _second_over_first, "correlation of neighbouring frames of the residual"),
        left_over=refused("structure left in the residual", f"the movie has no frames {apart} apart")
        if shape[0] <= apart
        else found(gathered(apart), _second_over_first, f"correlation of the residual {apart} frames apart"),
        with_denoised=found(still, _with_denoised, "correlation of the residual with the denoised movie"),
        pixel_correlation=table.correlation(),
    )


def _second_over_first(totals: NDArray[np.floating], _: np.random.Generator | None) -> NDArray[np.floating]:
    return np.asarray(totals[:, 1] / totals[:, 0])


def _with_denoised(totals: NDArray[np.floating], _: np.random.Generator | None) -> NDArray[np.floating]:
    square, _beside, value, smooth, product, smooth_square = (totals[:, :6] / totals[:, 6:]).T
    variance = (square - value**2) * (smooth_square - smooth**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((product - value * smooth) / np.sqrt(variance))


class _Table:
    """Adds up the covariance of residuals at small pixel lags."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._size = tuple(next_fast_len(n + _LAGS, real=True) for n in shape)
        self._products = np.zeros((2 * _LAGS + 1, 2 * _LAGS + 1))
        self._pairs = np.zeros_like(self._products)

    def add(self, values: NDArray[np.floating]) -> None:
        for each in values:
            valid = np.isfinite(each)
            self._products += self._autocorrelation(np.where(valid, each, 0.0))
            self._pairs += self._autocorrelation(valid.astype(float))

    def correlation(self) -> NDArray[np.floating]:
        with np.errstate(invalid="ignore", divide="ignore"):
            covariance = self._products / self._pairs
            return np.asarray(covariance / covariance[_LAGS, _LAGS])

    def _autocorrelation(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        spectrum = rfft2(values, s=self._size)
        sums = irfft2(spectrum.real**2 + spectrum.imag**2, s=self._size)
        lags = np.arange(-_LAGS, _LAGS + 1)
        return np.asarray(sums[lags[:, None], lags[None, :]])
