"""How far a particle wanders: mean-square displacement, and diffusion told from the error of its centres."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dst
from scipy.stats import chi2

_GRID = 60
_FEWEST = 6  # changes from group to group
_LEVEL = 0.95
_LAGS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class RandomWalk:
    """A random walk behind centres with errors.

    Parameters
    ----------
    step2 : float [Å²]
        Variance of the motion per frame, along an axis.
    low, high : float [Å²]
        Its 95 % interval.
    error2 : float [Å²]
        Variance of the error of a single frame's centre, along an axis.
    changes : int
        Independent changes that went into it, both axes together.
    """

    step2: float
    low: float
    high: float
    error2: float
    changes: int


def fit_random_walk(
    centres: NDArray[np.floating],
    used: NDArray[np.bool_],
    *,
    group: int,
    prior: tuple[float, float] | None = None,
) -> RandomWalk | None:
    """The most likely random walk with independent errors; None where too few frames are used.

    Means over groups of m frames, so that errors which neighbouring frames share become independent. Their changes d
    have ``<d²> = q² (2 m² + 1) / (3 m) + 2 s² / m`` and ``<d_g d_{g+1}> = q² (m² - 1) / (6 m) - s² / m``, and nothing
    further apart, so a sine transform makes them independent with the variances
    ``<d²> + 2 <d_g d_{g+1}> cos(π k / (N + 1))``. The interval is where twice the profile log-likelihood has fallen by
    the 95 % point of chi-square.

    Parameters
    ----------
    centres : (n, 2) float [Å]
        Each frame's own, not smoothed.
    used : (n,) bool
    group : int
        m.
    prior : (step [Å], spread of its logarithm), optional
        A log-normal prior, for short tracks.

    References
    ----------
    Vestergaard, Blainey & Flyvbjerg, Phys. Rev. E 89, 022726 (2014), for single frames (m = 1); Berglund, Phys. Rev. E
    82, 011917 (2010).
    """
    spectra = _independent_changes(centres, used, group)
    count = sum(len(coefficients) for coefficients, _ in spectra)
    if count < 2 * _FEWEST:
        return None
    powers = np.concatenate([coefficients**2 for coefficients, _ in spectra])
    cosines = np.concatenate([cosine for _, cosine in spectra])
    total = float(powers.mean())
    steps = np.geomspace(1e-5, 3.0, _GRID) * total / group
    errors = np.r_[0.0, np.geomspace(1e-3, 2.0, _GRID)] * total * group
    for _ in range(3):
        likelihood = _likelihood(powers, cosines, steps[:, None], errors[None, :], group)
        if prior is not None:
            likelihood += -0.5 * (np.log(np.sqrt(steps)[:, None] / prior[0]) / prior[1]) ** 2
        profile = likelihood.max(axis=1)
        best = int(profile.argmax())
        error = int(likelihood[best].argmax())
        inside = np.flatnonzero(profile > profile[best] - 0.5 * chi2.ppf(_LEVEL, 1))
        level = profile[best] - 0.5 * chi2.ppf(_LEVEL, 1)
        low, high = _crossing(steps, profile - level, inside[0], -1), _crossing(steps, profile - level, inside[-1], 1)
        top, noise = steps[best], errors[error]
        steps = np.unique(
            np.r_[
                np.geomspace(steps[max(inside[0] - 1, 0)], steps[min(inside[-1] + 1, len(steps) - 1)], _GRID),
                np.geomspace(steps[max(best - 1, 0)], steps[min(best + 1, len(steps) - 1)], 9),
            ]
        )
        errors = np.linspace(errors[max(error - 2, 0)], errors[min(error + 2, len(errors) - 1)], _GRID)
    return RandomWalk(step2=float(top), low=float(low), high=float(high), error2=float(noise), changes=count)


def _crossing(steps: NDArray[np.floating], height: NDArray[np.floating], last: int, towards: int) -> float:
    """Where the height falls through zero beyond the last step at which it is above."""
    beyond = last + towards
    if not 0 <= beyond < len(steps):
        return float(steps[last])
    part = height[last] / (height[last] - height[beyond])
    return float(steps[last] + part * (steps[beyond] - steps[last]))


def _independent_changes(
    centres: NDArray[np.floating], used: NDArray[np.bool_], group: int
) -> list[tuple[NDArray[np.floating], NDArray[np.floating]]]:
    """For every unbroken stretch and axis: the sine transform of the changes, and cos(π k / (N + 1))."""
    means, whole = _group_means(centres, used, group)
    edges = np.flatnonzero(np.diff(np.r_[0, whole.astype(np.int8), 0]))
    result: list[tuple[NDArray[np.floating], NDArray[np.floating]]] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        changes = np.diff(means[first:last], axis=0)
        n = len(changes)
        if n == 0:
            continue
        cosine = np.cos(np.pi * np.arange(1, n + 1) / (n + 1))
        for axis in (0, 1):
            result.append((dst(changes[:, axis], type=1, norm="ortho"), cosine))
    return result


def _likelihood(
    powers: NDArray[np.floating],
    cosines: NDArray[np.floating],
    step2: NDArray[np.floating],
    error2: NDArray[np.floating],
    m: int,
) -> NDArray[np.floating]:
    square = step2 * (2 * m**2 + 1) / (3 * m) + 2 * error2 / m
    product = step2 * (m**2 - 1) / (6 * m) - error2 / m
    likelihood = np.zeros(np.broadcast_shapes(square.shape, product.shape))
    for power, cosine in zip(powers, cosines, strict=True):
        variance = square + 2 * product * cosine
        likelihood -= 0.5 * (np.log(variance) + power / variance)
    return likelihood


@dataclass(frozen=True, kw_only=True, slots=True)
class Displacements:
    """Mean-square displacement against time.

    Parameters
    ----------
    lag_frames : (l,) int
    msd : (l,) float [Å²]
        In the plane of the image, x and y together.
    low, high : (l,) float [Å²]
        95 % interval of each.
    """

    lag_frames: NDArray[np.integer]
    msd: NDArray[np.floating]
    low: NDArray[np.floating]
    high: NDArray[np.floating]


def mean_square_displacement(
    centres: NDArray[np.floating], used: NDArray[np.bool_], walk: RandomWalk, *, group: int
) -> Displacements:
    """``<|r(t + lag) - r(t)|²>`` of the true path, in the plane of the image, for lags up to a quarter of the track.

    Centres are averaged over groups of m frames. Their displacements have ``4 s² / m`` too much by the errors, which is
    taken off, and ``2 q² (m² - 1) / (3 m)`` too little by the averaging, which is added. Displacements over overlapping
    times are not independent: the interval is that of chi-square, with two degrees of freedom for each lag that fits
    beside the others, times 3/2 for what overlapping gains.

    Parameters
    ----------
    centres : (n, 2) float [Å]
        Each frame's own.
    used : (n,) bool
    walk : RandomWalk
        From `fit_random_walk` with the same `group`.
    group : int
        m.
    """
    means, whole = _group_means(centres, used, group)
    longest = max(1, (len(means) - 1) // 4)
    lags = np.unique(np.geomspace(1, longest, _LAGS).round().astype(int))
    blur = 2 * walk.step2 * (group**2 - 1) / (3 * group) - 4 * walk.error2 / group
    rows = []
    for lag in lags:
        both = whole[lag:] & whole[:-lag]
        squares = np.sum((means[lag:] - means[:-lag])[both] ** 2, axis=1)
        if not len(squares):
            rows.append((np.nan, np.nan, np.nan))
            continue
        freedom = 2 * max(1.0, min(float(len(squares)), 1.5 * len(squares) / lag))
        mean = float(squares.mean())
        low, high = (mean * freedom / chi2.ppf(level, freedom) + blur for level in (0.975, 0.025))
        rows.append((max(0.0, mean + blur), max(0.0, low), high))
    msd, low, high = np.array(rows, dtype=float).T
    return Displacements(lag_frames=lags * group, msd=msd, low=low, high=high)


def _group_means(
    centres: NDArray[np.floating], used: NDArray[np.bool_], group: int
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """(g, 2) means over groups of frames, and (g,) whether all frames of a group are used."""
    count = len(centres) // group
    whole = np.asarray(used[: count * group].reshape(count, group).all(axis=1))
    known = np.where(used[:, None], centres, 0.0)[: count * group]
    return np.asarray(known.reshape(count, group, 2).mean(axis=1)), whole
