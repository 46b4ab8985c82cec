"""A density on a cubic grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class DensityMap:
    """A density, its voxel size and where its first voxel lies.

    Parameters
    ----------
    values : (z, y, x) float
    voxel_size : float [Å]
    origin : (x, y, z) float [Å] or None
        Centre of voxel [0, 0, 0]; None means -(n // 2) voxel_size along each axis, which puts the particle's origin
        at voxel n // 2.
    half1, half2 : (z, y, x) float or None
        The two half maps.
    """

    values: NDArray[np.floating]
    voxel_size: float
    origin: tuple[float, float, float] | None = None
    half1: NDArray[np.floating] | None = None
    half2: NDArray[np.floating] | None = None

    @property
    def first_voxel(self) -> tuple[float, float, float]:
        """(x, y, z) [Å] of the centre of voxel [0, 0, 0]."""
        if self.origin is not None:
            return self.origin
        nz, ny, nx = self.values.shape
        return (
            -(nx // 2) * self.voxel_size,
            -(ny // 2) * self.voxel_size,
            -(nz // 2) * self.voxel_size,
        )
