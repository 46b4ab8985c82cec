"""Connected components of a thresholded map: joined atoms are split, and each atom's centre of mass is taken."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree


@dataclass(frozen=True, kw_only=True, slots=True)
class Components:
    """Atoms as sets of voxels.

    Parameters
    ----------
    places : (n, 3) float, z y x [voxels]
        Centres of mass.
    labels : (z, y, x) int
        Number of the atom of every voxel, from 1; 0 for none.
    voxels : (n,) int
        How many voxels each has.
    radii : (n,) float [Å]
        Longest distance from a voxel to the centre.
    joined : (n,) int
        How many atoms the connected component held from which this one was split; 1 for an atom by itself.
    """

    places: NDArray[np.float64]
    labels: NDArray[np.int32]
    voxels: NDArray[np.intp]
    radii: NDArray[np.float64]
    joined: NDArray[np.intp]


def component_masses(
    labels: NDArray[np.integer], count: int, masses: NDArray[np.floating], least_voxels: int
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Centres of mass (n, 3) z y x [voxels] of the components of at least `least_voxels`, and their labels (n,).

    Parameters
    ----------
    labels : (z, y, x) int
        0 belongs to none.
    count : int
        The largest label.
    masses : (z, y, x) float
        Not negative; a component without mass gets the centre of its voxels.
    """
    at = np.argwhere(labels > 0)
    which = labels[tuple(at.T)].astype(np.intp)
    weight = np.maximum(masses[tuple(at.T)].astype(float), 0.0)
    size = np.bincount(which, minlength=count + 1)
    empty = np.bincount(which, weight, minlength=count + 1) <= 0.0
    weight[empty[which]] = 1.0
    total = np.bincount(which, weight, minlength=count + 1)
    large = np.flatnonzero(size >= max(least_voxels, 1))
    large = large[large > 0]
    centres = [np.bincount(which, weight * at[:, axis], minlength=count + 1)[large] / total[large] for axis in range(3)]
    return np.stack(centres, axis=1), large


def split_components(
    values: NDArray[np.floating],
    masses: NDArray[np.floating],
    peaks: NDArray[np.float64],
    *,
    threshold: float,
    radius: float,
    voxel_size: float,
    least_voxels: int = 1,
) -> Components:
    """One set of voxels per peak: a component with several is divided among them, however many they are.

    Each voxel above the threshold goes to the nearest peak of its own connected component, if that is within `radius`;
    a component without a peak of its own is no atom.

    Parameters
    ----------
    values : (z, y, x) float
        The filtered map.
    masses : (z, y, x) float
        The map, its background taken off; gives the centres of mass.
    peaks : (n, 3) float, z y x [voxels]
        Those above the threshold count.
    threshold : float
    radius : float [Å]
        Radius of an atom.
    voxel_size : float [Å]
    least_voxels : int
        Smaller ones are left out.

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), "Validation of atomic positions", which takes maxima one after the
    other until the next lies within two radii of the last. Its program splits into three atoms at most, and compares
    voxels with Å there.
    """
    components, _ = ndimage.label(values > threshold)
    at = np.rint(peaks).astype(int)
    home = components[tuple(at.T)]
    peaks, home = peaks[home > 0], home[home > 0]
    inside = np.argwhere(components > 0)
    which = components[tuple(inside.T)]
    labels = np.zeros(values.shape, dtype=np.int32)
    owner = _nearest_of_own(inside, which, peaks, home, radius / voxel_size)
    labels[tuple(inside.T)] = owner + 1
    # a voxel that the sphere cuts off from its peak is no part of the atom
    centres, kept = component_masses(labels, len(peaks), masses, least_voxels)
    new = np.zeros(len(peaks) + 1, dtype=np.int32)
    new[kept] = np.arange(1, len(kept) + 1)
    labels = new[labels]
    taken = labels[tuple(inside.T)] > 0
    inside, number = inside[taken], labels[tuple(inside[taken].T)].astype(np.intp) - 1
    distance = np.linalg.norm(inside - centres[number], axis=1) * voxel_size
    radii = np.zeros(len(centres))
    np.maximum.at(radii, number, distance)
    together = np.bincount(home[kept - 1], minlength=int(home.max(initial=0)) + 1)
    return Components(
        places=centres,
        labels=labels,
        voxels=np.bincount(number, minlength=len(centres)),
        radii=radii,
        joined=together[home[kept - 1]],
    )


def _nearest_of_own(
    voxels: NDArray[np.intp],
    component: NDArray[np.integer],
    peaks: NDArray[np.float64],
    home: NDArray[np.integer],
    reach: float,
) -> NDArray[np.intp]:
    """(m,) index of the nearest peak of each voxel's own component within `reach` [voxels]; -1 for none."""
    if len(peaks) == 0:
        return np.full(len(voxels), -1, dtype=np.intp)
    # components lie far apart along a fourth axis, so that the nearest peak is one of the own component
    apart = 4.0 * reach
    tree = cKDTree(np.column_stack([peaks, apart * home]))
    distance, nearest = tree.query(np.column_stack([voxels, apart * component]), distance_upper_bound=reach)
    return np.where(np.isfinite(distance), nearest, -1).astype(np.intp)
