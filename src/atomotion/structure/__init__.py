"""What coordinates alone say about a particle: measures of every atom and of the whole.

`measure_atoms` gives the table of all atoms and `summarise_particle` the numbers of the particle; below them are the
pieces that they are made of, functions on positions (n, 3) x y z in Å.
"""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "BondAngles": "bonds",
        "BondOrder": "orientational",
        "Contraction": "bonds",
        "CrystallinityScore": "score",
        "DisorderTrend": "disorder_trend",
        "Facet": "facets",
        "LocalStructure": "arrangements",
        "Particle": "particle",
        "Penetration": "penetration",
        "PlanarDefect": "planes",
        "Size": "size",
        "Strain": "strain",
        "StructureConfig": "config",
        "Surface": "surface",
        "SurfaceSites": "facets",
        "angle_deviations": "bonds",
        "bond_angles": "bonds",
        "bond_order": "orientational",
        "bond_similarity": "orientational",
        "bulk_lattice": "bulk",
        "by_coordination": "binned",
        "check_spacing": "plausible",
        "crystalline_atoms": "orientational",
        "crystallinity_score": "score",
        "find_surface": "surface",
        "fit_disorder": "disorder_trend",
        "kernel_strain": "strain_kernel",
        "leave_one_out_sigma": "strain_kernel",
        "linear_strain": "strain",
        "local_structure": "arrangements",
        "mean_bond_lengths": "bonds",
        "measure_atoms": "table",
        "particle_size": "size",
        "penetration_depth": "penetration",
        "planar_defects": "planes",
        "prepared_particle": "particle",
        "radial_depth": "penetration",
        "summarise_particle": "summary",
        "surface_contraction": "bonds",
        "surface_sites": "facets",
    },
)
