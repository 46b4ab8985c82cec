"""Coordination numbers, plain and generalised."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atomotion.data import UsageError
from atomotion.neighbours.pairs import Neighbours


def coordination_radius(lattice: float) -> float:
    """Radius [Å] half-way between the first and the second shell of an FCC lattice, ``a (1 + 1/√2) / 2``.

    Parameters
    ----------
    lattice : float [Å]
        Lattice constant; the mean of a, b, c of the fitted lattice in paper 004.

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), "Standard coordination number".
    """
    return lattice * (1.0 + 1.0 / np.sqrt(2.0)) / 2.0


def coordination_numbers(neighbours: Neighbours) -> NDArray[np.intp]:
    """Number of neighbours of every atom, (n,)."""
    return np.diff(neighbours.offsets)


def generalized_coordination_numbers(
    neighbours: Neighbours, *, normalisation: Literal["bulk", "neighbours"] = "bulk", bulk: int = 12
) -> NDArray[np.float64]:
    r"""Sum of the coordination numbers of an atom's neighbours, normalised, (n,); 0 for an atom without neighbours.

    .. math:: \overline{CN}_i = \sum_{j \in N(i)} CN_j / CN_{\max}

    Parameters
    ----------
    neighbours : Neighbours
    normalisation : "bulk" or "neighbours"
        What CN_max is: the coordination of the bulk, as in the original definition, or the largest coordination
        number among the neighbours of the atom itself, as in paper 004 and its program. The latter is not less than the
        former, and it jumps where a surface atom loses its only neighbour of full coordination.
    bulk : int
        12 in FCC and HCP.

    References
    ----------
    Calle-Vallejo et al., Angew. Chem. Int. Ed. 53, 8316 (2014); Wietfeldt et al., Commun. Chem. 7, 4 (2024).
    """
    own = coordination_numbers(neighbours)
    total = neighbours.sums(own[neighbours.second].astype(float))
    if normalisation == "bulk":
        return total / bulk
    if normalisation != "neighbours":
        raise UsageError(f"unknown normalisation {normalisation!r}; known are bulk and neighbours")
    largest = np.zeros(len(neighbours))
    np.maximum.at(largest, neighbours.first, own[neighbours.second].astype(float))
    return np.divide(total, largest, out=np.zeros_like(total), where=largest > 0)
