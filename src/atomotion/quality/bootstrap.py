"""Block bootstrap: intervals of means and ratios over a movie whose errors are correlated in space and time."""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from atomotion.data import Frames
from atomotion.quality.blocks import BlockSums, block_sums, read
from atomotion.quality.estimate import Estimate, refused

_DRAWS = 1000
_STRATUM = 4  # blocks that follow each other in time at one place
_LEAST_FREEDOM = 10
_NORMAL = 1.959964
_CHUNK = 2_000_000  # picks in memory at a time

# from the totals (b, q) and the generator, for what is uncertain besides the movie, to the number (b,)
Statistic = Callable[[NDArray[np.floating], np.random.Generator | None], NDArray[np.floating]]


def mean_interval(
    values: Frames,
    *,
    method: str = "mean",
    block: tuple[int, int] | None = None,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Mean of a movie's values with its 95 % interval by block bootstrap.

    Parameters
    ----------
    values : (t, y, x)
        Read block by block; what is not finite does not count.
    method : str
        For the `Estimate`.
    block : (frames, pixels), optional
        Size of the blocks, see `choose_block`. Blocks should be longer than the values are correlated.
    mask : (y, x) bool, optional
        Pixels that count.
    bad_frames : collection of int
        Frames that do not.
    rng : numpy.random.Generator, optional
        Seed 0 by default.

    Returns
    -------
    Estimate
        Refused where fewer than 10 independent comparisons of blocks are left.
    """
    sums = block_sums(
        tuple(values.shape), lambda start, stop: (read(values, start, stop),), block=block, mask=mask,
        bad_frames=bad_frames,
    )  # fmt: skip
    return interval_of_totals(sums, mean_of_first, method=method, rng=rng)


def mean_of_first(totals: NDArray[np.floating], rng: np.random.Generator | None) -> NDArray[np.floating]:
    """(b,) mean per pixel of the first quantity."""
    return np.asarray(totals[:, 0] / totals[:, -1])


def interval_of_totals(
    sums: BlockSums,
    statistic: Statistic,
    *,
    method: str,
    rng: np.random.Generator | None = None,
    least_sd: float = 0.0,
    draws: int = _DRAWS,
) -> Estimate:
    """A number that follows from totals over the movie, with its 95 % interval.

    Blocks are drawn with replacement among the (about four) blocks that follow each other in time at one place of the
    frame: what the structure does to different places is no uncertainty of this movie's mean, and would only make the
    interval too wide. Deviations are scaled by ``sqrt(n / (n - 1))`` for groups of n, and by Student's quantile where
    there are few blocks.

    Parameters
    ----------
    sums : BlockSums
    statistic : callable
        ``statistic(totals, rng)`` gives the number (b,) for totals (b, q), the last of which is the number of pixels.
        `rng` is None for the value itself and a generator for the draws, to which the statistic can then add what is
        uncertain besides, such as a gain.
    method : str
    rng : numpy.random.Generator, optional
        Seed 0 by default.
    least_sd : float
        The interval's standard deviation is not taken smaller than this.
    draws : int

    Returns
    -------
    Estimate
        Refused where no pixel counts, or where fewer than 10 independent comparisons of blocks are left.

    References
    ----------
    Rao and Wu, J. Am. Stat. Assoc. 83, 231 (1988): the bootstrap of strata with few members.
    """
    if sums.pixels == 0:
        return refused(method, "no pixel is left to compare (mask, bad frames, or too few frames)")
    rng = np.random.default_rng(0) if rng is None else rng
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(statistic(sums.totals[None], None)[0])
    drawn, freedom = resampled_totals(sums.sums, rng, draws)
    if freedom < _LEAST_FREEDOM:
        return refused(
            method,
            f"the movie has too few independent blocks for an interval ({freedom} comparisons of blocks of "
            f"{sums.size[0]} frames x {sums.size[1]} x {sums.size[1]} px; at least {_LEAST_FREEDOM} are needed): take "
            "more frames or a larger region",
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        numbers = np.asarray(statistic(drawn, rng))
    numbers = numbers[np.isfinite(numbers)]
    if not np.isfinite(value) or len(numbers) < 0.9 * draws:
        return refused(method, "the movie is too noisy or too short for this number: its denominator is not above 0")
    spread = float(numbers.std())
    wider = float(student.ppf(0.975, freedom)) / _NORMAL * max(1.0, least_sd / spread if spread > 0 else 1.0)
    low, high = value + wider * (np.percentile(numbers, [2.5, 97.5]) - value)
    return Estimate(value=value, low=float(low), high=float(high), method=method)


def interval_over_frames(
    values: NDArray[np.floating], statistic: Statistic, *, method: str, rng: np.random.Generator | None = None
) -> Estimate:
    """A number from one or several numbers per frame, (q, t); an interval where there are enough frames.

    The totals that `statistic` gets are the sums over frames, and the number of frames as the last. A frame with a
    number that is not finite does not count. Blocks are up to 8 neighbouring frames.
    """
    q, n = values.shape
    length = max(1, min(8, n // 16))
    valid = np.isfinite(values).all(axis=0)
    rows = [*np.where(valid, values, 0.0), valid.astype(float)]
    sums = np.stack([np.add.reduceat(row, np.arange(0, n, length)) for row in rows]).reshape(q + 1, -1, 1)
    blocks = BlockSums(sums=sums, size=(length, 0))
    result = interval_of_totals(blocks, statistic, method=method, rng=rng)
    if result.refused is None or not valid.any():
        return result
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(statistic(blocks.totals[None], None)[0])
    if not np.isfinite(value):
        return result
    return Estimate(value=value, low=None, high=None, method=method, warning="too few frames for an interval")


def resampled_totals(
    sums: NDArray[np.floating], rng: np.random.Generator, draws: int
) -> tuple[NDArray[np.floating], int]:
    """(draws, q) totals of resampled blocks, and the number of independent comparisons that they rest on.

    Parameters
    ----------
    sums : (q, t, p)
        The last quantity is the number of pixels; blocks without any do not exist.
    rng : numpy.random.Generator
    draws : int
    """
    groups = _strata(sums[-1] > 0)
    flat = sums.reshape(len(sums), -1).T
    totals = np.repeat(flat.sum(axis=0)[None], draws, axis=0)
    freedom = 0
    for size in sorted({len(group) for group in groups}):
        if size < 2:
            continue
        members = np.stack([group for group in groups if len(group) == size])
        freedom += len(members) * (size - 1)
        values = flat[members]
        deviations = (values - values.mean(axis=1, keepdims=True)) * np.sqrt(size / (size - 1.0))
        step = max(1, _CHUNK // (draws * size))
        for start in range(0, len(members), step):
            part = deviations[start : start + step]
            count = rng.multinomial(size, np.full(size, 1.0 / size), size=(draws, len(part)))
            totals += np.einsum("bgn,gnq->bq", count, part, optimize=True)
    return totals, freedom


def _strata(present: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Flat indices of the blocks (t, p), in groups of about four that follow each other at one place."""
    groups: list[NDArray[np.intp]] = []
    alone: list[int] = []
    places = present.shape[1]
    for place in range(places):
        times = np.flatnonzero(present[:, place])
        if len(times) < 2:
            alone += [int(time) * places + place for time in times]
            continue
        groups += [part * places + place for part in np.array_split(times, max(1, len(times) // _STRATUM))]
    if alone:
        groups += np.array_split(np.array(alone, dtype=np.intp), max(1, len(alone) // _STRATUM))
    return groups
