"""The lattices of a particle with twins: one for each grain, and which grain an atom belongs to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data import InputError
from atomotion.neighbours.lattice import LatticeFit, fit_lattice, median_bond
from atomotion.neighbours.pairs import Neighbours, neighbour_pairs
from atomotion.neighbours.sites import bond_indices

_REACH = 1.22
_MISFIT = 0.27
_MOST = 24
_SMALLEST = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Grains:
    """The grains of a particle.

    Parameters
    ----------
    lattices : tuple of LatticeFit
        The largest first.
    grain : (n,) int
        Number of each atom's grain, -1 for none. An atom in the plane between two grains, all whose bonds fit either
        as well, belongs to the larger one.
    matched : (n,) float
        Share of the atom's bonds that are nearest-neighbour vectors of its grain's lattice.
    """

    lattices: tuple[LatticeFit, ...]
    grain: NDArray[np.intp]
    matched: NDArray[np.float64]


def find_grains(positions: ArrayLike, *, spacing: float | None = None, most: int = _MOST) -> Grains:
    """The lattices of all grains: the largest, then the largest among the atoms that it does not explain, and so on.

    A lattice explains an atom if more than half of the atom's bonds are nearest-neighbour vectors of the lattice,
    within 0.27 of their length. Grains of fewer than 10 atoms are not looked for.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    spacing : float or None [Å]
        Nearest-neighbour distance, to a tenth.
    most : int
        Grains that are looked for; an icosahedron has 20.

    Raises
    ------
    InputError
        Where not even one lattice is found.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    d = median_bond(points) if spacing is None else float(spacing)
    neighbours = neighbour_pairs(points, _REACH * d)
    lattices = [fit_lattice(points, spacing=d)]
    shares = [_matched(neighbours, lattices[0], d)]
    while len(lattices) < most:
        rest = np.max(shares, axis=0) <= 0.5
        if rest.sum() < _SMALLEST:
            break
        try:
            found = fit_lattice(points, spacing=d, among=rest, seeds=8)
        except InputError:
            break
        share = _matched(neighbours, found, d)
        if ((share > 0.5) & rest).sum() < _SMALLEST:
            break
        lattices.append(found)
        shares.append(share)
    # a small lead of a later grain is chance; a whole bond of twelve is not
    table = np.array(shares) - 0.02 * np.arange(len(shares))[:, None] / len(shares)
    grain = table.argmax(axis=0).astype(np.intp)
    matched = np.array(shares)[grain, np.arange(len(points))]
    grain[matched <= 0.5] = -1
    return Grains(lattices=tuple(lattices), grain=grain, matched=matched)


def _matched(neighbours: Neighbours, lattice: LatticeFit, d: float) -> NDArray[np.float64]:
    """Share of each atom's bonds that are nearest-neighbour vectors of a lattice."""
    indices, misfit = bond_indices(neighbours.vectors, lattice.cell)
    fits = (misfit < _MISFIT * d) & ((indices**2).sum(axis=1) == 2)
    count = np.diff(neighbours.offsets)
    return np.divide(neighbours.sums(fits.astype(float)), count, out=np.zeros(len(count)), where=count > 0)
