"""The sum of raw frames against the sum of the same frames denoised."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, UsageError
from atomotion.quality.blocks import block_sums, same_shape
from atomotion.quality.bootstrap import interval_of_totals
from atomotion.quality.estimate import Estimate


@dataclass(frozen=True, kw_only=True, slots=True)
class SumComparison:
    """The sum of raw frames beside the sum of the same frames denoised.

    Parameters
    ----------
    frames : range
        Frames that were summed, but for bad ones.
    raw_sum, denoised_sum : (y, x) float [units]
    correlation : Estimate
        Of the two images.
    correlation_limit : float or None
        What the correlation would be with the truth in place of the denoised sum, the rest being counting noise of the
        raw sum. None without the units per electron, or where the raw sum is nothing but noise.
    slope : Estimate
        Of the raw sum on the denoised sum: 1 where the contrast is right, above 1 where the denoiser made it weaker.
    line : (n, 3) float or None
        Distance along the line [px], and both sums there.
    """

    frames: range
    raw_sum: NDArray[np.floating]
    denoised_sum: NDArray[np.floating]
    correlation: Estimate
    correlation_limit: float | None
    slope: Estimate
    line: NDArray[np.floating] | None


def sum_against_sum(
    raw: Frames,
    denoised: Frames,
    n: int = 30,
    *,
    start: int | None = None,
    line: tuple[tuple[float, float], tuple[float, float]] | None = None,
    width_px: int = 1,
    units_per_electron: float | None = None,
    offset: float = 0.0,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    rng: np.random.Generator | None = None,
) -> SumComparison:
    """The sum of n raw frames against the sum of the n denoised ones.

    What the denoiser shows on average must be there in the raw data. The test sees nothing that lasts less than n
    frames, and the smoother the sum, the easier it is passed.

    Parameters
    ----------
    raw, denoised : (t, y, x)
    n : int
        Frames; all of them where there are fewer.
    start : int, optional
        First frame; by default the n frames lie in the middle.
    line : ((x0, y0), (x1, y1)), optional
        Ends of a line profile [px].
    width_px : int
        Width that the profile is averaged over.
    units_per_electron, offset : float
        Of the raw movie, for `correlation_limit`.
    mask, bad_frames, rng
        As in `mean_interval`.

    Raises
    ------
    UsageError
        Where the frames asked for are not in the movie.

    References
    ----------
    Crozier et al., Science (2025), Fig. 1C: sums of 30 frames and a line through each.
    """
    shape = same_shape(raw, denoised)
    n = min(n, shape[0])
    first = (shape[0] - n) // 2 if start is None else start
    which = range(first, first + n)
    used = [i for i in which if i not in bad_frames]
    if first < 0 or first + n > shape[0] or not used:
        raise UsageError(f"frames {first} to {first + n - 1} are not in a movie of {shape[0]} good frames")
    one, two = (np.sum([np.asarray(each[i], dtype=float) for i in used], axis=0) for each in (raw, denoised))
    a, b = one - one.mean(), two - two.mean()
    sums = block_sums((1, *shape[1:]), lambda *_: tuple(each[None] for each in (a * b, a * a, b * b, a, b)), mask=mask)

    def moments(totals: NDArray[np.floating]) -> tuple[NDArray[np.floating], ...]:
        ab, aa, bb, mean_a, mean_b = (totals[:, :5] / totals[:, 5:]).T
        return ab - mean_a * mean_b, aa - mean_a**2, bb - mean_b**2

    def correlation(totals: NDArray[np.floating], _: np.random.Generator | None) -> NDArray[np.floating]:
        ab, aa, bb = moments(totals)
        return np.asarray(ab / np.sqrt(aa * bb))

    def slope(totals: NDArray[np.floating], _: np.random.Generator | None) -> NDArray[np.floating]:
        ab, _aa, bb = moments(totals)
        return np.asarray(ab / bb)

    inside = one if mask is None else one[mask]
    return SumComparison(
        frames=which,
        raw_sum=one,
        denoised_sum=two,
        correlation=interval_of_totals(sums, correlation, method="correlation of the sums", rng=rng),
        correlation_limit=_limit(inside, units_per_electron, len(used) * offset),
        slope=interval_of_totals(sums, slope, method="slope of the raw on the denoised sum", rng=rng),
        line=None if line is None else _profile(one, two, line, width_px),
    )


def _limit(raw_sum: NDArray[np.floating], units_per_electron: float | None, offset: float) -> float | None:
    """Correlation of a sum of counts with its own expectation, from what the counts' noise leaves of its variance."""
    if units_per_electron is None:
        return None
    signal = raw_sum.var() - units_per_electron * (raw_sum.mean() - offset)
    return float(np.sqrt(signal / raw_sum.var())) if signal > 0 else None


def _profile(
    one: NDArray[np.floating],
    two: NDArray[np.floating],
    line: tuple[tuple[float, float], tuple[float, float]],
    width_px: int,
) -> NDArray[np.floating]:
    from skimage.measure import profile_line

    ends = [np.array(point[::-1], dtype=float) for point in line]
    profiles = [profile_line(each, ends[0], ends[1], linewidth=width_px, mode="nearest") for each in (one, two)]
    return np.column_stack([np.linspace(0.0, float(np.linalg.norm(ends[1] - ends[0])), len(profiles[0])), *profiles])
