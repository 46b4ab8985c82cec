"""Which atoms of two aligned states are the same atom."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from atomotion.data.errors import InputError
from atomotion.geometry.matching import match_points
from atomotion.structure.comparison_config import MatchingConfig


def match_atoms(
    first: ArrayLike,
    second: ArrayLike,
    config: MatchingConfig | None = None,
    *,
    species: tuple[ArrayLike, ArrayLike] | None = None,
) -> NDArray[np.intp]:
    """Pairs (k, 2) of indices into `first` and `second`, one to one, sorted by the first.

    Rule ``optimal``: of all pairings within the limit the one with the most pairs, and among those the smallest sum of
    distances. Rule ``mutual``: the pairs of which each is the other's nearest.

    Parameters
    ----------
    first, second : (n, 3), (m, 3) float, x y z [Å]
        Aligned already.
    config : MatchingConfig or None
    species : pair of (n,) and (m,) or None
        Elements, as numbers or symbols; atoms of different elements are never the same atom.

    Raises
    ------
    InputError
        Where an atom has no element.
    """
    config = MatchingConfig() if config is None else config
    a, b = np.asarray(first, dtype=float).reshape(-1, 3), np.asarray(second, dtype=float).reshape(-1, 3)
    pair = optimal_pairs if config.rule == "optimal" else mutual_pairs
    if species is None:
        return pair(a, b, config.limit)
    kinds, others = np.asarray(species[0]), np.asarray(species[1])
    if kinds.shape != (len(a),) or others.shape != (len(b),):
        raise InputError(f"{kinds.size} and {others.size} elements for {len(a)} and {len(b)} atoms; give one for each")
    found = [np.empty((0, 2), dtype=np.intp)]
    for kind in np.unique(kinds):
        rows, columns = np.flatnonzero(kinds == kind), np.flatnonzero(others == kind)
        pairs = pair(a[rows], b[columns], config.limit)
        found.append(np.stack([rows[pairs[:, 0]], columns[pairs[:, 1]]], axis=1))
    result = np.concatenate(found)
    return result[np.argsort(result[:, 0])]


def optimal_pairs(first: NDArray[np.float64], second: NDArray[np.float64], limit: float) -> NDArray[np.intp]:
    """The pairs of `geometry.match_points`; atoms with one possible partner only are taken out of its search.

    In a crystal these are nearly all, which makes it ten times faster.
    """
    if len(first) == 0 or len(second) == 0:
        return np.empty((0, 2), dtype=np.intp)
    near = cKDTree(first).sparse_distance_matrix(cKDTree(second), limit, output_type="ndarray")
    i, j = near["i"], near["j"]
    alone = (np.bincount(i, minlength=len(first))[i] == 1) & (np.bincount(j, minlength=len(second))[j] == 1)
    pairs = [np.stack([i[alone], j[alone]], axis=1)]
    if not alone.all():
        rows, columns = np.unique(i[~alone]), np.unique(j[~alone])
        rest = match_points(first[rows], second[columns], limit)
        pairs.append(np.stack([rows[rest[:, 0]], columns[rest[:, 1]]], axis=1))
    result = np.concatenate(pairs).astype(np.intp)
    return result[np.argsort(result[:, 0])]


def mutual_pairs(first: NDArray[np.float64], second: NDArray[np.float64], limit: float) -> NDArray[np.intp]:
    """The pairs of which each is the other's nearest, within `limit`."""
    if len(first) == 0 or len(second) == 0:
        return np.empty((0, 2), dtype=np.intp)
    distance, to_second = (np.asarray(each) for each in cKDTree(second).query(first))
    to_first = np.asarray(cKDTree(first).query(second)[1])
    rows = np.flatnonzero((to_first[to_second] == np.arange(len(first))) & (distance <= limit))
    return np.stack([rows, to_second[rows]], axis=1).astype(np.intp)
