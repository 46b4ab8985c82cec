"""The files of the stage atoms: every column and key in one sentence."""

from atomotion.project.outputs import Column, OutputFile

_U = "of the mean-square displacement"

ATOM_COLUMNS = (
    Column("atom", "Number of the atom, from 0."),
    Column("element", "Its element."),
    Column("x_A", "Position, in the frame of the map's origin."),
    Column("y_A", "Position."),
    Column("z_A", "Position."),
    Column("occupancy", "Its amplitude over the median of the inner half of the atoms; 1 is a whole atom."),
    Column("occupancy_error", "Standard error of the occupancy."),
    Column("whole_probability", "How likely the atom is a whole one, 0 to 1; `occupancy` is drawn to 1 by it."),
    Column("position_error_A", "Standard error of the position along one axis."),
    Column("validation_correlation", "Correlation of the map with the simulated map around the atom, -1 to 1."),
    Column("u_iso_A2", "Mean-square displacement along an axis beyond an atom at rest, a third of the tensor's trace."),
    Column("u_iso_error_A2", "Standard error of `u_iso_A2`."),
    Column("b_factor_A2", "8π² `u_iso_A2`."),
    *(Column(f"u_{name}_A2", f"Component {name} {_U} tensor.") for name in ("xx", "yy", "zz", "xy", "xz", "yz")),
    Column("u_maj_A2", "Displacement along the longest axis of the ellipsoid."),
    Column("u_med_A2", "Displacement along the middle axis."),
    Column("u_min_A2", "Displacement along the shortest axis; noise can make it negative."),
    *(Column(f"axis_maj_{along}", "Unit vector of the longest axis.") for along in "xyz"),
    *(Column(f"axis_min_{along}", "Unit vector of the shortest axis.") for along in "xyz"),
    Column("degree_of_isotropy", "`u_min_A2` over `u_maj_A2`."),
    Column("u_iso_published_A2", "Variance of the peak as paper 004 fits it: displacement, atom and blur together."),
    Column("u_maj_published_A2", "The same along the longest axis of the peak."),
    Column("u_med_published_A2", "The same along the middle axis."),
    Column("u_min_published_A2", "The same along the shortest axis."),
    Column("degree_of_isotropy_published", "`u_min_published_A2` over `u_maj_published_A2`."),
    Column("isotropic_correlation", "Correlation of the map with the published isotropic Gaussian."),
    Column("anisotropic_correlation", "Correlation of the map with the published anisotropic Gaussian."),
    Column("max_intensity", "Highest voxel of the atom above the background, in the map's units."),
    Column("max_intensity_z_atom", "The same in standard deviations above the mean of the atom's own voxels."),
    Column("max_intensity_z_particle", "The same in standard deviations above the mean of the particle's voxels."),
    Column("coordination_number", "Atoms within 1.21 times the bulk's distance of neighbours."),
    Column("voxels", "Voxels of the atom above the threshold."),
    Column("measured_radius_A", "Longest distance from its centre of mass to one of them."),
    Column("joined", "Atoms in its connected component before that was split."),
    Column("mass_shift_A", "Distance of the position from the centre of mass."),
)

_SUMMARY_KEYS = (
    Column("file", "The map."),
    Column("element", "Element of all atoms."),
    Column("atoms", "How many atoms."),
    Column("voxel_size_A", "Size of a voxel."),
    Column("validation_correlation_mean", "Mean of the atoms' validation correlations."),
    Column("validation_correlation_sd", "Their standard deviation."),
    Column("map_correlation", "Correlation of the filtered map with that of the found atoms."),
    Column("threshold", "Threshold of the filtered map."),
    Column("thresholds_tried", "How many the search tried."),
    Column("joined_atoms", "Atoms that were split from a common component."),
    Column("lonely_removed", "Atoms that were removed for too few neighbours."),
    Column("coordination_threshold", "T_CN of that rule; 0 where it has none."),
    Column("validation_removed", "Atoms that were removed for a low validation correlation."),
    Column(
        "expected_false_atoms", "Atoms that noise makes, by the peaks outside of the particle; null: no room there."
    ),
    Column("fit_resolution_A", "Finest period of the joint fit, to which the map is complete."),
    Column("fit_residual", "What the fit leaves of the map near the atoms, root mean square."),
    Column("fit_rounds", "Rounds of the joint fit."),
    Column("fit_converged", "Whether it had settled."),
    Column("partial_atoms", "How many atoms are not whole, by the sum of their probabilities."),
    Column("u_iso_median_A2", "Median of the atoms' mean-square displacement."),
    Column("u_iso_error_median_A2", "Median of its standard errors."),
    Column("u_noise_bias_A2", "What noise adds to displacements on average; it has been subtracted."),
    Column("u_of_map_A2", "Displacement and blur of all atoms together, from the map's fall with frequency."),
    Column("u_common_maj_A2", "Displacement along the longest axis of the mean of all atoms' tensors."),
    Column("u_common_min_A2", "The same along its shortest axis; much less means that the map lacks views."),
    Column("u_iso_published_median_A2", "Median variance of the peaks."),
    Column("degree_of_isotropy_median", "Median degree of isotropy."),
    Column("degree_of_isotropy_published_median", "Median published degree of isotropy."),
    Column("nearest_distance_median_A", "Median distance to the nearest atom."),
    Column("atom_radius_A", "Radius that an atom was given."),
    Column("notes", "What to beware of, a sentence each."),
)

OUTPUTS = (
    OutputFile(name="atoms.xyz", about="The atoms with all columns of the table as arrays (extended XYZ)."),
    OutputFile(name="atoms.csv", about="Every atom.", columns=ATOM_COLUMNS),
    OutputFile(name="atoms.json", about="The model in a few numbers.", columns=_SUMMARY_KEYS),
    OutputFile(
        name="atoms.pdb", about="The atoms with one of the measures in the field of B-factors, 8π²U by default."
    ),
    OutputFile(
        name="atoms_simulated.mrc",
        about="The map that the atoms would make, whole and of one displacement, on the part of the map around them.",
    ),
    OutputFile(
        name="atoms_thresholds.csv",
        about="The search of the threshold.",
        columns=(
            Column("threshold", "Threshold of the filtered map."),
            Column("correlation", "Correlation of the filtered map with that of the atoms which it gives."),
            Column("atoms", "How many these are."),
        ),
    ),
    OutputFile(
        name="atoms_transfer.csv",
        about="What the map shows of its atoms by frequency.",
        columns=(
            Column("frequency_per_A", "Middle of the shell."),
            Column("transfer", "The map over the potential of the atoms at rest, in the map's units per V."),
            Column("correlation", "Correlation of the two in the shell."),
        ),
    ),
)
