"""The scale on which networks work: mean 0, standard deviation 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError

_SAMPLED = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """A movie's mean and standard deviation [stored units]."""

    mean: float
    sd: float

    def normalised(self, values: NDArray) -> NDArray[np.float32]:
        """Values with mean 0 and standard deviation 1."""
        return (np.asarray(values, dtype=np.float32) - np.float32(self.mean)) / np.float32(self.sd)

    def restored(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Normalised values in the movie's own units."""
        return np.asarray(values, dtype=np.float32) * np.float32(self.sd) + np.float32(self.mean)


def measure_scale(frames: Frames, *, bad_frames: frozenset[int] = frozenset()) -> Scale:
    """Mean and standard deviation of frames spread over the movie.

    Raises
    ------
    InputError
        Where all of them are constant, or none is good.
    """
    good = [index for index in range(int(frames.shape[0])) if index not in bad_frames]
    if not good:
        raise InputError("the movie has no good frame")
    chosen = [good[int(i)] for i in np.unique(np.linspace(0, len(good) - 1, min(_SAMPLED, len(good))).astype(int))]
    sums = np.zeros(3)
    for index in chosen:
        frame = np.asarray(frames[index], dtype=np.float64)
        frame = frame[np.isfinite(frame)]
        sums += len(frame), frame.sum(), np.square(frame).sum()
    mean = sums[1] / max(sums[0], 1)
    variance = sums[2] / max(sums[0], 1) - mean**2
    if not variance > 0:
        raise InputError("every frame that was looked at is constant or has no finite value")
    return Scale(mean=float(mean), sd=float(np.sqrt(variance)))
