"""Movies split into a part that a denoiser may see and a part that judges it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from atomotion.data import Frames, UsageError
from atomotion.noise import thin, to_electrons

Denoiser = Callable[[Frames], Frames]
"""Takes a movie (t, y, x) and gives the denoised one, same shape and units."""

_NEAR = 4.0  # px: Gaussian average that stands for a pixel's own mean


class FrameView:
    """`Frames` that are made one by one when they are read."""

    def __init__(self, shape: tuple[int, ...], make: Callable[[int], NDArray[np.float32]]) -> None:
        self.shape = shape
        self.dtype = np.dtype(np.float32)
        self._make = make

    def __getitem__(self, key: Any, /) -> NDArray[Any]:
        which, *place = key if isinstance(key, tuple) else (key,)
        window = tuple(place)
        if isinstance(which, slice):
            index = range(*which.indices(self.shape[0]))
            frames = [self._make(i)[window] for i in index]
            return np.stack(frames) if frames else np.zeros((0, *self.shape[1:]), dtype=np.float32)[:, *window]
        i = int(which)
        if not -self.shape[0] <= i < self.shape[0]:
            raise IndexError(i)
        return self._make(i % self.shape[0])[window]


class Split(ABC):
    """A movie as two movies of the same instants, which share no noise.

    Frames are split when they are read, always in the same way; nothing is held in memory unless `hold` asks for it.

    Parameters
    ----------
    frames : (t, y, x)
        The raw movie.
    p : float
        Part of the dose that the denoiser may see, between 0 and 1.
    seed : int
        Same seed, same split.
    units_per_electron, offset : float
        g and the intensity of no electron [its units].

    Attributes
    ----------
    kept : Frames (t, y, x) float32
        What the camera would have written with p of the dose: the denoiser's input.
    removed : Frames (t, y, x) float32
        The other part, scaled to the whole dose. Its noise variance is ``removed_units (value - offset)``.
    removed_units : float
        ``g / (1 - p)``.

    Raises
    ------
    UsageError
        Where p is not between 0 and 1.
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
        self.kept: Frames = FrameView(shape, lambda i: self._parts(i)[0])
        self.removed: Frames = FrameView(shape, lambda i: self._parts(i)[1])

    def whole_dose(self, denoised: NDArray[np.floating]) -> NDArray[np.floating]:
        """What a denoiser made of `kept`, scaled to the whole dose: ``offset + (f - offset) / p``."""
        return self.offset + (denoised - self.offset) / self.p

    def hold(self) -> None:
        """Read both parts into memory, for work that goes over them again and again."""
        kept, removed = zip(*(self._parts(index) for index in range(int(self._frames.shape[0]))), strict=True)
        self.kept, self.removed = np.stack(kept), np.stack(removed)

    def _rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, index])

    @abstractmethod
    def _parts(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Frame `index` of `kept` and of `removed`."""


class SplitCounts(Split):
    """A movie of counted electrons, split electron by electron.

    Every electron goes to `kept` with probability p and to `removed` otherwise: ``offset + g k`` and
    ``offset + g r / (1 - p)``. If the counts are Poisson, the two are independent.
    """

    def _parts(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        counts = to_electrons(np.asarray(self._frames[index]), self.units_per_electron, self.offset)
        kept = thin(counts, self.p, self._rng(index))
        return self._in_units(kept, 1.0), self._in_units(counts - kept, 1.0 / (1.0 - self.p))

    def _in_units(self, counts: NDArray[np.integer], scale: float) -> NDArray[np.float32]:
        return (self.offset + self.units_per_electron * scale * counts).astype(np.float32)


class SplitSignal(Split):
    r"""A movie of an integrating camera, whose noise variance is ``g (y - offset)``, split by added noise.

    With y the values above the offset, ε standard normal, and m the mean of the pixels around,

    .. math:: k = p\,y + \sqrt{p (1 - p)\, g\, m}\;\epsilon, \qquad r = y - k

    have the means of a part p and 1 - p of the dose, the variances of that dose, and no correlation, as
    ``Cov(k, r) = p (1 - p) (Var y - g m)``. Counts of electrons that are whole numbers are better split by
    `SplitCounts`, where the parts are independent. Here they are uncorrelated, which is enough for linear filters, and
    for every denoiser that does not see the pixel it predicts; for others the skewness of single electrons leaves a
    small bias.

    References
    ----------
    Neufeld et al., J. Mach. Learn. Res. 25 (2024), data thinning for Gaussian values of known variance.
    """

    def _parts(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        above = np.asarray(self._frames[index], dtype=np.float64) - self.offset
        known = np.isfinite(above)
        filled = np.where(known, above, above[known].mean() if known.any() else 0.0)
        # without the pixel itself, whose own noise must not set the noise that is added
        around = gaussian_filter(filled, _NEAR, mode="nearest")
        own = 1.0 / (2.0 * np.pi * _NEAR**2)
        level = np.maximum((around - own * filled) / (1.0 - own), 0.0)
        noise = self._rng(index).standard_normal(above.shape)
        kept = self.p * above + np.sqrt(self.p * (1.0 - self.p) * self.units_per_electron * level) * noise
        removed = (above - kept) / (1.0 - self.p)
        return (self.offset + kept).astype(np.float32), (self.offset + removed).astype(np.float32)
