"""How alike two density maps are: against the offset along crystal directions, and place by place."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfftn, next_fast_len, rfftn
from scipy.ndimage import gaussian_filter, map_coordinates

from atomotion.data.errors import InputError, UsageError

Family = Literal["100", "110", "111"]

# one of each pair of opposite directions
_FAMILIES: dict[str, NDArray[np.float64]] = {
    "100": np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]),
    "110": np.array([[1.0, 1, 0], [1, -1, 0], [1, 0, 1], [1, 0, -1], [0, 1, 1], [0, 1, -1]]),
    "111": np.array([[1.0, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]]),
}


def family_directions(family: Family, axes: ArrayLike | None = None) -> NDArray[np.float64]:
    """(k, 3) unit vectors x y z of <100>, <110> or <111>, one of each opposite pair.

    Parameters
    ----------
    family : "100", "110" or "111"
    axes : (3, 3) float or None
        Rotation from the crystal to the map, its columns the cube axes; None for axes along x, y, z.

    Raises
    ------
    UsageError
        For another family.
    """
    if family not in _FAMILIES:
        raise UsageError(f"unknown family of directions {family!r}; known are {', '.join(_FAMILIES)}")
    vectors = _FAMILIES[family] / np.linalg.norm(_FAMILIES[family], axis=1)[:, None]
    turned: NDArray[np.float64] = vectors if axes is None else vectors @ np.asarray(axes, dtype=float).T
    return turned


def offset_correlation(
    first: ArrayLike, second: ArrayLike, directions: ArrayLike, offsets: ArrayLike, *, voxel_size: float
) -> NDArray[np.float64]:
    r"""Correlation of two maps when the second is shifted along given directions.

    .. math:: C(\Delta) = \frac{\sum_r (a(r) - \bar a)\,(b(r - \Delta) - \bar b)}
              {\sqrt{\sum_r (a - \bar a)^2 \sum_r (b - \bar b)^2}}

    with nothing outside the maps. For aligned states of one crystal it has its highest peak at 0 and lower ones at the
    lattice vectors; where another peak is higher, the states lie on wrong copies of the lattice.

    Parameters
    ----------
    first, second : (z, y, x) float
        Of the same shape and voxel size.
    directions : (k, 3) float, x y z
        Of any length, e.g. from `family_directions`.
    offsets : (s,) float [Å]
    voxel_size : float [Å]

    Returns
    -------
    (k, s) float, -1 to 1

    Raises
    ------
    InputError
        For maps of different shapes, constant maps, and offsets beyond the size of the map.

    References
    ----------
    Kang et al., Nat. Commun. 16, 1158 (2025), Fig. 2n-p.
    """
    a, b = _two_maps(first, second)
    shift = np.asarray(offsets, dtype=float)
    unit = np.asarray(directions, dtype=float)
    unit = unit / np.linalg.norm(unit, axis=1)[:, None]
    # (k, s, 3) in voxels, as z y x
    places = (unit[:, None, :] * shift[:, None] / voxel_size)[..., ::-1]
    if (np.abs(places) > np.array(a.shape) - 4).any():
        raise InputError(
            f"offsets up to {np.abs(shift).max():g} Å do not fit into maps of {a.shape} voxels of {voxel_size:g} Å"
        )
    size = [next_fast_len(2 * n, real=True) for n in a.shape]
    overlap = irfftn(rfftn(a, s=size) * np.conj(rfftn(b, s=size)), s=size)
    overlap /= np.sqrt(np.sum(a**2) * np.sum(b**2))
    found = map_coordinates(overlap, np.moveaxis(places, -1, 0), order=3, mode="grid-wrap")
    return np.asarray(found, dtype=float)


def local_correlation(first: ArrayLike, second: ArrayLike, *, width: float, voxel_size: float) -> NDArray[np.float64]:
    r"""Correlation coefficient of two maps around every voxel, within a Gaussian window.

    With <.> the mean under the window,

    .. math:: \frac{\langle ab \rangle - \langle a \rangle \langle b \rangle}
              {\sqrt{(\langle a^2 \rangle - \langle a \rangle^2)(\langle b^2 \rangle - \langle b \rangle^2)}}

    Parameters
    ----------
    first, second : (z, y, x) float
        Of the same shape and voxel size.
    width : float [Å]
        Standard deviation of the window; an atom's radius, about 1.4 Å, shows single atoms.
    voxel_size : float [Å]

    Returns
    -------
    (z, y, x) float, -1 to 1
        NaN where either map has no structure (less than a millionth of its variance).

    References
    ----------
    Kang et al., Nat. Commun. 16, 1158 (2025), Fig. 2c, g, k; its window is not given.
    """
    a, b = _two_maps(first, second)
    sigma = width / voxel_size
    mean_a, mean_b, power_a, power_b, product = (
        gaussian_filter(each, sigma, mode="nearest") for each in (a, b, a * a, b * b, a * b)
    )
    variance_a, variance_b = power_a - mean_a**2, power_b - mean_b**2
    known = (variance_a > 1e-6 * a.var()) & (variance_b > 1e-6 * b.var())
    result = np.full(a.shape, np.nan)
    result[known] = (product - mean_a * mean_b)[known] / np.sqrt(variance_a[known] * variance_b[known])
    return np.clip(result, -1.0, 1.0)


def _two_maps(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.ndim != 3 or a.shape != b.shape:
        raise InputError(f"maps of the shapes {a.shape} and {b.shape} cannot be compared; put them on one grid first")
    a, b = a - a.mean(), b - b.mean()
    if not a.any() or not b.any():
        raise InputError("a map is constant, so that nothing can correlate with it")
    return a, b
