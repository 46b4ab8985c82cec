"""One-to-one pairs between two point sets."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree


def match_points(first: ArrayLike, second: ArrayLike, max_distance: float) -> NDArray[np.intp]:
    """Pairs (k, 2) of indices into `first` and `second`, sorted by the first, none farther apart than `max_distance`.

    Every point is in one pair at most. Of all such pairings this one has the most pairs, and among those the smallest
    sum of distances. Points are split into groups that are connected by distances within `max_distance`, and each
    group is solved exactly, so that the cost stays small where `max_distance` is less than the spacing of the points.

    Parameters
    ----------
    first, second : (n, d), (m, d) float
    max_distance : float
        In the unit of the points.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if len(a) == 0 or len(b) == 0:
        return np.empty((0, 2), dtype=np.intp)
    near = cKDTree(a).sparse_distance_matrix(cKDTree(b), max_distance, output_type="ndarray")
    i, j, distance = near["i"], near["j"], near["v"]
    n = len(a) + len(b)
    _, group = connected_components(coo_array((np.ones(len(i)), (i, j + len(a))), shape=(n, n)), directed=False)
    order = np.argsort(group[i], kind="stable")
    bounds = np.flatnonzero(np.diff(group[i][order])) + 1
    pairs = [_match_group(i[part], j[part], distance[part], max_distance) for part in np.split(order, bounds)]
    result = np.concatenate(pairs)
    return result[np.argsort(result[:, 0])]


def _match_group(
    i: NDArray[np.intp], j: NDArray[np.intp], distance: NDArray[np.float64], max_distance: float
) -> NDArray[np.intp]:
    rows, row = np.unique(i, return_inverse=True)
    columns, column = np.unique(j, return_inverse=True)
    # a pair that is not allowed costs more than any set of allowed ones, so it is used only to fill up
    forbidden = 1.0 + max_distance * (1 + min(len(rows), len(columns)))
    cost = np.full((len(rows), len(columns)), forbidden)
    cost[row, column] = distance
    r, c = linear_sum_assignment(cost)
    allowed = cost[r, c] < forbidden
    return np.stack([rows[r[allowed]], columns[c[allowed]]], axis=1).astype(np.intp)
