"""Orientations and shifts of the images of a particle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Poses:
    """One pose per image: active rotations, x_lab = R(q) x.

    Parameters
    ----------
    quaternions : (n, 4) float, w x y z
        Unit length.
    shifts : (n, 2) float, dx dy [Å]
        Where the particle's origin lies relative to pixel n // 2 of the image.
    score : (n,) float or None
    weight : (n,) float or None
    """

    quaternions: NDArray[np.floating]
    shifts: NDArray[np.floating]
    score: NDArray[np.floating] | None = None
    weight: NDArray[np.floating] | None = None

    def __len__(self) -> int:
        return len(self.quaternions)
