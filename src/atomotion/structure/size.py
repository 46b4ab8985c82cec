"""How large a particle is: largest distance, convex hull, projections."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from atomotion.data import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """Diameters of a particle, between the centres of its atoms.

    Parameters
    ----------
    largest_distance : float [Å]
        Between any two atoms: the diameter of paper 004.
    hull_diameter : float [Å]
        Of the sphere with the volume of the convex hull: the diameter of paper 002.
    hull_volume : float [Å³]
    projected_diameter : float [Å]
        Of the circle with the area of the hull's projection along z, the beam.
    mean_projected_diameter : float [Å]
        The same for the mean area over all directions, a quarter of the hull's surface (Cauchy): what images of a
        tumbling particle show.
    """

    largest_distance: float
    hull_diameter: float
    hull_volume: float
    projected_diameter: float
    mean_projected_diameter: float


def particle_size(positions: ArrayLike) -> Size:
    """The diameters of a particle.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]

    Raises
    ------
    InputError
        For fewer than 4 atoms, and atoms in one plane.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    try:
        hull = ConvexHull(points)
        shadow = ConvexHull(points[hull.vertices, :2])
    except (QhullError, ValueError) as error:
        raise InputError(
            f"these {len(points)} atoms have no volume; a particle takes 4 atoms, not in one plane"
        ) from error
    return Size(
        largest_distance=float(pdist(points[hull.vertices]).max()),
        hull_diameter=float(np.cbrt(6.0 * hull.volume / np.pi)),
        hull_volume=float(hull.volume),
        # the "volume" of a hull in the plane is its area
        projected_diameter=float(np.sqrt(4.0 * shadow.volume / np.pi)),
        mean_projected_diameter=float(np.sqrt(hull.area / np.pi)),
    )


def largest_distance(positions: NDArray[np.float64]) -> float:
    """Largest distance [Å] between two of the points (n, 3)."""
    return particle_size(positions).largest_distance
