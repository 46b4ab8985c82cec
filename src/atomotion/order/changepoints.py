"""Where the level of a curve changes."""

from dataclasses import dataclass

import numpy as np
import ruptures
from numpy.typing import NDArray

_KEPT = 0.9  # share of the differences that no change of level disturbs
_KEPT_VARIANCE = 0.6230  # of a standard Gaussian cut off where this share of it is kept
_MOST_CORRELATED = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesNoise:
    """Noise of a curve within its levels.

    Parameters
    ----------
    sd : float
        Of single values.
    correlation : float
        Of neighbouring values, 0 to 0.9; falls off as its power with distance.
    """

    sd: float
    correlation: float

    @property
    def long_run_sd(self) -> float:
        """The standard deviation that averages behave by: sd of a mean of n values is this over √n."""
        return self.sd * float(np.sqrt((1 + self.correlation) / (1 - self.correlation)))


def series_noise(values: NDArray[np.floating]) -> SeriesNoise:
    """Noise of a curve that stays on a level for many values, changes of level notwithstanding.

    From the squared differences over one and two steps, of which the largest tenth is left out, so that a few changes
    of level do not matter. For noise of variance σ² and correlation φ^lag these are the variances ``v1 = 2σ²(1 - φ)``
    and ``v2 = 2σ²(1 - φ²)``, so that ``φ = v2 / v1 - 1``. A negative φ is taken as 0.

    Parameters
    ----------
    values : (n,) float, n > 3
    """
    one, two = (_trimmed_variance(values[lag:] - values[:-lag]) for lag in (1, 2))
    correlation = min(max(two / one - 1, 0.0), _MOST_CORRELATED) if one > 0 else 0.0
    return SeriesNoise(sd=float(np.sqrt(one / (2 * (1 - correlation)))), correlation=correlation)


def _trimmed_variance(differences: NDArray[np.floating]) -> float:
    squares = np.sort(differences**2)[: int(np.ceil(_KEPT * len(differences)))]
    return float(squares.mean()) / _KEPT_VARIANCE


def change_points(values: NDArray[np.floating], *, min_length: int, penalty: float, noise: SeriesNoise) -> list[int]:
    """Indices at which a new level begins.

    Piecewise constant least squares with a price for every change, ``Σ (x - level)² + β · changes`` with
    ``β = penalty · σ² ln n`` and σ the long-run noise; its exact minimum over all segmentations with segments of at
    least `min_length` (PELT).

    Parameters
    ----------
    values : (n,) float
    min_length : int
    penalty : float
    noise : SeriesNoise

    References
    ----------
    Killick, Fearnhead, Eckley, J. Am. Stat. Assoc. 107, 1590 (2012); the implementation is that of ruptures.
    """
    n = len(values)
    if n < 2 * min_length or noise.sd == 0:
        return []
    scaled = (values - np.median(values))[:, None] / noise.long_run_sd
    search = ruptures.KernelCPD(kernel="linear", min_size=min_length).fit(scaled)
    return [int(index) for index in search.predict(pen=penalty * np.log(n))[:-1]]
