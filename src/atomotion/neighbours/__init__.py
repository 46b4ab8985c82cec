"""Who is near whom: neighbour pairs, coordination, the radial distribution function, and the lattice that atoms form.

All functions take positions (n, 3) x y z in Å; nothing is periodic. Pairs are listed in both directions.
"""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "FirstMinimum": "radial",
        "Grains": "grains",
        "LatticeFit": "lattice",
        "Neighbours": "pairs",
        "RadialDistribution": "radial",
        "bond_indices": "sites",
        "coordination_numbers": "coordination",
        "coordination_radius": "coordination",
        "cubic_rotations": "sites",
        "find_grains": "grains",
        "first_minimum": "radial",
        "fit_lattice": "lattice",
        "generalized_coordination_numbers": "coordination",
        "nearest_distances": "pairs",
        "nearest_sites": "sites",
        "neighbour_pairs": "pairs",
        "radial_distribution": "radial",
    },
)
