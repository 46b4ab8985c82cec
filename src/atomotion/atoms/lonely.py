"""Which of the outer atoms have too few neighbours to be atoms: the coordination threshold of paper 001."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data.errors import UsageError
from atomotion.neighbours import coordination_numbers, neighbour_pairs

# the threshold is chosen so that this share of the atoms have at least as many neighbours
_INCLUDED = 0.95
_BULK = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class CoordinationCut:
    """What the rule made of the atoms.

    Parameters
    ----------
    kept : (n,) bool
    coordination_number : (n,) int
        Before anything was removed.
    threshold : int
        T_CN; 0 where the rule has none.
    """

    kept: NDArray[np.bool_]
    coordination_number: NDArray[np.intp]
    threshold: int


def remove_lonely(
    positions: ArrayLike,
    radii: ArrayLike,
    *,
    rule: Literal["single", "capped", "published", "none"],
    neighbour_radius: float,
    atom_radius: float,
    outer_share: float = 0.15,
    least_neighbours: int = 0,
) -> CoordinationCut:
    """Remove outer atoms that have too few neighbours.

    "published": T_CN is the largest number that 95 % of the atoms reach. Of the outer atoms, the `outer_share` farthest
    from the mean position, those with ``CN < T_CN - 1`` go first; then, until nothing changes, those with
    ``CN < T_CN`` whose measured radius is less than half an atom's. "capped" is the same with T_CN at most 6, half the
    bulk's coordination, as in the program of the paper: without the cap, perfect small particles lose their corners.
    "single" removes outer atoms without any neighbour, and "none" nothing. Which atoms are outer is decided once, so
    that the rule ends.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    radii : (n,) float [Å]
        Measured: the longest distance from the centre to a voxel of the atom.
    rule : "single", "capped", "published" or "none"
    neighbour_radius : float [Å]
    atom_radius : float [Å]
    outer_share : float
    least_neighbours : int
        Before the rule, atoms with fewer go wherever they are, once; 3 in paper 004, 0 for none.

    References
    ----------
    Meana-Pañeda et al., Sci. Adv. 11 (2025), "Atomic density threshold detection". Its program takes the smallest
    number that at most 95 % of the atoms reach, which is one more than this, and contacts within 3.50 Å for Pt; after
    each removal it keeps the old list of which atoms are outer, which then no longer fits the atoms' numbers.
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), "Validation of atomic positions", for atoms with fewer than three.
    """
    if rule not in ("single", "capped", "published", "none"):
        raise UsageError(
            f"unknown rule {rule!r} for atoms with few neighbours; known are single, capped, published, none"
        )
    points, measured = np.asarray(positions, dtype=float).reshape(-1, 3), np.asarray(radii, dtype=float)
    kept = np.ones(len(points), dtype=bool)
    if len(points) < 2:
        return CoordinationCut(kept=kept, coordination_number=np.zeros(len(points), dtype=np.intp), threshold=0)

    def numbers() -> NDArray[np.intp]:
        full = np.zeros(len(points), dtype=np.intp)
        full[kept] = coordination_numbers(neighbour_pairs(points[kept], neighbour_radius))
        return full

    first = numbers()
    away = np.linalg.norm(points - points.mean(axis=0), axis=1)
    outer = away > np.quantile(away, 1.0 - outer_share)
    threshold = 0
    kept &= first >= least_neighbours
    if rule == "single":
        kept &= ~(outer & (first < 1))
    elif rule != "none":
        threshold = int(np.sort(first)[int((1.0 - _INCLUDED) * len(first))])
        threshold = min(threshold, _BULK // 2) if rule == "capped" else threshold
        kept &= ~(outer & (first < threshold - 1))
        while True:
            go = kept & outer & (numbers() < threshold) & (measured < 0.5 * atom_radius)
            if not go.any():
                break
            kept &= ~go
    return CoordinationCut(kept=kept, coordination_number=first, threshold=threshold)
