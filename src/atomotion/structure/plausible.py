"""Whether coordinates can be Å at all, and pairs that are too near each other to be two atoms."""

import numpy as np
from numpy.typing import ArrayLike

from atomotion.data import InputError
from atomotion.neighbours import nearest_distances, neighbour_pairs

ALLOWED = (1.8, 4.5)  # Å: the median distance to the nearest atom, from light to heavy metals with a wide margin
_SHORT = 0.8  # of the median
_SAME = 0.05  # Å
_UNITS = (("nm", 10.0), ("pm", 0.01), ("bohr", 0.529177), ("m", 1e10))


def check_spacing(positions: ArrayLike) -> list[str]:
    """Notes on pairs of atoms that are too near each other; empty where there are none.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]

    Returns
    -------
    list of str
        One sentence for all pairs nearer than 0.8 of the median distance to the nearest atom.

    Raises
    ------
    InputError
        Where the median is not within 1.8 to 4.5 Å, which no metal has: the coordinates are in another unit; and where
        two atoms are at the same place.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    if len(points) < 2:
        raise InputError(f"a structure of {len(points)} atoms has no distances to measure")
    median = float(np.median(nearest_distances(points)))
    low, high = ALLOWED
    if not low <= median <= high:
        hint = next(
            (f"in {unit}" for unit, size in _UNITS if low <= median * size <= high), "relative or in another unit"
        )
        raise InputError(
            f"the median distance between neighbours is {median:.4g} Å, and {low:g} to {high:g} Å is possible; the "
            f"coordinates seem to be {hint}: convert them to Å"
        )
    near = neighbour_pairs(points, _SHORT * median)
    if len(near.first) == 0:
        return []
    shortest = int(near.distances.argmin())
    pair = sorted((int(near.first[shortest]), int(near.second[shortest])))
    if near.distances[shortest] < _SAME:
        raise InputError(f"atoms {pair[0]} and {pair[1]} are at the same place; take one of them out")
    return [
        f"{len(near.first) // 2} pairs of atoms are nearer than {_SHORT * median:.2f} Å, the nearest {pair[0]} and "
        f"{pair[1]} with {near.distances[shortest]:.2f} Å: one of the two may be no atom"
    ]
