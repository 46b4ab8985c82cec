"""Strain of every atom's surroundings against a bulk lattice: a local linear fit, without a bias for even strain."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.neighbours import Grains, Neighbours, bond_indices, neighbour_pairs

# weights below exp(-9 / 2) are left out; a bond nearer than this many nearest-neighbour distances to its site counts
_REACH = 3.0
_MISFIT = 0.35
# sites whose spread (standard deviation, in nearest-neighbour distances) is less than this in some direction say
# nothing about that direction
_LEAST_SPREAD = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Strain:
    """The strain at every atom, NaN where its surroundings do not show it.

    Parameters
    ----------
    tensor : (n, 3, 3) float
        Symmetric, dimensionless: 0.01 is one percent. Components along the laboratory's or the crystal's axes.
    radial : (n,) float
        Along the line from the centre; at the centre itself the mean of the three principal strains.
    sigma : float [Å]
        Width of the weights.
    retained, retained_radial : (n,) float
        How much of an even dilation of the whole particle the method shows at each atom, in the trace of the tensor and
        in the radial strain: 1 where it has no bias.
    """

    tensor: NDArray[np.float64]
    radial: NDArray[np.float64]
    sigma: float
    retained: NDArray[np.float64]
    retained_radial: NDArray[np.float64]


def linear_strain(
    positions: ArrayLike,
    grains: Grains,
    *,
    bulk: float,
    sigma: float = 2.0,
    centre: ArrayLike | None = None,
    axes: Literal["laboratory", "crystal"] = "laboratory",
) -> Strain:
    r"""Strain by a weighted linear fit of the positions around every atom to their lattice sites.

    Around atom i, with the sites D_ij of its neighbours relative to itself (whole multiples of half the *bulk* cell, in
    the crystal's axes) and weights that fall with the distance,

    .. math:: \min_{p, F} \sum_j e^{-|D_{ij}|^2 / 2\sigma^2}\, |r_j - r_i - p - F D_{ij}|^2, \qquad
              F = V R, \qquad \epsilon = V - 1

    where R is the local rotation and V the symmetric stretch, so a rotation of the particle, or of a part of it, is not
    taken for strain. Along the crystal's axes the strain is ``R^T V R - 1``. An even strain is found exactly at every
    atom, at the surface too; strain that changes is averaged over about sigma.

    Sites come from the lattice of the atom's own grain, and only from vectors between two atoms, so a stacking fault
    or a twin plane nearby takes away neighbours but does not shift sites.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    grains : Grains
    bulk : float [Å]
        Lattice constant without strain.
    sigma : float [Å]
        2 Å in paper 001.
    centre : (3,) float [Å] or None
        For the radial strain; None is the mean position.
    axes : "laboratory" or "crystal"

    Returns
    -------
    Strain
        NaN for atoms without a grain, and where the neighbours on sites leave a direction open.

    References
    ----------
    Falk, Langer, Phys. Rev. E 57, 7192 (1998), for the local fit; Cleveland, J. Am. Stat. Assoc. 74, 829 (1979), for
    why a linear fit has no bias at an edge where a weighted mean has one; Meana-Pañeda et al., Sci. Adv. 11 (2025),
    "Strain analysis", for the weights.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    middle = points.mean(axis=0) if centre is None else np.asarray(centre, dtype=float)
    neighbours = neighbour_pairs(points, _REACH * sigma)
    sites, good = _sites(neighbours, grains, bulk)
    # distances of sites, not of atoms: otherwise atoms that noise moved nearer weigh more, and all seems compressed
    weight = np.where(good, np.exp(-0.5 * (sites**2).sum(axis=1) / sigma**2), 0.0)
    # the atom itself is one more point, at site 0 and displacement 0 with weight 1
    total = 1.0 + neighbours.sums(weight)
    site_mean = neighbours.sums(weight[:, None] * sites) / total[:, None]
    place_mean = neighbours.sums(weight[:, None] * neighbours.vectors) / total[:, None]
    site_square = neighbours.sums(weight[:, None, None] * sites[:, :, None] * sites[:, None, :]) / total[:, None, None]
    mixed = (
        neighbours.sums(weight[:, None, None] * neighbours.vectors[:, :, None] * sites[:, None, :])
        / total[:, None, None]
    )
    spread = site_square - site_mean[:, :, None] * site_mean[:, None, :]
    mixed = mixed - place_mean[:, :, None] * site_mean[:, None, :]
    known = np.linalg.eigvalsh(spread)[:, 0] > (_LEAST_SPREAD * bulk / np.sqrt(2.0)) ** 2
    known &= grains.grain >= 0
    tensor = np.full((len(points), 3, 3), np.nan)
    gradient = np.linalg.solve(spread[known], np.swapaxes(mixed[known], 1, 2))  # F^T
    u, stretch, vt = np.linalg.svd(np.swapaxes(gradient, 1, 2))
    frame = u if axes == "laboratory" else np.swapaxes(vt, 1, 2)
    tensor[known] = (frame * stretch[:, None, :]) @ np.swapaxes(frame, 1, 2) - np.eye(3)
    rotation = None if axes == "laboratory" else _filled(u @ vt, known)
    return Strain(
        tensor=tensor,
        radial=radial_part(tensor, points - middle, rotation=rotation),
        sigma=float(sigma),
        retained=np.where(known, 1.0, np.nan),
        retained_radial=np.where(known, 1.0, np.nan),
    )


def radial_part(
    tensor: NDArray[np.float64], from_centre: NDArray[np.float64], *, rotation: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """``n · ε · n`` along the direction n from the centre, (n,); a third of the trace at the centre.

    Parameters
    ----------
    tensor : (n, 3, 3) float
    from_centre : (n, 3) float, x y z [Å]
    rotation : (n, 3, 3) float or None
        From the tensor's axes to x, y, z.
    """
    distance = np.linalg.norm(from_centre, axis=1)
    off = distance > 0.01
    direction = from_centre / np.where(off, distance, 1.0)[:, None]
    if rotation is not None:
        direction = np.einsum("nji,nj->ni", rotation, direction)
    along = np.einsum("ni,nij,nj->n", direction, tensor, direction)
    return np.where(off, along, np.trace(tensor, axis1=1, axis2=2) / 3.0)


def _sites(neighbours: Neighbours, grains: Grains, bulk: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Bulk site vectors of all pairs (m, 3) in the crystal axes of the first atom's grain, and whether they count."""
    sites = np.zeros((len(neighbours.first), 3))
    good = np.zeros(len(neighbours.first), dtype=bool)
    for number, lattice in enumerate(grains.lattices):
        mine = np.flatnonzero(grains.grain[neighbours.first] == number)
        indices, misfit = bond_indices(neighbours.vectors[mine], lattice.cell)
        sites[mine] = indices * bulk / 2.0
        good[mine] = (misfit < _MISFIT * lattice.constant / np.sqrt(2.0)) & (indices != 0).any(axis=1)
    return sites, good


def _filled(values: NDArray[np.float64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    found = np.full((len(where), *values.shape[1:]), np.nan)
    found[where] = values
    return found
