"""Sites of an FCC lattice in units of half the cubic cell's edges, and the rotations of the cube.

The sites are the triples of whole numbers with an even sum; the twelve nearest neighbours are those of squared length
2.
"""

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray


def nearest_sites(coordinates: ArrayLike) -> NDArray[np.intp]:
    """The FCC site nearest to each point, exactly.

    Parameters
    ----------
    coordinates : (..., 3) float
        In units of half the cell's edges.

    Returns
    -------
    (..., 3) int
        Sums are even.

    References
    ----------
    Conway, Sloane, IEEE Trans. Inf. Theory 28, 227 (1982): round; where the sum is odd, round the coordinate with the
    largest error the other way.
    """
    given = np.asarray(coordinates, dtype=float)
    points = given.reshape(-1, 3)
    rounded = np.rint(points)
    error = points - rounded
    odd = np.flatnonzero(rounded.sum(axis=1) % 2 != 0)
    worst = np.abs(error[odd]).argmax(axis=1)
    rounded[odd, worst] += np.where(error[odd, worst] >= 0, 1.0, -1.0)
    return rounded.astype(np.intp).reshape(given.shape)


def bond_indices(vectors: ArrayLike, cell: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The lattice vector nearest to each vector between two atoms, and the distance [Å] from it.

    Parameters
    ----------
    vectors : (m, 3) float, x y z [Å]
    cell : (3, 3) float [Å]
        Rows are a, b, c of the cubic cell.

    Returns
    -------
    indices : (m, 3) int
        In units of a/2, b/2, c/2.
    misfit : (m,) float [Å]
    """
    half = np.asarray(cell, dtype=float) / 2.0
    given = np.asarray(vectors, dtype=float)
    indices = nearest_sites(given @ np.linalg.inv(half))
    return indices, np.linalg.norm(given - indices @ half, axis=1)


def cubic_rotations() -> NDArray[np.intp]:
    """The 24 rotations that map a cube onto itself, (24, 3, 3)."""
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            matrix = np.zeros((3, 3), dtype=np.intp)
            matrix[range(3), order] = signs
            if round(float(np.linalg.det(matrix))) == 1:
                found.append(matrix)
    return np.array(found)
