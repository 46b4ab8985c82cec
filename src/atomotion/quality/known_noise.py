"""What is known of a movie's noise: the premises of every estimator."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NORMAL = 1.959964


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownNoise:
    """The noise of a raw movie, as ``NoiseFindings`` and the camera's makers state it.

    The variance of a pixel is ``g (y - offset) + read_variance``. Where a property is None nobody has looked, and
    estimators that need it go on; where it is known to fail them they refuse.

    Parameters
    ----------
    units_per_electron : float or None
        g; 0 for noise that does not depend on the intensity.
    units_per_electron_interval : (float, float) or None
        95 % interval; None takes g as exact. It often outweighs everything else: an error of 1 % of g is an error of 1
        % of the noise's variance.
    offset : float
    offset_interval : (float, float) or None
        95 % interval, taken as independent of that of g.
    read_variance : float
        Variance of the camera's own noise [units²].
    is_poisson : bool or None
        Whether the variance grows with the mean, as that of counted electrons does.
    white_pixels, white_frames : bool or None
        Whether the noise of neighbouring pixels, and of neighbouring frames, is independent.
    pixel_correlation : (7, 7) float or None
        Correlation of the noise at pixel lags -3..3.
    """

    units_per_electron: float | None = None
    units_per_electron_interval: tuple[float, float] | None = None
    offset: float = 0.0
    offset_interval: tuple[float, float] | None = None
    read_variance: float = 0.0
    is_poisson: bool | None = None
    white_pixels: bool | None = None
    white_frames: bool | None = None
    pixel_correlation: NDArray[np.floating] | None = None

    def variance(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """The variance's unbiased estimate from noisy values; its mean over the noise is the variance."""
        return (self.units_per_electron or 0.0) * (values - self.offset) + self.read_variance

    def error(
        self, level: NDArray[np.floating], share: NDArray[np.floating], rng: np.random.Generator
    ) -> NDArray[np.floating]:
        """(b,) random errors of ``mean[share * variance]``, from what g and the offset are uncertain by.

        Parameters
        ----------
        level : (b,)
            ``mean[share * (y - offset)]``.
        share : (b,)
            Mean share.
        rng : numpy.random.Generator
        """
        gain = _deviation(self.units_per_electron_interval) * rng.standard_normal(len(level))
        offset = _deviation(self.offset_interval) * rng.standard_normal(len(level))
        return gain * level - (self.units_per_electron or 0.0) * offset * share


def _deviation(interval: tuple[float, float] | None) -> float:
    return 0.0 if interval is None else abs(interval[1] - interval[0]) / (2.0 * _NORMAL)
