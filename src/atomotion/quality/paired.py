"""Two denoisers on the same movie: their difference is known far better than either's error."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames
from atomotion.quality.blind import blind_forbidden
from atomotion.quality.blocks import BlockSums, block_sums, read, same_shape
from atomotion.quality.bootstrap import interval_of_totals, mean_of_first
from atomotion.quality.estimate import Estimate, refused
from atomotion.quality.known_noise import KnownNoise
from atomotion.quality.splittable import thinning_forbidden
from atomotion.quality.splitting import Denoiser
from atomotion.quality.thinning import ELECTRONS, thinned

_REFERENCE = "paired difference of MSE against independent frames"
_THINNING = "paired difference of MSE by binomial thinning"
_BLIND = "paired difference of blind residuals"

Verdict = Literal["first", "second", "undecided"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Mean squared error of the first denoiser minus that of the second, and which of them is better.

    The verdict is "undecided" where the interval of the difference holds 0, or where it was refused.
    """

    difference: Estimate
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """The difference's fields and the verdict."""
        return {**self.difference.as_json(), "verdict": self.verdict}


def compare_to_reference(
    first: Frames,
    second: Frames,
    reference: Frames,
    *,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    block: tuple[int, int] | None = None,
    rng: np.random.Generator | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Which of two denoised movies is nearer to the truth, by frames a with noise that neither has seen.

    ``MSE1 - MSE2 = mean[(a - f1)² - (a - f2)²] = mean[(f1 - f2)(f1 + f2 - 2 a)]``: the square of a's noise is gone, so
    neither its size nor its law matters.

    Parameters
    ----------
    first, second, reference : (t, y, x)
        One scale, one instant per frame; the reference's noise is independent and has mean 0 (``SplitCounts.removed``).
    mask, bad_frames, block, rng, on_step
        As in `umse_thinning`.
    """
    shape = same_shape(first, second)
    same_shape(first, reference)

    def quantity(start: int, stop: int) -> tuple[NDArray[np.floating]]:
        one, two = read(first, start, stop), read(second, start, stop)
        return ((one - two) * (one + two - 2.0 * read(reference, start, stop)),)

    sums = block_sums(shape, quantity, block=block, mask=mask, bad_frames=bad_frames, on_step=on_step)
    return _decided(interval_of_totals(sums, mean_of_first, method=_REFERENCE, rng=rng))


def compare_by_thinning(
    counts: Frames,
    first: Denoiser,
    second: Denoiser,
    p: float = 0.8,
    *,
    noise: KnownNoise = ELECTRONS,
    dispersion: tuple[float, float] | None = None,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    block: tuple[int, int] | None = None,
    rng: np.random.Generator | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Which of two denoisers is better at p of the dose; any denoisers, parameters as in `umse_thinning`."""
    rng = np.random.default_rng(0) if rng is None else rng
    reason, _ = thinning_forbidden(counts, noise, dispersion)
    if reason is not None:
        return undecided(_THINNING, reason)
    split = thinned(counts, noise, p, rng)
    one, two = first(split.kept), second(split.kept)
    same_shape(counts, two)

    def quantity(start: int, stop: int) -> tuple[NDArray[np.floating]]:
        a, b = (split.whole_dose(read(each, start, stop)) for each in (one, two))
        return ((a - b) * (a + b - 2.0 * read(split.removed, start, stop)),)

    sums = block_sums(same_shape(counts, one), quantity, block=block, mask=mask, bad_frames=bad_frames, on_step=on_step)
    return _decided(interval_of_totals(sums, mean_of_first, method=_THINNING, rng=rng))


def compare_blind(
    raw: Frames,
    first: Frames,
    second: Frames,
    *,
    blind: tuple[bool, bool],
    noise: KnownNoise | None = None,
    centre_weight: tuple[float | None, float | None] = (None, None),
    hole_px: int = 0,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    block: tuple[int, int] | None = None,
    rng: np.random.Generator | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Which of two denoised movies is better, by their residuals; parameters as in `blind_residual`, per denoiser.

    ``MSE1 - MSE2 = mean[(y - f1)² - (y - f2)² + 2 v (h1 - h2)]``: between blind denoisers (h = 0) the noise's variance
    is gone, and with it the uncertainty of the gain; ``noise.units_per_electron`` is needed only where a filter sees
    it.

    The noise that makes one pixel's residual is in the prediction of its neighbours and theirs in its own, which blocks
    do not show: for a symmetric filter it doubles the variance of the difference of the *realised* errors. The interval
    is never taken shorter than that.

    Parameters
    ----------
    hole_px : int
        Of the smaller of the two holes.
    """
    shape = same_shape(first, second)
    same_shape(raw, first)
    known = KnownNoise() if noise is None else noise
    for each, weight in zip(blind, centre_weight, strict=True):
        reason = blind_forbidden(known, blind=each, centre_weight=weight, hole_px=hole_px)
        if reason is not None:
            return undecided(_BLIND, reason)
    share = 2.0 * ((centre_weight[0] or 0.0) - (centre_weight[1] or 0.0))
    if share and known.units_per_electron is None:
        return undecided(_BLIND, "denoisers that see the pixel need the units per electron")

    def quantity(start: int, stop: int) -> tuple[NDArray[np.floating], ...]:
        values, one, two = (read(each, start, stop) for each in (raw, first, second))
        difference = (one - two) * (one + two - 2.0 * values) + share * known.variance(values)
        return difference, share * (values - known.offset), difference**2

    def statistic(totals: NDArray[np.floating], rng: np.random.Generator | None) -> NDArray[np.floating]:
        difference, level = (totals[:, :2] / totals[:, 3:]).T
        return difference if rng is None else difference + known.error(level, np.full(len(level), share), rng)

    sums = block_sums(shape, quantity, block=block, mask=mask, bad_frames=bad_frames, on_step=on_step)
    return _decided(interval_of_totals(sums, statistic, method=_BLIND, rng=rng, least_sd=_reciprocal_sd(sums)))


def _reciprocal_sd(sums: BlockSums) -> float:
    """Standard deviation of the difference with pixels taken as independent, times √2."""
    if sums.pixels == 0:
        return 0.0
    mean, _, square = sums.means
    return float(np.sqrt(2.0 * max(0.0, square - mean**2) / sums.pixels))


def undecided(method: str, reason: str) -> Comparison:
    """A `Comparison` without numbers."""
    return Comparison(difference=refused(method, reason), verdict="undecided")


def _decided(difference: Estimate) -> Comparison:
    verdict: Verdict = "undecided"
    if difference.high is not None and difference.high < 0:
        verdict = "first"
    elif difference.low is not None and difference.low > 0:
        verdict = "second"
    return Comparison(difference=difference, verdict=verdict)
