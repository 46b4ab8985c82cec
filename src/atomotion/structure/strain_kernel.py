"""Strain as paper 001 defines it: the gradient of a kernel-weighted mean of the displacements."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.neighbours import LatticeFit, Neighbours, nearest_distances, neighbour_pairs
from atomotion.structure.strain import Strain

_REACH = 4.0
_TRIED_REACH = 3.0
_TRIED = np.geomspace(1.4, 6.0, 12)


def kernel_strain(
    positions: ArrayLike,
    lattice: LatticeFit,
    *,
    bulk: float,
    sigma: float = 2.0,
    centre: ArrayLike | None = None,
    axes: Literal["laboratory", "crystal"] = "laboratory",
) -> Strain:
    r"""Strain by differentiating the kernel-weighted mean displacement.

    .. math:: u(r) = \frac{\sum_j u_j\, K_j(r)}{\sum_j K_j(r)}, \quad K_j = e^{-|r - r_j|^2 / 2\sigma^2}, \quad
              \epsilon = \tfrac12 (\nabla u + \nabla u^T), \quad
              \epsilon_{rr} = \hat n \cdot \nabla u_r, \quad u_{r,j} = |r_j - r_c| - |r_{FCC,j} - r_c|

    with the displacements ``u_j = r_j - r_FCC,j`` from the sites of a bulk lattice that is turned and shifted onto the
    fitted one. The gradient is analytic.

    A weighted mean of what lies on one side only pulls its own gradient towards zero: at the surface the strain comes
    out too small, and the radial strain everywhere in a small particle. `retained` and `retained_radial` say how much
    is left: what the same atoms show for ``u_j = r_j - r_c``. Nothing is corrected.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    lattice : LatticeFit
        One lattice for the whole particle; where that has twins the displacements of the other grains mean nothing.
    bulk : float [Å]
        Lattice constant without strain.
    sigma : float [Å]
    centre : (3,) float [Å] or None
        None is the mean position.
    axes : "laboratory" or "crystal"

    References
    ----------
    Meana-Pañeda et al., Sci. Adv. 11 (2025), "Strain analysis". Its program differs: finite differences over a lattice
    constant with shortened steps at the surface, axes taken to be x, y and z, and 3.912 Å for the bulk constant of Pt.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    middle = points.mean(axis=0) if centre is None else np.asarray(centre, dtype=float)
    rotation = lattice.rotation
    sites, displacement = bulk_displacements(points, lattice, bulk)
    neighbours = neighbour_pairs(points, _REACH * sigma)
    gradient = _gradient(neighbours, displacement, sigma)
    tensor = 0.5 * (gradient + np.swapaxes(gradient, 1, 2))
    outwards = np.linalg.norm(points - middle, axis=1) - np.linalg.norm(sites - middle, axis=1)
    even = np.trace(_gradient(neighbours, points - middle, sigma), axis1=1, axis2=2) / 3.0
    if axes == "crystal":
        tensor = rotation.T @ tensor @ rotation
    distance = np.linalg.norm(points - middle, axis=1)
    direction = (points - middle) / np.maximum(distance, 1e-9)[:, None]

    def along(values: NDArray[np.float64], at_centre: NDArray[np.float64]) -> NDArray[np.float64]:
        slope = _gradient(neighbours, values[:, None], sigma)[:, 0]
        return np.where(distance > 0.01, np.einsum("ni,ni->n", direction, slope), at_centre)

    return Strain(
        tensor=tensor,
        radial=along(outwards, np.trace(tensor, axis1=1, axis2=2) / 3.0),
        sigma=float(sigma),
        retained=even,
        retained_radial=along(distance, even),
    )


def bulk_displacements(
    positions: NDArray[np.float64], lattice: LatticeFit, bulk: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sites of the bulk lattice, and displacements of the atoms from them, (n, 3) [Å].

    The bulk lattice has the orientation of the fitted one, and is shifted so that the displacements of the atoms on
    sites are zero in the mean.
    """
    sites = lattice.indices * bulk / 2.0 @ lattice.rotation.T
    displacement = positions - sites
    shift = displacement[lattice.on_site].mean(axis=0)
    return sites + shift, displacement - shift


def leave_one_out_sigma(positions: ArrayLike, values: ArrayLike, *, linear: bool = False) -> float:
    """The kernel width [Å] that predicts every atom's value best from those of the others.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    values : (n, k) float
        Displacements, for paper 001's choice of its width.
    linear : bool
        Predict by a local linear fit instead of a weighted mean.

    Returns
    -------
    float
        Out of 12 widths from 1.4 Å, half a bond of Pt (below that an atom hardly sees its neighbours, and a gradient is
        lost), to 6 Å, evenly spaced on a logarithmic scale.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    given = np.asarray(values, dtype=float).reshape(len(points), -1)
    spacing = float(np.median(nearest_distances(points)))
    errors = []
    for sigma in _TRIED:
        neighbours = neighbour_pairs(points, max(_TRIED_REACH * float(sigma), 2.0 * spacing))
        weight = np.exp(-0.5 * (neighbours.distances / sigma) ** 2) + 1e-12
        predicted = _linear(neighbours, weight, given) if linear else _mean(neighbours, weight, given)
        errors.append(float(np.nanmean((given - predicted) ** 2)) if np.isfinite(predicted).mean() > 0.9 else np.inf)
    return float(_TRIED[int(np.argmin(errors))])


def _mean(neighbours: Neighbours, weight: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = neighbours.sums(weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        return neighbours.sums(weight[:, None] * values[neighbours.second]) / total[:, None]


def _linear(neighbours: Neighbours, weight: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    design = np.concatenate([np.ones((len(weight), 1)), neighbours.vectors], axis=1)
    normal = neighbours.sums(weight[:, None, None] * design[:, :, None] * design[:, None, :])
    right = neighbours.sums(weight[:, None, None] * design[:, :, None] * values[neighbours.second][:, None, :])
    # a ridge that matters only where the neighbours lie in a plane
    scale = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    return np.linalg.solve(normal + 1e-9 * (scale + 1e-9) * np.eye(4), right)[:, 0]


def _gradient(neighbours: Neighbours, values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Gradient (n, k, 3) at each atom of the kernel-weighted mean of values (n, k): d value_k / d x."""
    weight = np.exp(-0.5 * (neighbours.distances / sigma) ** 2)
    total = 1.0 + neighbours.sums(weight)
    mean = (values + neighbours.sums(weight[:, None] * values[neighbours.second])) / total[:, None]
    rest = values[neighbours.second] - mean[neighbours.first]
    slopes = neighbours.sums(weight[:, None, None] * rest[:, :, None] * neighbours.vectors[:, None, :])
    return slopes / (sigma**2 * total)[:, None, None]
