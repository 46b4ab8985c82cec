"""How strong the noise is, and the transform that makes Poisson noise equally strong everywhere."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError

# with fewer electrons per pixel the transformed noise is neither Gaussian nor of constant variance
LEAST_ELECTRONS = 2.0
_SAMPLED = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseScale:
    """The noise of a movie as the filters need it.

    Parameters
    ----------
    sd : float
        Standard deviation of a pixel [stored units].
    mean : float
        Mean of a pixel [stored units].
    units_per_electron : float or None
    offset : float
        What the camera stores for no electron at all.
    """

    sd: float
    mean: float
    units_per_electron: float | None
    offset: float = 0.0

    def can_stabilise(self) -> bool:
        """Whether the Anscombe transform evens out this noise."""
        if self.units_per_electron is None:
            return False
        return self.mean - self.offset >= LEAST_ELECTRONS * self.units_per_electron

    def averaged(self, spread: float) -> "NoiseScale":
        """The noise of averages whose variance is `spread` times that of a frame.

        They are like counts of 1 / spread times as many electrons, each of them worth that much less.
        """
        units = None if self.units_per_electron is None else self.units_per_electron * spread
        return replace(self, sd=self.sd * float(np.sqrt(spread)), units_per_electron=units)


def measure_noise_scale(frames: Frames, units_per_electron: float | None = None, *, offset: float = 0.0) -> NoiseScale:
    """The strength of a movie's noise, from the highest frequencies of some of its frames.

    A second difference along x, ``y(x-1) - 2 y(x) + y(x+1)``, has six times the variance of independent noise, and
    nearly nothing of smooth content. The median over frames keeps out the odd one.

    Parameters
    ----------
    frames : (t, y, x)
    units_per_electron : float or None
    offset : float
    """
    chosen = np.unique(np.linspace(0, frames.shape[0] - 1, min(_SAMPLED, frames.shape[0])).astype(int))
    spreads, means = [], []
    for index in chosen:
        frame = np.asarray(frames[int(index)], dtype=np.float32)
        # whole frames of 3,500 x 3,500 are more than a median needs
        step = max(1, frame.shape[0] // 512)
        rows = frame[::step]
        second = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
        if np.isfinite(second).all() and rows.min() < rows.max():
            spreads.append(float(np.sqrt(np.mean(second**2) / 6)))
            means.append(float(rows.mean()))
    if not spreads:
        raise InputError("every frame that was looked at is constant or has values that are not finite")
    return NoiseScale(
        sd=float(np.median(spreads)),
        mean=float(np.median(means)),
        units_per_electron=units_per_electron,
        offset=offset,
    )


def anscombe(electrons: NDArray[np.floating]) -> NDArray[np.float32]:
    """``2 sqrt(k + 3/8)``: Poisson counts as values with a noise variance of about 1."""
    return (2 * np.sqrt(np.maximum(electrons, 0) + 0.375)).astype(np.float32)


def inverse_anscombe(values: NDArray[np.floating]) -> NDArray[np.float32]:
    r"""Expected counts from denoised transformed values, without the bias of the plain inverse.

    .. math:: \tfrac14 D^2 + \tfrac14\sqrt{\tfrac32} D^{-1} - \tfrac{11}{8} D^{-2}
              + \tfrac58\sqrt{\tfrac32} D^{-3} - \tfrac18

    References
    ----------
    Mäkitalo and Foi, IEEE Trans. Image Process. 20, 2697 (2011), the closed-form approximation.
    """
    # the transform of no electron at all; below it the inverse would rise again
    lowest = 2 * np.sqrt(0.375)
    d = np.maximum(np.asarray(values, dtype=np.float32), lowest)
    root = np.sqrt(1.5)
    inverse = d**2 / 4 + root / 4 / d - 11 / 8 / d**2 + 5 / 8 * root / d**3 - 1 / 8
    return np.maximum(inverse, 0).astype(np.float32)
