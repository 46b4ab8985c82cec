"""The radial distribution function and its first minimum."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from atomotion.data import InputError
from atomotion.neighbours.pairs import nearest_distances

# in units of the first peak's distance: where the first minimum can lie (second shell of FCC at 1.41), the shortest
# stretch without a pair that counts as empty, the smoothing where there is none
_SEARCH = (1.02, 1.45)
_EMPTY = 0.05
_SMOOTHING = 0.035
_STEP = 0.002


@dataclass(frozen=True, kw_only=True, slots=True)
class RadialDistribution:
    """The radial distribution function of a particle.

    Parameters
    ----------
    r : (m,) float [Å]
        Centres of the bins.
    g : (m,) float
    pairs : (m,) int
        Pairs of atoms in each bin.
    radius : float [Å]
        Of the sphere in which the atoms would be spread evenly.
    """

    r: NDArray[np.float64]
    g: NDArray[np.float64]
    pairs: NDArray[np.intp]
    radius: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstMinimum:
    """The first minimum of g(r).

    Parameters
    ----------
    r : float [Å]
    peak : float [Å]
        The first maximum.
    low, high : float [Å]
        Ends of the stretch without any pair; both are `r` where there is none.
    basis : "empty stretch" or "lowest density"
    """

    r: float
    peak: float
    low: float
    high: float
    basis: Literal["empty stretch", "lowest density"]


def radial_distribution(
    positions: ArrayLike, *, step: float = 0.02, r_max: float | None = None, shape: Literal["none", "sphere"] = "none"
) -> RadialDistribution:
    r"""Pairs of atoms by distance, relative to the same number spread evenly over the particle's volume.

    .. math:: g(r) = \frac{V\,n(r)}{4\pi r^2\,\Delta r\,N(N-1)/2}, \qquad V = \tfrac43 \pi R^3,

    with R a sixth of the sum of the particle's extents in x, y and z, and n the pairs in the bin: the definition of the
    program of paper 002. With the shape "sphere", g is divided by the share of such pairs that fit into the sphere,
    ``1 - 3r/4R + r³/16R³``, so that it tends to 1 and not to 0 where r nears the particle's diameter.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    step : float [Å]
    r_max : float or None [Å]
        None goes to the largest distance.
    shape : "none" or "sphere"

    References
    ----------
    Kang et al., Nat. Commun. 16 (2025); Glatter, Kratky, Small Angle X-ray Scattering (1982), for the sphere.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    if len(points) < 2:
        raise InputError(f"a radial distribution takes at least 2 atoms; there are {len(points)}")
    radius = float(np.ptp(points, axis=0).sum() / 6.0)
    if r_max is None:
        distances = pdist(points)
        r_max = float(distances.max()) + step
    else:
        pairs = cKDTree(points).query_pairs(r_max, output_type="ndarray")
        distances = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    edges = np.arange(0.0, r_max + step / 2, step)
    count = np.histogram(distances, bins=edges)[0]
    r = 0.5 * (edges[1:] + edges[:-1])
    total = len(points) * (len(points) - 1) / 2
    g = radius**3 / (3.0 * step * total) * count / r**2
    if shape == "sphere":
        inside = 1.0 - 0.75 * r / radius + r**3 / (16.0 * radius**3)
        g = np.where(inside > 1e-3, g / np.maximum(inside, 1e-3), 0.0)
    return RadialDistribution(r=r, g=g, pairs=count.astype(np.intp), radius=radius)


def first_minimum(positions: ArrayLike) -> FirstMinimum:
    """Where the first shell of neighbours ends.

    The middle of the widest stretch without any pair between the first peak of g(r) and 1.45 times its distance, where
    that is wider than a twentieth of the peak's distance: so it is in crystals. Otherwise, in liquids and in large or
    hot particles, the lowest place of g(r) there, smoothed with a Gaussian of 0.035 of the peak's distance.

    Raises
    ------
    InputError
        For fewer than 3 atoms.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    if len(points) < 3:
        raise InputError(f"the shells of neighbours take at least 3 atoms; there are {len(points)}")
    spacing = float(np.median(nearest_distances(points)))
    pairs = cKDTree(points).query_pairs(2.2 * spacing, output_type="ndarray")
    distances = np.sort(np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1))
    edges = np.arange(0.4, 2.2, _STEP) * spacing
    r = 0.5 * (edges[1:] + edges[:-1])
    count = np.histogram(distances, bins=edges)[0].astype(float)
    g = gaussian_filter1d(count, _SMOOTHING / _STEP, mode="constant") / r**2
    near = (r > 0.7 * spacing) & (r < 1.35 * spacing)
    peak = float(r[near][g[near].argmax()])
    low, high = _SEARCH[0] * peak, _SEARCH[1] * peak
    inside = distances[(distances > low) & (distances < high)]
    ends = np.concatenate([[low], inside, [high]])
    gaps = np.diff(ends)
    widest = int(gaps.argmax())
    if gaps[widest] > _EMPTY * peak:
        start, stop = float(ends[widest]), float(ends[widest + 1])
        # the stretch reaches to the next pairs, also where these lie beyond the range of the search
        if widest == 0:
            start = float(distances[distances <= low].max(initial=0.0))
        if widest == len(gaps) - 1:
            stop = float(distances[distances >= high].min(initial=2.2 * spacing))
        return FirstMinimum(r=(start + stop) / 2, peak=peak, low=start, high=stop, basis="empty stretch")
    valley = (r > low) & (r < high)
    lowest = float(r[valley][g[valley].argmin()])
    return FirstMinimum(r=lowest, peak=peak, low=lowest, high=lowest, basis="lowest density")
