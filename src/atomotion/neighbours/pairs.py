"""Pairs of atoms within a radius, and the distance to the nearest atom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from atomotion.data import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbours:
    """All pairs of atoms within a radius, each in both directions, sorted by the first atom and then the second.

    Parameters
    ----------
    radius : float [Å]
    first, second : (m,) int
        Indices of the atoms of each pair.
    vectors : (m, 3) float, x y z [Å]
        From the first to the second.
    distances : (m,) float [Å]
    offsets : (n + 1,) int
        The pairs of atom i are those from ``offsets[i]`` to ``offsets[i + 1]``.
    """

    radius: float
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    vectors: NDArray[np.float64]
    distances: NDArray[np.float64]
    offsets: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, atom: int) -> NDArray[np.intp]:
        """The neighbours of one atom."""
        return self.second[self.offsets[atom] : self.offsets[atom + 1]]

    def sums(self, values: NDArray) -> NDArray:
        """Sum over each atom's pairs of `values` (m, ...): (n, ...), 0 for an atom without neighbours."""
        m, rest = len(self.first), np.shape(values)[1:]
        flat = np.asarray(values).reshape(m, int(np.prod(rest)))
        adder = csr_array((np.ones(m), np.arange(m), self.offsets), shape=(len(self), m))
        return np.asarray(adder @ flat).reshape(len(self), *rest)


def neighbour_pairs(positions: ArrayLike, radius: float) -> Neighbours:
    """All pairs of atoms that are at most `radius` apart.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    radius : float [Å]

    Raises
    ------
    UsageError
        For a radius that is not positive.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    if not radius > 0:
        raise UsageError(f"the radius of neighbours is {radius} Å; it must be positive")
    pairs = cKDTree(points).query_pairs(radius, output_type="ndarray").astype(np.intp)
    first = np.concatenate([pairs[:, 0], pairs[:, 1]])
    second = np.concatenate([pairs[:, 1], pairs[:, 0]])
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    vectors = points[second] - points[first]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(first, minlength=len(points)))]).astype(np.intp)
    return Neighbours(
        radius=float(radius),
        first=first,
        second=second,
        vectors=vectors,
        distances=np.linalg.norm(vectors, axis=1),
        offsets=offsets,
    )


def nearest_distances(positions: ArrayLike) -> NDArray[np.float64]:
    """Distance [Å] from each atom to the nearest other one, (n,); infinite for a single atom."""
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    return np.asarray(cKDTree(points).query(points, k=2)[0])[:, 1]
