"""Counts split into a part that a denoiser may see and a part that judges it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, UsageError
from atomotion.noise import thin, to_electrons

Denoiser = Callable[[Frames], Frames]
"""Takes a movie (t, y, x) and gives the denoised one, same shape and units."""

_UNEVEN = 0.25  # electrons rms from the nearest whole number; values without any grid have 0.29


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


class SplitCounts:
    """A movie of counted electrons as two movies with independent noise of the same instant.

    Every electron goes to `kept` with probability p and to `removed` otherwise. If the counts are Poisson, the two are
    independent. Frames are split when they are read, always in the same way; nothing is held in memory.

    Parameters
    ----------
    frames : (t, y, x)
        The raw movie.
    p : float
        Between 0 and 1.
    seed : int
        Same seed, same split.
    units_per_electron, offset : float
        Of the raw movie [its units].

    Attributes
    ----------
    kept : Frames (t, y, x) float32
        What the camera would have written with p of the dose, ``offset + g k``: the denoiser's input.
    removed : Frames (t, y, x) float32
        The other part, scaled to the whole dose: ``offset + g r / (1 - p)``. Its noise variance is
        ``removed_units (value - offset)``.
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
        self.kept = FrameView(shape, lambda i: self._in_units(self._split(i)[0], 1.0))
        self.removed = FrameView(shape, lambda i: self._in_units(self._split(i)[1], 1.0 / (1.0 - p)))

    def whole_dose(self, denoised: NDArray[np.floating]) -> NDArray[np.floating]:
        """What a denoiser made of `kept`, scaled to the whole dose: ``offset + (f - offset) / p``."""
        return self.offset + (denoised - self.offset) / self.p

    def _split(self, index: int) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        counts = to_electrons(np.asarray(self._frames[index]), self.units_per_electron, self.offset)
        kept = thin(counts, self.p, np.random.default_rng([self._seed, index]))
        return kept, counts - kept

    def _in_units(self, counts: NDArray[np.integer], scale: float) -> NDArray[np.float32]:
        return (self.offset + self.units_per_electron * scale * counts).astype(np.float32)


def electrons_of(frames: Frames, units_per_electron: float, offset: float) -> FrameView:
    """The movie in whole electrons, made when read."""
    shape = tuple(int(n) for n in frames.shape)
    return FrameView(
        shape, lambda i: to_electrons(np.asarray(frames[i]), units_per_electron, offset).astype(np.float32)
    )


def whole_electrons(frames: Frames, units_per_electron: float, offset: float) -> str | None:
    """Why the values are no whole electrons, from up to 16 frames; None where they are."""
    if not units_per_electron > 0:
        return f"units per electron are {units_per_electron:g}; thinning needs those of the movie, above 0"
    n = int(frames.shape[0])
    away, below, pixels = 0.0, 0, 0
    for i in np.unique(np.linspace(0, n - 1, min(n, 16)).astype(int)):
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
