"""Densities of atoms on a voxel grid, and projections of such a grid."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from atomotion.data.maps import DensityMap
from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.scattering.atom_gaussians import AtomGaussians
from atomotion.scattering.projections import pixel_factors


def density_of_atoms(
    positions: ArrayLike, gaussians: AtomGaussians, *, shape: tuple[int, int, int], voxel_size: float
) -> DensityMap:
    """The potential of atoms, averaged over each voxel; the particle's origin lies at voxel n // 2.

    The sum of the map times the voxel's volume is the sum of the weights of the atoms that lie well inside, wherever
    they lie between voxels.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
        float32 positions give a float32 map.
    gaussians : AtomGaussians
        One row per atom.
    shape : (nz, ny, nx)
    voxel_size : float [Å]
    """
    given = np.asarray(positions)
    dtype = np.dtype(np.float32) if given.dtype == np.float32 else np.dtype(np.float64)
    z, y, x = (
        pixel_factors(given[:, axis], gaussians.sigmas, count=count, spacing=voxel_size)
        for axis, count in zip((2, 1, 0), shape, strict=True)
    )
    z *= gaussians.weights.T.reshape(-1, 1)
    values = np.zeros(shape, dtype=dtype)
    for fz, fy, fx in zip(z, y, x, strict=True):
        sz, sy, sx = (_support(factor) for factor in (fz, fy, fx))
        values[sz, sy, sx] += fz[sz, None, None] * (fy[sy, None] * fx[sx])
    return DensityMap(values=values, voxel_size=voxel_size)


def _support(factor: NDArray[np.floating]) -> slice:
    used = np.flatnonzero(factor)
    return slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0)


def project_density(density: DensityMap, quaternion: ArrayLike = (1.0, 0.0, 0.0, 0.0)) -> NDArray[np.floating]:
    """The sum along the beam (z) of a map that was rotated actively about its origin, times the voxel size.

    ``P(x, y) = ∫ ρ(R⁻¹ (x, y, z)) dz``: for a map of a potential [V] the projection is in V Å and agrees with
    `project_atoms` of the rotated atoms but for the interpolation. Nothing is known outside of the map, which is taken
    as zero there.

    Parameters
    ----------
    density : DensityMap
        The rotation is about (0, 0, 0), wherever `density.origin` puts it.
    quaternion : (4,) float, w x y z
        A rotated map is interpolated with cubic splines, an unrotated one is not.

    Returns
    -------
    (ny, nx) float
        On the map's own x, y grid.
    """
    values = density.values
    rotation = matrices_from_quaternions(quaternion)
    if not np.allclose(rotation, np.eye(3), atol=1e-12):
        first = np.array(density.first_voxel)[::-1] / density.voxel_size
        # output index i lies at i + first (z y x, voxels); the rotation in z y x order is its reverse
        backwards = rotation.T[::-1, ::-1]
        offset = (backwards @ first - first).tolist()
        values = ndimage.affine_transform(values, backwards, offset=offset, order=3)
    result: NDArray[np.floating] = values.sum(axis=0) * values.dtype.type(density.voxel_size)
    return result
