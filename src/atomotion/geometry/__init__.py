"""Rotations as unit quaternions, and how point sets are aligned and matched.

Quaternions are (w, x, y, z) and rotate actively: a point x of the particle lies at R(q) x in the laboratory. Angles are
in degrees where a name ends in ``_deg``, lengths in the unit of the points.
"""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Alignment": "alignment",
        "align": "alignment",
        "angle_between": "rotations",
        "angle_to_nearest_copy": "symmetry",
        "compose": "rotations",
        "consistent_part": "symmetry",
        "fundamental_zone": "rotation_grid",
        "grid_size": "rotation_grid",
        "inverse": "rotations",
        "lattice_copies": "symmetry",
        "match_points": "matching",
        "matrices_from_quaternions": "rotations",
        "quaternions_from_matrices": "rotations",
        "quaternions_from_vectors": "rotations",
        "random_quaternions": "rotations",
        "rotate": "rotations",
        "rotation_onto": "rotations",
        "rotation_group": "symmetry",
        "small_random_quaternions": "rotations",
        "super_fibonacci": "rotation_grid",
    },
)
