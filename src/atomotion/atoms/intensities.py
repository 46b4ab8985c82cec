"""How high each atom's peak is, against its own voxels and against the particle."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def maximum_intensities(
    density: ArrayLike, labels: ArrayLike, atoms: ArrayLike, region: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The highest voxel of every atom: as it is, and in standard deviations above two means.

    Parameters
    ----------
    density : (z, y, x) float
    labels : (z, y, x) int
        Label of every voxel; 0 for none.
    atoms : (n,) int
        The label of each atom.
    region : (z, y, x) bool
        The particle.

    Returns
    -------
    highest : (n,) float
        In the map's units; NaN for an atom without voxels.
    within_atom : (n,) float
        Against mean and standard deviation of the voxels of the atom itself, as the text of paper 004 has it. It tells
        the shape of a peak and hardly its height: a peak twice as high has the same number.
    within_particle : (n,) float
        Against those of all voxels of the region, which compares atoms; the program of the paper takes the whole masked
        map.

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), "Maximum intensity".
    """
    values, which = np.asarray(density, dtype=float), np.asarray(labels)
    inside = which > 0
    own, seen = which[inside].astype(np.intp), values[inside]
    size = max(int(own.max(initial=0)), int(np.max(atoms, initial=0))) + 1
    count = np.bincount(own, minlength=size)
    number = np.maximum(count, 1)
    mean = np.bincount(own, seen, minlength=size) / number
    spread = np.sqrt(np.bincount(own, (seen - mean[own]) ** 2, minlength=size) / number)
    top = np.full(size, -np.inf)
    np.maximum.at(top, own, seen)
    chosen = np.asarray(atoms, dtype=np.intp)
    highest = np.where(count[chosen] > 0, top[chosen], np.nan)
    within = np.full(len(chosen), np.nan)
    np.divide(highest - mean[chosen], spread[chosen], out=within, where=spread[chosen] > 0.0)
    particle = values[np.asarray(region, dtype=bool)]
    return highest, within, (highest - particle.mean()) / max(float(particle.std()), 1e-30)
