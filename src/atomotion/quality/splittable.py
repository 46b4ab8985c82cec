"""Which movies can be split into two that share no noise, and how."""

from dataclasses import dataclass

import numpy as np

from atomotion.data import Frames, InputError
from atomotion.noise import NoiseConfig, measure_noise, to_electrons
from atomotion.quality.known_noise import KnownNoise
from atomotion.quality.splitting import FrameView, Split, SplitCounts, SplitSignal

_UNEVEN = 0.25  # electrons rms from the nearest whole number; values without any grid have 0.29
_LARGEST_DISPERSION = 0.1  # away from 1
_LOOKED_AT = 16  # frames
_NO_UNITS = "the units per electron are not known; give --units-per-electron, or measure a raw movie"


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitChoice:
    """A split movie, or why there is none (`refused`); and what is doubtful about it (`warning`)."""

    split: Split | None = None
    refused: str | None = None
    warning: str | None = None


def choose_split(frames: Frames, noise: KnownNoise, p: float, *, blind: bool, seed: int = 0) -> SplitChoice:
    """Split a movie as its noise allows: whole electrons one by one, other values by their variance.

    Parameters
    ----------
    frames : (t, y, x)
    noise : KnownNoise
    p : float
        Part of the dose that is kept.
    blind : bool
        Whether the denoiser that is to be judged never sees the pixel it predicts.
    seed : int
    """
    units = noise.units_per_electron
    if units is None:
        return SplitChoice(refused=_NO_UNITS)
    if no_whole_electrons(frames, units, noise.offset) is None:
        reason, warning = thinning_forbidden(frames, noise)
        if reason is not None:
            return SplitChoice(refused=reason)
        counts = SplitCounts(frames, p, seed=seed, units_per_electron=units, offset=noise.offset)
        return SplitChoice(split=counts, warning=warning)
    reason = noise_forbids_splitting(noise)
    if reason is not None:
        return SplitChoice(refused=reason)
    signal = SplitSignal(frames, p, seed=seed, units_per_electron=units, offset=noise.offset)
    doubt = "the values are no whole electrons: the two parts are uncorrelated, but not independent"
    return SplitChoice(split=signal, warning=None if blind else doubt)


def noise_forbids_splitting(noise: KnownNoise) -> str | None:
    """Why two parts of a movie with this noise would share it, or None."""
    if noise.is_poisson is False:
        return "the noise variance does not grow with the mean, so these are no counts of electrons to split"
    for known, what in ((noise.white_pixels, "pixels"), (noise.white_frames, "frames")):
        if known is False:
            return f"the noise of neighbouring {what} is correlated, so the two parts of a split share noise"
    return None


def thinning_forbidden(
    counts: Frames, noise: KnownNoise, dispersion: tuple[float, float] | None = None
) -> tuple[str | None, str | None]:
    """Why the electrons of a movie cannot be thinned, or None; and a warning of the bias that it brings, or None.

    Parameters
    ----------
    counts : (t, y, x)
    noise : KnownNoise
    dispersion : (float, float), optional
        95 % interval of variance over mean of the counts; measured here if not given.
    """
    units = noise.units_per_electron
    if units is None:
        return _NO_UNITS, None
    reason = noise_forbids_splitting(noise) or no_whole_electrons(counts, units, noise.offset)
    if reason is not None:
        return reason, None
    electrons = _electrons_of(counts, units, noise.offset)
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
        f"about {abs(excess) * mean * units**2:.3g} too {'large' if excess > 0 else 'small'}, unless it is the sample "
        "that moves"
    )


def no_whole_electrons(frames: Frames, units_per_electron: float, offset: float) -> str | None:
    """Why the values of a movie are no whole electrons, from up to 16 frames; None where they are."""
    if not units_per_electron > 0:
        return f"units per electron are {units_per_electron:g}; thinning needs those of the movie, above 0"
    n = int(frames.shape[0])
    away, below, pixels = 0.0, 0, 0
    for i in np.unique(np.linspace(0, n - 1, min(n, _LOOKED_AT)).astype(int)):
        electrons = (np.asarray(frames[int(i)], dtype=float) - offset) / units_per_electron
        electrons = electrons[np.isfinite(electrons)]
        away += float(np.sum((electrons - np.rint(electrons)) ** 2))
        below += int(np.sum(electrons < -0.5))
        pixels += electrons.size
    if pixels == 0:
        return "no value of the movie is finite"
    if below > 1e-4 * pixels:
        return f"{below / pixels:.1%} of the values lie below the offset, so they are no counts of electrons"
    rms = float(np.sqrt(away / pixels))
    if rms > _UNEVEN:
        return (
            f"the values are no whole electrons (they lie {rms:.2f} electrons rms from the nearest whole number): "
            "thinning needs the raw counts of a counting camera and its units per electron"
        )
    return None


def _electrons_of(frames: Frames, units_per_electron: float, offset: float) -> FrameView:
    """The movie in whole electrons, made when read."""
    shape = tuple(int(n) for n in frames.shape)
    return FrameView(
        shape, lambda i: to_electrons(np.asarray(frames[i]), units_per_electron, offset).astype(np.float32)
    )
