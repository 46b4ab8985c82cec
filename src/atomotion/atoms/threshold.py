"""The threshold that separates atoms from the rest: the one whose atoms explain the filtered map best."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist

from atomotion.atoms.components import component_masses
from atomotion.atoms.filtered_map import FilteredMap
from atomotion.data.errors import InputError

_ROWS = 512


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdSearch:
    """A threshold and how it was found.

    Parameters
    ----------
    threshold : float
        In units of the filtered map.
    thresholds : (m,) float
        All that were tried, ascending.
    correlations : (m,) float
        Correlation of the filtered map with that of the atoms each threshold gives.
    atoms : (m,) int
        How many each gives.
    start : float
        Otsu's threshold, below which none is tried.
    """

    threshold: float
    thresholds: NDArray[np.float64]
    correlations: NDArray[np.float64]
    atoms: NDArray[np.intp]
    start: float


class ModelCorrelation:
    """Correlation of the filtered map C with the filtered map S of atoms at given places, without computing S.

    All atoms are alike, so with K the filtered image of one atom, ``<C, S> = sum_i (C ⋆ K)(x_i)`` is read off one map,
    and ``<S, S> = sum_ij (K ⋆ K)(x_i - x_j)`` is a sum over pairs. C has zero mean.

    Parameters
    ----------
    filtered : FilteredMap
    part : three slices or None
        Atoms lie in this part of the map, and their places count from its first voxel.
    """

    def __init__(self, filtered: FilteredMap, part: tuple[slice, slice, slice] | None = None) -> None:
        self._size = filtered.voxel_size
        # linear interpolation would lose 6 %
        inside = filtered.overlap if part is None else filtered.overlap[part]
        self._overlap: NDArray[np.float32] = np.asarray(ndimage.spline_filter(inside, order=3), dtype=np.float32)
        self._norm = float(np.sqrt(np.square(filtered.values, dtype=np.float64).sum() * self._size**3))
        # the spectrum of K ⋆ K is A^4; its radial transform, r up to beyond where anything is left
        k, power = filtered.shells, filtered.transform**4
        self._r = np.linspace(0.0, 30.0, 1501)
        waves = np.sinc(2.0 * np.outer(self._r, k))
        self._pair = np.asarray(np.trapezoid(4.0 * np.pi * k**2 * power * waves, k, axis=1), dtype=float)
        # both maps have zero mean
        self._mean = float(power[0]) / (filtered.values.size * self._size**3)

    def overlaps(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) ``<C, K_i>`` for atoms at `places` (n, 3) z y x [voxels]."""
        found = ndimage.map_coordinates(self._overlap, places.T, order=3, mode="mirror", prefilter=False)
        return np.asarray(found, dtype=float)

    def pairs(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, m) ``<K_i, K_j>`` for atoms at `first` and `second`, z y x [voxels]."""
        return np.interp(cdist(first, second) * self._size, self._r, self._pair) - self._mean

    def of(self, places: NDArray[np.float64]) -> float:
        """The correlation for one set of atoms, (n, 3) z y x [voxels]; 0 for none."""
        return float(self.growing(places)[-1]) if len(places) else 0.0

    def growing(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) correlations for the first atom, the first two, and so on."""
        first: NDArray[np.float64] = np.cumsum(self.overlaps(places))
        own = np.empty(len(places), dtype=np.float64)
        for start in range(0, len(places), _ROWS):
            rows = places[start : start + _ROWS]
            block = self.pairs(rows, places[: start + len(rows)])
            before = np.tri(len(rows), start + len(rows), start - 1, dtype=bool)
            block = np.where(before, block, 0.0)
            own[start : start + len(rows)] = 2.0 * block.sum(axis=1) + self._pair[0] - self._mean
        return first / (self._norm * np.sqrt(np.maximum(np.cumsum(own), 1e-30)))


def search_all(
    model: ModelCorrelation, places: NDArray[np.float64], heights: NDArray[np.float64], start: float
) -> ThresholdSearch:
    """The best of all thresholds that change the set of atoms, when joined atoms are split.

    A threshold then decides only which peaks are atoms, and these are nested: all thresholds are tried in one pass over
    the peaks from the highest to the lowest.

    Parameters
    ----------
    model : ModelCorrelation
    places : (n, 3) float, z y x [voxels]
        Peaks of the filtered map, the highest first.
    heights : (n,) float
    start : float
        Lower peaks are no atoms; Otsu's threshold.

    Raises
    ------
    InputError
        Where no peak is above `start`.
    """
    count = int(np.searchsorted(-heights, -start, side="left"))
    if count == 0:
        raise InputError("no atoms were found: nothing in the map looks like one; check the map and --resolution")
    found = model.growing(places[:count])
    best = int(found.argmax())
    # half-way to the first peak that is left out
    threshold = 0.5 * (heights[best] + (heights[best + 1] if best + 1 < len(heights) else start))
    return ThresholdSearch(
        threshold=float(max(threshold, start)),
        thresholds=heights[:count][::-1],
        correlations=found[::-1],
        atoms=np.arange(count, 0, -1),
        start=start,
    )


def search_uniform(
    model: ModelCorrelation,
    values: NDArray[np.floating],
    masses: NDArray[np.floating],
    *,
    start: float,
    count: int,
    least_voxels: int,
) -> ThresholdSearch:
    """The published search: uniform thresholds from Otsu's to the maximum, then as many finer ones around the best.

    Every connected component of at least `least_voxels` is one atom at its centre of mass; joined atoms are split only
    after the search.

    Parameters
    ----------
    model : ModelCorrelation
    values : (z, y, x) float
        The filtered map.
    masses : (z, y, x) float
        The map itself, its background taken off.
    start : float
    count : int
    least_voxels : int

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), "Unsupervised identification of atomic positions". Its program differs:
    20 thresholds by k-means, searched by bisection as if their correlations had one maximum.
    """
    tried: dict[float, tuple[float, int]] = {}

    def attempt(threshold: float) -> None:
        labels, n = ndimage.label(values > threshold)
        places = component_masses(labels, n, masses, least_voxels)[0]
        tried[threshold] = (model.of(places), len(places))

    high = float(values.max())
    step = (high - start) / count
    for number in range(count):
        attempt(start + number * step)
    best = max(tried, key=lambda threshold: tried[threshold][0])
    for finer in np.linspace(max(start, best - step), min(high - 1e-6 * step, best + step), count + 2)[1:-1]:
        attempt(float(finer))
    best = max(tried, key=lambda threshold: tried[threshold][0])
    if tried[best][1] == 0:
        raise InputError("no atoms were found: nothing in the map looks like one; check the map and --resolution")
    order = sorted(tried)
    return ThresholdSearch(
        threshold=best,
        thresholds=np.array(order),
        correlations=np.array([tried[each][0] for each in order]),
        atoms=np.array([tried[each][1] for each in order]),
        start=start,
    )
