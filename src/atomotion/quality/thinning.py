"""The error of any denoiser from one movie of counted electrons: some electrons are kept back to judge it."""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError
from atomotion.noise import NoiseConfig, measure_noise
from atomotion.quality.blocks import BlockSums, block_sums, read, same_shape
from atomotion.quality.bootstrap import interval_of_totals, mean_of_first
from atomotion.quality.estimate import Estimate, refused
from atomotion.quality.signal_splitting import SplitSignal
from atomotion.quality.splitting import Denoiser, SplitCounts, electrons_of, whole_electrons

Split = SplitCounts | SplitSignal

METHOD = "uMSE by binomial thinning"
_LARGEST_DISPERSION = 0.1  # away from 1


def umse_thinning(
    counts: Frames,
    denoise: Denoiser,
    p: float = 0.8,
    *,
    units_per_electron: float = 1.0,
    offset: float = 0.0,
    is_poisson: bool | None = None,
    white_pixels: bool | None = None,
    white_frames: bool | None = None,
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
    units_per_electron, offset : float
    is_poisson, white_pixels, white_frames : bool or None
        What is known of the noise (``NoiseFindings``). False refuses: the two parts would share noise.
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
    reason, warning = thinning_forbidden(
        counts, units_per_electron, offset, is_poisson, white_pixels, white_frames, dispersion
    )
    if reason is not None:
        return refused(METHOD, reason)
    found: list[BlockSums] = []
    for number in range(splits):
        split = SplitCounts(
            counts, p, seed=int(rng.integers(2**63)), units_per_electron=units_per_electron, offset=offset
        )
        denoised = denoise(split.kept)
        found.append(
            block_sums(
                same_shape(counts, denoised),
                partial(_squares, split, denoised),
                block=block,
                mask=mask,
                bad_frames=bad_frames,
                on_step=None if on_step is None else _part(on_step, number, splits),
            )
        )
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
    split : SplitCounts or SplitSignal
    method : str
    mask, bad_frames, block, rng
        As in `mean_interval`.
    """
    sums = block_sums(
        same_shape(split.kept, denoised),
        partial(_squares, split, denoised),
        block=block,
        mask=mask,
        bad_frames=bad_frames,
    )
    return interval_of_totals(sums, mean_of_first, method=method, rng=rng)


def _part(on_step: Callable[[int, int], None], number: int, parts: int) -> Callable[[int, int], None]:
    return lambda done, total: on_step(number * total + done, parts * total)


def _squares(split: Split, denoised: Frames, start: int, stop: int) -> tuple[NDArray[np.floating]]:
    reference = read(split.removed, start, stop)
    difference = split.whole_dose(read(denoised, start, stop)) - reference
    return (difference**2 - split.removed_units * (reference - split.offset),)


def thinning_forbidden(
    counts: Frames,
    units_per_electron: float,
    offset: float,
    is_poisson: bool | None,
    white_pixels: bool | None,
    white_frames: bool | None,
    dispersion: tuple[float, float] | None,
) -> tuple[str | None, str | None]:
    """Why a movie cannot be thinned, or None; and a warning of the bias that it brings, or None."""
    if is_poisson is False:
        return "the noise variance does not grow with the mean, so these are no counts of electrons to thin", None
    for known, what in ((white_pixels, "pixels"), (white_frames, "frames")):
        if known is False:
            return f"the noise of neighbouring {what} is correlated, so the two parts of a split share noise", None
    reason = whole_electrons(counts, units_per_electron, offset)
    if reason is not None:
        return reason, None
    electrons = electrons_of(counts, units_per_electron, offset)
    findings = None
    if dispersion is None:
        try:
            findings = measure_noise(electrons, config=NoiseConfig())
        except InputError as error:
            return f"whether the counts are Poisson cannot be checked: {error}", None
        dispersion = findings.units_per_electron_interval
    if dispersion is None:
        return "the variance of the counts does not follow their mean, so they are not Poisson", None
    low, high = dispersion
    if low <= 1.0 <= high:
        return None, None
    excess = 0.5 * (low + high) - 1.0
    if abs(excess) > _LARGEST_DISPERSION:
        return (
            f"the counts are not Poisson: their variance is {1 + excess:.3f} times their mean, so the two parts of a "
            "split are correlated (or units_per_electron is wrong)",
            None,
        )
    mean = float(np.mean(electrons[0])) if findings is None else findings.level
    return None, (
        f"the variance of the counts is {1 + excess:.3f} times their mean (1 for Poisson): this alone makes the error "
        f"about {abs(excess) * mean * units_per_electron**2:.3g} too {'large' if excess > 0 else 'small'}, unless it "
        "is the sample that moves"
    )
