"""Where a series changes, by a search whose price for a change comes from the series itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from atomotion.noise.levels import block_mean_steps, least_squares_levels

_ROUNDS = 4
_FIRST_PRICE = 3.0  # times ln n, before there is a null


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """Frames at which a new level begins, and what a change had to gain.

    Parameters
    ----------
    at : tuple of int
    gains : tuple of float
        Squared misfit that each change saves, in long-run variances.
    price : float
        What the best change in a series without one gains with probability `alpha`.
    """

    at: tuple[int, ...]
    gains: tuple[float, ...]
    price: float


def calibrated_changes(
    curves: NDArray[np.float64],
    *,
    min_length: int,
    block: int,
    alpha: float,
    resamples: int,
    rng: np.random.Generator,
) -> Changes:
    r"""The changes of level of one or more curves at once.

    The exact minimum of ``Σ |x - level|² + β · changes`` over all segmentations (`least_squares_levels`), with curves
    in units of their long-run standard deviation. β is the 1 - α quantile of what the best single change gains in
    series without one: these are made of blocks drawn from what the segmentation leaves, so that they carry the same
    slow turning of the particle. Segmentation and null are repeated until they agree.

    Parameters
    ----------
    curves : (n, p) float
    min_length : int
        Shortest segment.
    block : int
        Frames that are drawn together.
    alpha : float
        Probability of any change in a series without one.
    resamples : int
    rng : numpy.random.Generator

    References
    ----------
    Künsch, Ann. Stat. 17, 1217 (1989) for the block bootstrap.
    """
    count = len(curves)
    if count < 2 * min_length:
        return Changes(at=(), gains=(), price=float("nan"))
    scaled = curves / long_run_sd(curves, block)
    at = least_squares_levels(scaled, min_length=min_length, price=_FIRST_PRICE * np.log(count))
    price = float("nan")
    for _ in range(_ROUNDS):
        price = _null_gain(_remainder(scaled, at), min_length, block, alpha, resamples, rng)
        found = least_squares_levels(scaled, min_length=min_length, price=price)
        if found == at:
            break
        at = found
    parts = zip([0, *at[:-1]], at, [*at[1:], count], strict=True)
    gains = [float(_gains(scaled[a:c], 1)[b - a - 1]) for a, b, c in parts] if at else []
    return Changes(at=tuple(at), gains=tuple(gains), price=price)


def long_run_covariance(curves: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """(p, p) covariance that averages behave by, from differences of neighbouring block means of (n, p).

    Correlations are reduced by a tenth; a curve that does not vary has the variance 1.
    """
    block = max(1, min(block, len(curves) // 4))
    steps = block_mean_steps(curves, block)
    covariance = 0.9 * steps.T @ steps / len(steps) / 2.0 * block
    variance = np.diag(covariance) / 0.9
    np.fill_diagonal(covariance, np.where(variance > 0, variance, 1.0))
    return np.asarray(covariance)


def long_run_sd(curves: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """(p,) standard deviation that averages behave by: that of a mean of n frames is this over √n."""
    return np.asarray(np.sqrt(np.diag(long_run_covariance(curves, block))))


def _remainder(scaled: NDArray[np.float64], at: Sequence[int]) -> NDArray[np.float64]:
    return np.concatenate([scaled[a:b] - scaled[a:b].mean(axis=0) for a, b in pairwise([0, *at, len(scaled)])])


def _gains(scaled: NDArray[np.float64], min_length: int) -> NDArray[np.float64]:
    """What a change before each frame from `min_length` to n - `min_length` saves."""
    count = len(scaled)
    total = np.cumsum(scaled - scaled.mean(axis=0), axis=0)
    at = np.arange(min_length, count - min_length + 1)
    gains: NDArray[np.float64] = (total[at - 1] ** 2).sum(axis=1) * count / (at * np.maximum(count - at, 1))
    return gains


def _null_gain(
    remainder: NDArray[np.float64],
    min_length: int,
    block: int,
    alpha: float,
    resamples: int,
    rng: np.random.Generator,
) -> float:
    count = len(remainder)
    block = max(1, min(block, count // 4))
    offsets = np.arange(block)
    best = []
    for _ in range(resamples):
        starts = rng.integers(0, count - block + 1, -(-count // block))
        drawn = remainder[(starts[:, None] + offsets).ravel()[:count]]
        best.append(_gains(drawn, min_length).max())
    return float(np.quantile(best, 1.0 - alpha))
