"""The map that a model's atoms would make, at the resolution of the map they were found in."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from atomotion.atoms.anisotropic import Grid, density_on_grid
from atomotion.atoms.filtered_map import frequency_radius, soft_edge
from atomotion.scattering.atom_gaussians import peng_atoms


def simulated_density(
    grid: Grid,
    positions: ArrayLike,
    element: str,
    *,
    u_iso: ArrayLike,
    amplitudes: ArrayLike = 1.0,
    resolution: float | None = None,
) -> NDArray[np.float32]:
    """The potential [V] of atoms of one element, averaged over voxels, without anything finer than `resolution`.

    Parameters
    ----------
    grid : Grid
    positions : (n, 3) float, x y z [Å]
    element : str
    u_iso : float or (n,) float [Å²]
        Mean-square displacement along one axis.
    amplitudes : float or (n,) float
        1 for whole atoms.
    resolution : float or None [Å]
        None keeps everything.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    atom = peng_atoms([element])
    spread = np.broadcast_to(np.asarray(u_iso, dtype=float), len(points))
    displacements = np.zeros((len(points), 6))
    displacements[:, :3] = spread[:, None]
    least = min(float(spread.min(initial=0.0)), 0.0)
    sampled = density_on_grid(
        grid, points, np.broadcast_to(np.asarray(amplitudes, dtype=float), len(points)), displacements,
        weights=atom.weights[0], variances=np.maximum(atom.sigmas[0] ** 2 + grid.voxel_size**2 / 12.0, 1e-3 - least),
    )  # fmt: skip
    if resolution is None:
        return sampled
    kept = soft_edge(frequency_radius(grid.shape, grid.voxel_size), 1.0 / resolution)
    return np.asarray(fft.irfftn(fft.rfftn(sampled) * kept, s=grid.shape), dtype=np.float32)
