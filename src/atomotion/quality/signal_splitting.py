"""A movie of an integrating camera split into two of independent noise, as thinning does with whole electrons."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from atomotion.data import Frames, UsageError
from atomotion.quality.splitting import FrameView

_NEAR = 4.0  # px: Gaussian average that stands for a pixel's own mean


class SplitSignal:
    r"""A movie whose noise variance is ``g (y - offset)`` as two movies with uncorrelated noise of the same instant.

    With y the values above the offset, ε standard normal, and m the mean of the pixels around,

    .. math:: k = p\,y + \sqrt{p (1 - p)\, g\, m}\;\epsilon, \qquad r = y - k

    have the means of a part p and 1 - p of the dose, the variances of that dose, and no correlation, as
    ``Cov(k, r) = p (1 - p) (Var y - g m)``. Counts of electrons that are whole numbers are better split by
    `SplitCounts`, where the parts are independent. Here they are uncorrelated, which is enough for linear filters, and
    for every denoiser that does not see the pixel it predicts; for others the skewness of single electrons leaves a
    small bias.

    Parameters
    ----------
    frames : (t, y, x)
    p : float
        Between 0 and 1.
    seed : int
    units_per_electron : float
        g.
    offset : float

    Attributes
    ----------
    kept, removed, removed_units
        As in `SplitCounts`.

    Raises
    ------
    UsageError
        Where p is not between 0 and 1.

    References
    ----------
    Neufeld et al., J. Mach. Learn. Res. 25 (2024), data thinning for Gaussian values of known variance.
    """

    def __init__(
        self, frames: Frames, p: float, *, seed: int = 0, units_per_electron: float = 1.0, offset: float = 0.0
    ) -> None:
        if not 0 < p < 1:
            raise UsageError(f"the part that is kept must lie between 0 and 1, not {p:g}")
        self.p = p
        self.units_per_electron = units_per_electron
        self.offset = offset
        self.removed_units = units_per_electron / (1.0 - p)
        self._frames = frames
        self._seed = seed
        shape = tuple(int(n) for n in frames.shape)
        self.kept = FrameView(shape, lambda i: self._split(i)[0])
        self.removed = FrameView(shape, lambda i: self._split(i)[1])

    def whole_dose(self, denoised: NDArray[np.floating]) -> NDArray[np.floating]:
        """What a denoiser made of `kept`, scaled to the whole dose: ``offset + (f - offset) / p``."""
        return self.offset + (denoised - self.offset) / self.p

    def _split(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        above = np.asarray(self._frames[index], dtype=np.float64) - self.offset
        known = np.isfinite(above)
        filled = np.where(known, above, above[known].mean() if known.any() else 0.0)
        # without the pixel itself, whose own noise must not set the noise that is added
        around = gaussian_filter(filled, _NEAR, mode="nearest")
        own = 1.0 / (2.0 * np.pi * _NEAR**2)
        level = np.maximum((around - own * filled) / (1.0 - own), 0.0)
        noise = np.random.default_rng([self._seed, index]).standard_normal(above.shape)
        kept = self.p * above + np.sqrt(self.p * (1.0 - self.p) * self.units_per_electron * level) * noise
        removed = (above - kept) / (1.0 - self.p)
        return (self.offset + kept).astype(np.float32), (self.offset + removed).astype(np.float32)
