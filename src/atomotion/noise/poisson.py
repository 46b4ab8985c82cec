"""Poisson noise made, split and tested: frames for nulls, binomial thinning, and the distance from a Poisson law."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import poisson

from atomotion.data import Frames, InputError


def poisson_frames(
    mean: float | NDArray[np.floating], shape: tuple[int, int], n: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Frames of independent Poisson counts.

    Parameters
    ----------
    mean : float or (y, x) float [electrons per pixel and frame]
    shape : (y, x)
    n : int
        Number of frames.
    rng : numpy.random.Generator

    Returns
    -------
    (n, y, x) int32
    """
    return rng.poisson(mean, size=(n, *shape)).astype(np.int32)


def empirical_frames(
    values: NDArray[Any], counts: ArrayLike, shape: tuple[int, int], n: int, rng: np.random.Generator
) -> NDArray[Any]:
    """Frames of independent pixels drawn from a measured histogram, for detectors whose noise is not Poisson.

    Parameters
    ----------
    values : (k,)
        The values that occur.
    counts : (k,)
        How often, as `value_histogram` gives.
    shape : (y, x)
    n : int
        Number of frames.
    rng : numpy.random.Generator

    Returns
    -------
    (n, y, x), dtype of `values`
    """
    weights = np.asarray(counts, dtype=float)
    return rng.choice(np.asarray(values), size=(n, *shape), p=weights / weights.sum())


def value_histogram(
    frames: Frames, *, mask: NDArray[np.bool_] | None = None, on_step: Callable[[int, int], None] | None = None
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The values that occur in the frames (inside `mask`), in order, and how often; read frame by frame."""
    total: dict[Any, int] = {}
    n = int(frames.shape[0])
    for i in range(n):
        frame = frames[i]
        values, counts = np.unique(frame if mask is None else frame[mask], return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            total[value] = total.get(value, 0) + count
        if on_step is not None:
            on_step(i + 1, n)
    ordered = sorted(total)
    return np.array(ordered, dtype=frames.dtype), np.array([total[value] for value in ordered], dtype=np.int64)


def to_electrons(values: NDArray[Any], units_per_electron: float, offset: float = 0.0) -> NDArray[np.int32]:
    """Intensities as whole electrons, ``round((values - offset) / units_per_electron)``, never below 0.

    Only for counting detectors: elsewhere rounding adds noise of its own, and the result is not Poisson.
    """
    electrons = np.rint((np.asarray(values, dtype=np.float32) - np.float32(offset)) / np.float32(units_per_electron))
    return np.maximum(electrons, 0).astype(np.int32)


def thin(counts: NDArray[np.integer], p: float, rng: np.random.Generator) -> NDArray[np.integer]:
    """A random part of every pixel's electrons: each is kept with probability `p`, on its own.

    If the counts k are Poisson with mean λ, the kept part is Poisson with mean pλ, the rest ``counts - kept`` is
    Poisson with mean (1 - p)λ, and the two are *independent*: two exposures of the same instant. For counts that are
    not Poisson the two parts are correlated, and what is built on them is biased.

    Parameters
    ----------
    counts : int, any shape
        Electrons (see `to_electrons`), not detector units: thinning detector units leaves far too little noise.
    p : float
        Between 0 and 1.
    rng : numpy.random.Generator

    Returns
    -------
    shape and dtype of `counts`

    Raises
    ------
    InputError
        Where `counts` are not whole numbers or are negative.
    """
    counts = np.asarray(counts)
    if not np.issubdtype(counts.dtype, np.integer):
        raise InputError(f"thinning needs whole electrons, but the values are {counts.dtype}; see to_electrons")
    if counts.size and counts.min() < 0:
        raise InputError(f"thinning needs counts, but the lowest value is {counts.min()}")
    return rng.binomial(counts, p).astype(counts.dtype)


@dataclass(frozen=True, kw_only=True, slots=True)
class PoissonTest:
    """How far counts are from a Poisson law of the same mean.

    `distance` is the largest difference of the two cumulative distributions, `p_value` its Dvoretzky-Kiefer-Wolfowitz
    bound, `dispersion` variance over mean (1 for Poisson), `n` the number of pixels.
    """

    mean: float
    dispersion: float
    distance: float
    p_value: float
    n: int


def poisson_test(values: NDArray[np.integer], counts: ArrayLike | None = None) -> PoissonTest:
    """Whether counts of electrons follow a Poisson law.

    ``D = max_k |F_n(k) - F(k; λ)|`` with λ the mean, and ``p = min(1, 2 exp(-2 n D²))``. The bound holds for a law
    that is fixed beforehand; with λ fitted and discrete counts it errs to the safe side (p too large). With millions
    of pixels every detector fails the test, so the distance says more than p.

    Parameters
    ----------
    values : int
        Electrons per pixel, any shape; or the values of a histogram, where `counts` is given.
    counts : (k,) int, optional
        How often each of the `values` occurs.

    Raises
    ------
    InputError
        Where the values are not whole electrons.

    References
    ----------
    Thomas, Crozier, Xu & Matteson, Technometrics (2023), doi 10.1080/00401706.2023.2203744: vacuum tested this way
    (their package ``detectda``).
    """
    values = np.asarray(values)
    if not np.issubdtype(values.dtype, np.integer) or (values.size and values.min() < 0):
        raise InputError("the Poisson test needs whole electrons, 0 or more; see to_electrons")
    if counts is None:
        values, counts = np.unique(values, return_counts=True)
    often = np.bincount(values, weights=np.asarray(counts, dtype=float))
    n = float(often.sum())
    levels = np.arange(len(often))
    mean = float(levels @ often / n)
    variance = float((levels - mean) ** 2 @ often / n)
    distance = float(np.max(np.abs(np.cumsum(often) / n - poisson.cdf(levels, mean))))
    return PoissonTest(
        mean=mean,
        dispersion=variance / mean if mean > 0 else float("nan"),
        distance=distance,
        p_value=float(min(1.0, 2.0 * np.exp(-2.0 * n * distance**2))),
        n=int(n),
    )
