"""The signal-to-noise ratios that papers state, each with the way in which it is fooled."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError
from atomotion.quality.blocks import good_frames
from atomotion.quality.bootstrap import interval_over_frames
from atomotion.quality.estimate import Estimate, refused

_VACUUM = "vacuum mean over standard deviation"
_NEIGHBOURS = "SNR from the correlation of neighbouring frames"


def vacuum_snr(
    frames: Frames,
    mask: NDArray[np.bool_],
    *,
    offset: float = 0.0,
    bad_frames: Collection[int] = (),
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Mean over standard deviation of the vacuum's pixels, the mean over frames.

    Parameters
    ----------
    frames : (t, y, x)
        Raw or denoised.
    mask : (y, x) bool
        A region without sample.
    offset : float
        Intensity of no electrons.
    bad_frames : collection of int
    rng : numpy.random.Generator, optional

    Returns
    -------
    Estimate
        `low` and `high` are None where the frames are too few for an interval.

    References
    ----------
    Crozier et al., Science (2025): 0.45 raw (what Poisson noise of 0.2 electrons per pixel has) and 16.5 denoised.
    """
    if mask.shape != tuple(frames.shape[1:]) or mask.sum() < 2:
        raise InputError(f"the vacuum has shape {mask.shape} and {mask.sum()} pixels; the frames {frames.shape[1:]}")
    ratios = []
    for i in good_frames(frames, bad_frames):
        values = np.asarray(frames[i], dtype=float)[mask]
        spread = float(values.std())
        ratios.append((float(values.mean()) - offset) / spread if spread > 0 else np.nan)
    if not np.isfinite(ratios).any():
        return refused(_VACUUM, "the vacuum is constant in every frame: it has no noise left to divide by")
    result = interval_over_frames(
        np.asarray(ratios)[None], lambda totals, _: totals[:, 0] / totals[:, -1], method=_VACUUM, rng=rng
    )
    return result.warned(
        "says how flat the vacuum is and nothing about the sample: smoothing alone raises it without limit (a Gaussian "
        "of 10 px by 35 times, as much as published for a network), and filters that erase the lattice score best; "
        "read it beside the error and the detail"
    )


def neighbour_snr(
    frames: Frames,
    *,
    window: int = 0,
    lag: int = 1,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    rng: np.random.Generator | None = None,
) -> Estimate:
    """``10 log10(ρ / (1 - ρ))`` in dB, with ρ the mean correlation of frames `lag` apart.

    Two exposures of one object with independent noise have ``ρ = S / (S + N)``. A movie that was denoised from several
    frames has no such exposures next to each other: with `window` frames seen on each side, frames up to
    ``2 window`` apart share input, and their common noise counts as signal. There it is refused.

    Parameters
    ----------
    frames : (t, y, x)
    window : int
        Frames that the denoiser saw on each side; 0 for raw movies and single-frame denoisers.
    lag : int
        Frames between the two; ``2 window + 1`` is the first without shared input.
    mask : (y, x) bool, optional
        Region of the sample; ρ and with it the SNR depend on how much vacuum there is.
    bad_frames : collection of int
    rng : numpy.random.Generator, optional

    Returns
    -------
    Estimate [dB]
        `low` and `high` are None where the frames are too few for an interval.

    References
    ----------
    Rosenthal and Henderson, J. Mol. Biol. 333, 721 (2003). Published with a lag of 1 for a movie of a particle in a
    liquid cell: -7 dB raw, 6 dB for moving means of five frames, 14 dB denoised from five frames.
    """
    if window > 0 and lag <= 2 * window:
        return refused(
            _NEIGHBOURS,
            f"frames {lag} apart were denoised from {2 * window + 1 - lag} raw frames that both have seen, whose noise "
            f"counts as signal (a moving mean of 5 frames scores 6 dB on vacuum): take a lag of {2 * window + 1}",
        )
    good = good_frames(frames, bad_frames)
    present = set(good)
    pairs = [(i, i + lag) for i in good if i + lag in present]
    if not pairs:
        return refused(_NEIGHBOURS, f"no two good frames lie {lag} apart")
    correlations = []
    for first, second in pairs:
        one, two = (np.asarray(frames[i], dtype=float) for i in (first, second))
        one, two = (each.ravel() if mask is None else each[mask] for each in (one, two))
        one, two = one - one.mean(), two - two.mean()
        size = float(np.sqrt((one @ one) * (two @ two)))
        correlations.append(float(one @ two) / size if size > 0 else np.nan)
    if not np.nanmean(np.where(np.isfinite(correlations), correlations, 0.0)) > 0:
        return refused(_NEIGHBOURS, "neighbouring frames are not correlated: no signal is seen above the noise")

    def decibel(totals: NDArray[np.floating], _: np.random.Generator | None) -> NDArray[np.floating]:
        rho = totals[:, 0] / totals[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(10.0 * np.log10(rho / (1.0 - rho)))

    result = interval_over_frames(np.asarray(correlations)[None], decibel, method=_NEIGHBOURS, rng=rng)
    return result.warned(
        "counts as signal whatever neighbouring frames share: correlated noise, a fixed pattern, a slow gradient, what "
        "a denoiser invents twice; what moves counts as noise"
    )
