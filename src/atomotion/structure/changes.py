"""What has changed from one state to another: atoms that stayed, went, came, moved elsewhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from atomotion.structure.comparison_config import MatchingConfig
from atomotion.structure.matching import match_atoms


@dataclass(frozen=True, kw_only=True, slots=True)
class StateChanges:
    """The atoms of two aligned states, sorted by what became of them.

    Parameters
    ----------
    kept : (k, 2) int
        Indices before and after of what is the same atom.
    removed : (r,) int
        Atoms before without a partner after.
    added : (a,) int
        Atoms after without a partner before.
    rearranged : (q, 2) int
        Removed and added atoms that may be one atom that moved elsewhere; an interpretation, see `compare_states`.
    displacements : (k, 3) float [Å]
        After less before, of the kept atoms.
    """

    kept: NDArray[np.intp]
    removed: NDArray[np.intp]
    added: NDArray[np.intp]
    rearranged: NDArray[np.intp]
    displacements: NDArray[np.float64]

    @property
    def lost(self) -> NDArray[np.intp]:
        """Removed atoms that are not accounted for by a rearrangement."""
        return np.setdiff1d(self.removed, self.rearranged[:, 0])

    @property
    def gained(self) -> NDArray[np.intp]:
        """Added atoms that are not accounted for by a rearrangement."""
        return np.setdiff1d(self.added, self.rearranged[:, 1])

    @property
    def distances(self) -> NDArray[np.float64]:
        """(k,) lengths of the displacements [Å]."""
        return np.linalg.norm(self.displacements, axis=1)

    @property
    def common(self) -> float:
        """Share of the atoms of the smaller state that are kept."""
        smaller = len(self.kept) + min(len(self.removed), len(self.added))
        return len(self.kept) / smaller if smaller else float("nan")


def compare_states(
    before: ArrayLike,
    after: ArrayLike,
    config: MatchingConfig | None = None,
    *,
    species: tuple[ArrayLike, ArrayLike] | None = None,
    farthest: float | None = None,
) -> StateChanges:
    """Atoms kept, removed, added and rearranged between two aligned states.

    Two pictures cannot show whether an added atom came from the solution or from elsewhere on the particle. As in
    paper 002, an atom that appears while others disappear is taken for rearranged: of all ways to pair added with
    removed atoms one to one, the one with the smallest sum of distances. So either `lost` or `gained` is empty, unless
    `farthest` forbids long ways. `removed` and `added` are what is seen, before this interpretation.

    Parameters
    ----------
    before, after : (n, 3), (m, 3) float, x y z [Å]
    config : MatchingConfig or None
    species : pair of (n,) and (m,) or None
        Elements; atoms of different elements are neither the same nor rearranged.
    farthest : float [Å] or None
        Longest way of a rearranged atom; None for any.

    References
    ----------
    Kang et al., Nat. Commun. 16, 1158 (2025), "Analysis of the 3D atomic maps".
    """
    a, b = np.asarray(before, dtype=float).reshape(-1, 3), np.asarray(after, dtype=float).reshape(-1, 3)
    kept = match_atoms(a, b, config, species=species)
    removed = np.setdiff1d(np.arange(len(a)), kept[:, 0])
    added = np.setdiff1d(np.arange(len(b)), kept[:, 1])
    return StateChanges(
        kept=kept,
        removed=removed,
        added=added,
        rearranged=_rearranged(a, b, removed, added, species, farthest),
        displacements=b[kept[:, 1]] - a[kept[:, 0]],
    )


def composition_changes(before: ArrayLike, after: ArrayLike, changes: StateChanges) -> dict[str, dict[str, int]]:
    """Atoms by element: ``before``, ``kept``, ``removed``, ``added``, ``rearranged`` and ``after``.

    Parameters
    ----------
    before, after : (n,), (m,) str
        Elements of the two states.
    changes : StateChanges
        With matching by element.
    """
    first, second = np.asarray(before, dtype=str), np.asarray(after, dtype=str)
    return {
        str(element): {
            "before": int(np.count_nonzero(first == element)),
            "kept": int(np.count_nonzero(first[changes.kept[:, 0]] == element)),
            "removed": int(np.count_nonzero(first[changes.removed] == element)),
            "added": int(np.count_nonzero(second[changes.added] == element)),
            "rearranged": int(np.count_nonzero(first[changes.rearranged[:, 0]] == element)),
            "after": int(np.count_nonzero(second == element)),
        }
        for element in np.union1d(first, second)
    }


def _rearranged(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    removed: NDArray[np.intp],
    added: NDArray[np.intp],
    species: tuple[ArrayLike, ArrayLike] | None,
    farthest: float | None,
) -> NDArray[np.intp]:
    if len(removed) == 0 or len(added) == 0:
        return np.empty((0, 2), dtype=np.intp)
    cost = np.linalg.norm(a[removed][:, None] - b[added][None], axis=2)
    forbidden = np.zeros(cost.shape, dtype=bool) if farthest is None else cost > farthest
    if species is not None:
        forbidden |= np.asarray(species[0])[removed][:, None] != np.asarray(species[1])[added][None]
    # dearer than any set of allowed ways together, so that as many atoms as possible are paired
    cost = np.where(forbidden, 1.0 + cost.max() * (1 + min(cost.shape)), cost)
    rows, columns = linear_sum_assignment(cost)
    allowed = ~forbidden[rows, columns]
    return np.stack([removed[rows[allowed]], added[columns[allowed]]], axis=1)
