"""Atoms in densities: where they are, how surely, and how far each is displaced.

`build_model` makes the whole model of a `DensityMap`; below it are the steps that it is made of, functions on arrays.
Maps (z, y, x) show atoms bright; positions (n, 3) are x y z in Å.
"""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "AtomModel": "model",
        "AtomsConfig": "config",
        "Band": "band",
        "Components": "components",
        "CoordinationCut": "lonely",
        "FilteredMap": "filtered_map",
        "FittedAtoms": "joint_fit",
        "FoundAtoms": "found_atoms",
        "Grid": "anisotropic",
        "ModelCorrelation": "threshold",
        "PeakWidths": "log_widths",
        "PrincipalAxes": "principal_axes_of_tensors",
        "ThresholdSearch": "threshold",
        "Transfer": "band",
        "band_up_to": "band",
        "build_model": "model",
        "bulk_spacing": "element_facts",
        "density_on_grid": "anisotropic",
        "find_atoms": "found_atoms",
        "find_peaks": "filtered_map",
        "fit_atoms": "joint_fit",
        "matched_filter": "filtered_map",
        "maximum_intensities": "intensities",
        "measure_transfer": "band",
        "occupancies": "model",
        "particle_region": "filtered_map",
        "passes_validation": "validation",
        "principal_axes": "principal_axes_of_tensors",
        "published_widths": "log_widths",
        "remove_lonely": "lonely",
        "search_all": "threshold",
        "search_uniform": "threshold",
        "simulated_density": "simulated",
        "split_components": "components",
        "tensors": "anisotropic",
        "validation_correlations": "validation",
        "whole_probabilities": "whole_atoms",
    },
)
