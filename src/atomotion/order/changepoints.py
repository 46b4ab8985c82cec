"""Where the level of a curve changes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.noise.levels import block_mean_steps, least_squares_levels

_MEDIAN_OF_GAUSSIAN = 0.6745  # of the absolute value, in standard deviations
_LONGEST_BLOCK = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesNoise:
    """Noise of a curve within its levels.

    Parameters
    ----------
    sd : float
        Of single values.
    long_run_sd : float
        The standard deviation that averages behave by: that of a mean of n values is this over √n. Larger than `sd`
        where neighbouring values are correlated, as they are after a filter over time.
    """

    sd: float
    long_run_sd: float


def series_noise(values: NDArray[np.floating]) -> SeriesNoise:
    r"""Noise of a curve that stays on a level for many values, changes of level notwithstanding.

    With the means B of blocks of m values, which follow each other at every offset,

    .. math:: \hat\sigma_\infty = \frac{\sqrt m}{0.6745 \sqrt 2} \operatorname{median}_j |B_{j+m} - B_j|, \qquad
              \hat\sigma = \frac{1}{0.6745 \sqrt 2} \operatorname{median}_j |x_{j+m} - x_j|

    The median forgives the few blocks that a change of level lies between. m is a twelfth of the curve, from 2 to 8
    values: long enough to average over what a filter over time leaves correlated, short beside a period.

    Parameters
    ----------
    values : (n,) float, n > 3
    """
    block = int(np.clip(len(values) // 12, 2, _LONGEST_BLOCK))
    single = _spread(values[block:] - values[:-block])
    long_run = max(_spread(block_mean_steps(values, block)) * np.sqrt(block), _spread(np.diff(values)))
    return SeriesNoise(sd=single, long_run_sd=float(long_run))


def _spread(differences: NDArray[np.floating]) -> float:
    """Standard deviation of values from their differences."""
    if len(differences) == 0:
        return 0.0
    return float(np.median(np.abs(differences)) / (_MEDIAN_OF_GAUSSIAN * np.sqrt(2)))


def change_points(values: NDArray[np.floating], *, min_length: int, penalty: float, noise: SeriesNoise) -> list[int]:
    """Indices at which a new level begins.

    Piecewise constant least squares with a price for every change, ``Σ (x - level)² + β · changes`` with
    ``β = penalty · σ² ln n`` and σ the long-run noise; its exact minimum over all segmentations with segments of at
    least `min_length` (`least_squares_levels`).

    Parameters
    ----------
    values : (n,) float
    min_length : int
    penalty : float
    noise : SeriesNoise
    """
    n = len(values)
    if n < 2 * min_length or noise.long_run_sd == 0:
        return []
    scaled = (values - np.median(values))[:, None] / noise.long_run_sd
    return least_squares_levels(scaled, min_length=min_length, price=float(penalty * np.log(n)))
