"""The error of any denoiser from one movie of counted electrons: some electrons are kept back to judge it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames
from atomotion.quality.blocks import BlockSums, block_sums, good_frames, read, same_shape
from atomotion.quality.bootstrap import interval_of_totals, mean_of_first
from atomotion.quality.estimate import Estimate, refused
from atomotion.quality.known_noise import KnownNoise
from atomotion.quality.splittable import thinning_forbidden
from atomotion.quality.splitting import Denoiser, Split, SplitCounts

METHOD = "uMSE by binomial thinning"
ELECTRONS = KnownNoise(units_per_electron=1.0)
"""Of a movie in electrons, of which nothing else is known."""


def umse_thinning(
    counts: Frames,
    denoise: Denoiser,
    p: float = 0.8,
    *,
    noise: KnownNoise = ELECTRONS,
    dispersion: tuple[float, float] | None = None,
    splits: int = 1,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    block: tuple[int, int] | None = None,
    rng: np.random.Generator | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Estimate:
    """Mean squared error of a denoiser at the kept dose, unbiased for any denoiser.

    Every electron is kept with probability p. The denoiser gets the kept ones, and its output f, scaled to the whole
    dose, is compared with the removed ones r, ``a = g r / (1 - p)``, whose noise is independent of it:

    ``MSE = mean[(f - a)² - g² r / (1 - p)²]``

    as the variance of a is ``g² λ / (1 - p)`` for λ electrons.

    Parameters
    ----------
    counts : (t, y, x)
        The raw movie of a counting camera, in its units.
    denoise : callable
        Gets a movie with p of the dose, in the raw movie's units, and gives it denoised. A network that was trained on
        all electrons of this very movie has seen the removed ones; train it on ``SplitCounts(...).kept``.
    p : float
        0.5 gives the shortest interval, values near 1 a dose near to that of the movie.
    noise : KnownNoise
        Refused where two parts of the electrons would share noise.
    dispersion : (float, float), optional
        95 % interval of variance over mean of the counts; measured here if not given. Excess over 1 by more than 0.1
        refuses, less gives a warning with the bias that it causes.
    splits : int
        Random splits that the estimate is the average of; the denoiser runs once for each.
    mask, bad_frames, block, rng
        As in `mean_interval`.
    on_step : callable
        Called with (frames compared, frames to compare).

    Returns
    -------
    Estimate
        In squared units of the movie, **at the whole dose's intensity**: of f / p, so that it compares with errors of
        the whole movie; the noise that f was made from is that of p of the dose.

    References
    ----------
    Marcos-Morales et al., ICML (2023), arXiv:2210.05553, for other references than thinned ones.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    reason, warning = thinning_forbidden(counts, noise, dispersion)
    if reason is not None:
        return refused(METHOD, reason)
    found: list[BlockSums] = []
    for number in range(splits):
        split = thinned(counts, noise, p, rng)
        report = None if on_step is None else _part(on_step, number, splits)
        denoised = denoise(split.kept)
        found.append(_error_sums(denoised, split, block=block, mask=mask, bad_frames=bad_frames, on_step=report))
    sums = replace(found[0], sums=np.mean([each.sums for each in found], axis=0))
    return interval_of_totals(sums, mean_of_first, method=METHOD, rng=rng).warned(warning)


def thinning_error(
    denoised: Frames,
    split: Split,
    *,
    method: str = METHOD,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    block: tuple[int, int] | None = None,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Mean squared error of what was made of ``split.kept``, where the caller has run the denoiser.

    Parameters
    ----------
    denoised : (t, y, x)
        As the denoiser gave it, at the kept dose.
    split : Split
    method : str
    mask, bad_frames, block, rng
        As in `mean_interval`.
    """
    sums = _error_sums(denoised, split, block=block, mask=mask, bad_frames=bad_frames)
    return interval_of_totals(sums, mean_of_first, method=method, rng=rng)


def best_on_removed(
    candidates: Sequence[Denoiser],
    split: Split,
    *,
    bad_frames: Collection[int] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[int, Frames]:
    """The denoiser that comes nearest to the removed part of a split movie, and what it made of the kept part.

    The noise of the removed part adds the same to every candidate's squared distance, so the smallest distance is the
    smallest error, but for chance.

    Parameters
    ----------
    candidates : sequence of callable
    split : Split
    bad_frames : collection of int
    on_step : callable
        Called with (candidates tried, candidates in all).

    Returns
    -------
    best : int
        Its place among the candidates.
    denoised : (t, y, x)
    """
    kept, removed = np.asarray(split.kept[:]), np.asarray(split.removed[:])
    good = good_frames(kept, bad_frames)
    best, denoised, least = -1, kept, np.inf
    for number, candidate in enumerate(candidates):
        found = np.asarray(candidate(kept))
        square = float(np.mean((split.whole_dose(found[good]) - removed[good]) ** 2))
        if square < least:
            best, denoised, least = number, found, square
        if on_step is not None:
            on_step(number + 1, len(candidates))
    return best, denoised


def thinned(counts: Frames, noise: KnownNoise, p: float, rng: np.random.Generator) -> SplitCounts:
    """A random split of the electrons of a movie that `thinning_forbidden` has nothing against."""
    assert noise.units_per_electron is not None
    return SplitCounts(
        counts, p, seed=int(rng.integers(2**63)), units_per_electron=noise.units_per_electron, offset=noise.offset
    )


def _error_sums(
    denoised: Frames,
    split: Split,
    *,
    block: tuple[int, int] | None,
    mask: NDArray[np.bool_] | None,
    bad_frames: Collection[int],
    on_step: Callable[[int, int], None] | None = None,
) -> BlockSums:
    def squares(start: int, stop: int) -> tuple[NDArray[np.floating]]:
        reference = read(split.removed, start, stop)
        difference = split.whole_dose(read(denoised, start, stop)) - reference
        return (difference**2 - split.removed_units * (reference - split.offset),)

    shape = same_shape(split.kept, denoised)
    return block_sums(shape, squares, block=block, mask=mask, bad_frames=bad_frames, on_step=on_step)


def _part(on_step: Callable[[int, int], None], number: int, parts: int) -> Callable[[int, int], None]:
    return lambda done, total: on_step(number * total + done, parts * total)
