"""How well the density around each atom agrees with that of a simulated atom."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.atoms.anisotropic import Grid
from atomotion.atoms.log_widths import masked_correlation
from atomotion.atoms.normal_equations import near_voxels


def validation_correlations(
    density: ArrayLike,
    simulated: ArrayLike,
    grid: Grid,
    positions: ArrayLike,
    *,
    atom_radius: float,
    window: Literal["sphere", "cube"] = "sphere",
) -> NDArray[np.float64]:
    """Pearson's correlation of map and simulated map around every atom, (n,).

    Parameters
    ----------
    density, simulated : (z, y, x) float
        `simulated` has all atoms of the model, whole and of one isotropic displacement.
    grid : Grid
    positions : (n, 3) float, x y z [Å]
    atom_radius : float [Å]
    window : "sphere" or "cube"
        A sphere of 1.5 radii, or a cube whose side is 3 radii: paper 004 has the one where it rejects atoms, and the
        other where it describes statistics; its program has the sphere.

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), "Validation of atomic positions" and "Validation correlation".
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    reach = 1.5 * atom_radius
    voxels, vectors, counts = near_voxels(grid, points, reach if window == "sphere" else np.sqrt(3.0) * reach)
    if window == "cube":
        counts = (np.abs(vectors) <= reach).all(axis=-1) & (voxels < np.prod(grid.shape))
    first, second = (np.append(np.asarray(each, dtype=float).ravel(), 0.0)[voxels] for each in (density, simulated))
    return masked_correlation(first, second, counts)


def passes_validation(correlations: ArrayLike, deviations: float = 2.0) -> NDArray[np.bool_]:
    """Which atoms are not more than `deviations` standard deviations below the mean, (n,).

    Paper 004 takes 2; its program no longer does. Of a normal distribution that removes 2.3 % of the atoms, good or
    not.
    """
    values = np.asarray(correlations, dtype=float)
    known = np.isfinite(values)
    if not known.any():
        return np.ones(len(values), dtype=bool)
    return ~(values < values[known].mean() - deviations * values[known].std())
