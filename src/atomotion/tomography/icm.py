"""Local smoothing of half maps by a prior on neighbouring voxels: iterated conditional modes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from atomotion.data.errors import InputError, UsageError

Scaling = Literal["measured", "published"]

_LEVELS = 256
# the published noise variances are brought to this mean and standard deviation
_PUBLISHED_NOISE = (5.0, 2.0)
# a standardised variance that is not positive turns the minimum into a maximum
_LEAST_PUBLISHED = 0.1
_WINDOW = 5
# strengths that are tried, over the noise's mean variance
_TRIED = (0.0, *(0.5 * 10.0 ** (number / 4.0) for number in range(-8, 5)))


@dataclass(frozen=True, kw_only=True, slots=True)
class RegularisedHalves:
    """Half maps after the prior.

    Parameters
    ----------
    half1, half2 : (z, y, x) float
        Regularised one without the other, but for the noise and the strength that both share.
    noise_sd : (z, y, x) float
        Standard deviation of the noise of one half, in the map's units; for "published" in its standardised ones.
    strength : float
        λ of the energy: per squared unit of the map for "measured", per squared grey level for "published".
    """

    half1: NDArray[np.floating]
    half2: NDArray[np.floating]
    noise_sd: NDArray[np.float64]
    strength: float


def regularise_halves(
    half1: ArrayLike,
    half2: ArrayLike,
    *,
    scaling: Scaling = "measured",
    strength: float | None = None,
    sweeps: int = 3,
) -> RegularisedHalves:
    r"""Both half maps, each voxel drawn to its six neighbours as strongly as the noise there allows.

    In a sweep every voxel takes the value that minimises, its neighbours y held,

    .. math:: E(x) = \frac{(p - x)^2}{2 \sigma^2} + \lambda \sum_{j=1}^{6} (x - y_j)^2,
              \qquad \hat x = \frac{p / 2\sigma^2 + \lambda \sum_j y_j}{1 / 2\sigma^2 + 6 \lambda}

    - "measured": p is the map, σ² the variance of its noise: half that of the halves' difference, averaged over a
      window of five voxels. λ is the one whose regularised halves predict the other, untouched half best, where the
      halves share signal (their product, averaged over the window, is the weight): nothing is to be chosen.
    - "published": what the program of paper 001 does. Maps are cut into 256 grey levels. σ² is the variance of the
      halves' difference over the six neighbours, standardised over the map to the mean 5 and the standard deviation 2,
      so that neither the scale of the noise nor that of the map matters. p is the voxel's own current value, so that
      every sweep smooths on; λ is 0.1. Standardised variances below 0.1, which there turn the sign of the first term,
      are set to 0.1.

    Parameters
    ----------
    half1, half2 : (z, y, x) float
    scaling : "measured" or "published"
    strength : float or None
        λ; None takes the scaling's own.
    sweeps : int
        Over all voxels at once, each from the values of the sweep before.

    Raises
    ------
    InputError
        For halves of different shapes, equal halves, constant halves, or values that are not finite.
    UsageError
        For another scaling, or a negative strength.

    References
    ----------
    Meana-Pañeda et al., Sci. Adv. 11 (2025), Algorithm 1; Besag, J. R. Stat. Soc. B 48, 259 (1986). The printed
    algorithm is to be minimised and its last sign is a minus, as the program has it; it divides by σ and means σ².
    """
    a, b = _checked(half1, half2)
    if strength is not None and not strength >= 0.0:
        raise UsageError(f"the strength of the prior is {strength}; it must not be negative")
    if scaling == "measured":
        return _measured(a, b, strength, sweeps)
    if scaling == "published":
        return _published(a, b, 0.1 if strength is None else strength, sweeps)
    raise UsageError(f"unknown scaling {scaling!r} of the prior; known are measured and published")


def _checked(half1: ArrayLike, half2: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(half1, dtype=float), np.asarray(half2, dtype=float)
    if a.ndim != 3 or a.shape != b.shape:
        raise InputError(f"half maps of the shapes {a.shape} and {b.shape} do not belong together")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("a half map holds values that are not finite")
    if np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        raise InputError("a half map is empty: all its voxels have the same value")
    if np.array_equal(a, b):
        raise InputError("the half maps are equal, so that nothing says how noisy they are; give independent halves")
    return a, b


def conditional_mode(
    observed: NDArray[np.float64], neighbours: NDArray[np.float64], noise: NDArray[np.float64], strength: float
) -> NDArray[np.float64]:
    """The minimum of the energy for every voxel, its six neighbours held; the border is repeated.

    Parameters
    ----------
    observed : (z, y, x) float
        p.
    neighbours : (z, y, x) float
        The map whose neighbouring voxels are y.
    noise : (z, y, x) float
        σ² > 0.
    strength : float
        λ.
    """
    own = 0.5 / noise
    around = _sum_of_six(neighbours)
    result: NDArray[np.float64] = (own * observed + strength * around) / (own + 6.0 * strength)
    return result


def _measured(a: NDArray[np.float64], b: NDArray[np.float64], strength: float | None, sweeps: int) -> RegularisedHalves:
    variance = 0.5 * ndimage.uniform_filter((a - b) ** 2, size=_WINDOW, mode="nearest")
    variance = np.maximum(variance, 1e-6 * float(variance.mean()))

    def regularised(half: NDArray[np.float64], chosen: float) -> NDArray[np.float64]:
        now = half
        for _ in range(sweeps):
            now = conditional_mode(half, now, variance, chosen)
        return now

    if strength is None:
        shared = ndimage.uniform_filter((a - np.median(a)) * (b - np.median(b)), size=_WINDOW, mode="nearest")
        weight = np.maximum(shared, 0.0)
        tried = np.array(_TRIED) / float(np.average(variance, weights=weight + 1e-30))
        errors = [float(np.sum(weight * (regularised(a, each) - b) ** 2)) for each in tried]
        strength = float(tried[int(np.argmin(errors))])
    return RegularisedHalves(
        half1=regularised(a, strength), half2=regularised(b, strength), noise_sd=np.sqrt(variance), strength=strength
    )


def _sum_of_six(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over the six neighbours of every voxel, the map's border repeated."""
    padded = np.pad(values, 1, mode="edge")
    middle = slice(1, -1)
    total = np.zeros_like(values)
    for side in (slice(0, -2), slice(2, None)):
        total += padded[side, middle, middle] + padded[middle, side, middle] + padded[middle, middle, side]
    return total


def _published(a: NDArray[np.float64], b: NDArray[np.float64], strength: float, sweeps: int) -> RegularisedHalves:
    noise = a - b
    variance = _sum_of_six(noise**2) / 6.0 - (_sum_of_six(noise) / 6.0) ** 2
    middle, spread = _PUBLISHED_NOISE
    variance = middle + spread * (variance - variance.mean()) / max(float(variance.std()), 1e-30)
    variance = np.maximum(variance, _LEAST_PUBLISHED)
    halves = []
    for half in (a, b):
        low, step = float(half.min()), float(np.ptp(half)) / (_LEVELS - 1)
        now = np.rint((half - low) / step)
        for _ in range(sweeps):
            now = np.clip(np.rint(conditional_mode(now, now, variance, strength)), 0, _LEVELS - 1)
        halves.append(low + step * now)
    return RegularisedHalves(half1=halves[0], half2=halves[1], noise_sd=np.sqrt(variance), strength=strength)
