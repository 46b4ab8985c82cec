"""Ideal particles and molten ones, as `ase.Atoms` with the particle's origin at (0, 0, 0).

Sizes are diameters in Å of the sphere that holds as many atoms of the bulk metal; shapes that come in steps (shells)
take the step nearest to it.
"""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "KINDS": "ideal",
        "cuboctahedron": "ideal",
        "decahedron": "ideal",
        "disordered": "disorder",
        "displaced": "surface_changes",
        "equivalent_diameter": "ideal",
        "etched": "surface_changes",
        "faulted_sphere": "ideal",
        "fcc_sphere": "ideal",
        "grown": "surface_changes",
        "icosahedron": "ideal",
        "lattice_constant": "ideal",
        "particle": "ideal",
        "successive_states": "surface_changes",
        "truncated_octahedron": "ideal",
        "twinned_sphere": "ideal",
    },
)
