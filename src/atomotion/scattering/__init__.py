"""The forward model: what potential atoms have, how it projects onto a detector, and what the microscope makes of it.

Kinematic: one projected potential, one linear transfer. The beam runs along +z, so that a projection is a sum over z;
index 0 of a grid is the centre of its first pixel or voxel, and the particle's origin lies at index n // 2.
"""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "AtomGaussians": "atom_gaussians",
        "ELEMENTS": "form_factors",
        "atomic_potential": "structure_factors",
        "contrast_transfer": "transfer",
        "density_of_atoms": "densities",
        "electron_form_factor": "form_factors",
        "frequency_grid": "transfer",
        "gaussian_atoms": "atom_gaussians",
        "interaction_constant": "electrons",
        "lobato_form_factor": "lobato",
        "peng_atoms": "atom_gaussians",
        "project_atoms": "projections",
        "project_density": "densities",
        "wavelength": "electrons",
        "weak_phase_contrast": "transfer",
    },
)
