"""The files of the stage reconstruct: every column and key in one sentence."""

from atomotion.project.outputs import Column, OutputFile

KEYS = (
    Column("series", "The stack of boxes that was used."),
    Column("window", "Number of the time window, from 1; null for the whole series."),
    Column("frame_start", "First frame of the movie in it."),
    Column("frame_stop", "The frame after the last."),
    Column("t0_s", "Beginning of the window; null without times."),
    Column("t1_s", "Its end."),
    Column("element", "Element of the atoms."),
    Column("atoms", "Atoms found."),
    Column("images", "Images used."),
    Column("method", "evidence or published."),
    Column("boxes", "raw or denoised."),
    Column("start", "What the images were first matched with: fcc, twin, icosahedron, decahedron, none or atoms."),
    Column("starts", "Where several were tried, the mean fit of some images to densities without them, by start."),
    Column("diameter_A", "Diameter of the start; found by the evidence unless the scan is off."),
    Column("lattice_A", "Lattice constant of the start; found likewise."),
    Column("defocus_A", "Defocus that was used; found likewise; null where no transfer is applied."),
    Column("held_out_z", "Mean fit, in standard deviations of noise, of images to a density that they are no part of."),
    Column("model_z", "Mean fit of the images to the atoms, in the same unit."),
    Column("log_evidence", "Log evidence per image of the path through the start's orientations; null without order."),
    Column("copy_ambiguity", "Share of the images that fit another lattice copy within two standard deviations."),
    Column("unseen_directions_fraction", "Share of the directions from which no image looks, to within 10 degrees."),
    Column("half_atom_agreement", "Share of the atoms whose places in two halves of the images are within 0.5 Å."),
    Column("half_rmsd_A", "Error of the atoms' places by the two halves, root mean square."),
    Column("fsc_0143_A", "Where the correlation of the half maps falls below 0.143: how repeatable, not how right."),
    Column("position_sigma_median_A", "Median standard error of a position along an axis."),
    Column("b_factor_A2", "Debye-Waller factor of all atoms together, with whatever else blurs the images."),
    Column("u_iso_median_A2", "Median mean-square displacement of an atom along an axis, likewise."),
    Column("validation_correlation_mean", "Mean correlation of the density around atoms with that of whole ones."),
    Column("rotation_step_deg", "Turn from one image to the next, root mean square; null without order."),
    Column("rotational_diffusion_rad2_per_s", "Rotational diffusion coefficient, mean over running windows."),
    Column("time_halves", "What both halves in time have in common; null unless `split_halves` asks for them."),
    Column("trusted", "Whether nothing speaks against the result; null for the published method, which tests nothing."),
    Column("reasons", "What speaks against it, a sentence each."),
    Column("notes", "What is missing or doubtful, a sentence each."),
    Column("facts", "Every number that was looked at; see docs/methods/reconstruction_verdict.md."),
)

OUTPUTS = (
    OutputFile(
        name="atoms.xyz",
        about="The atoms as extended XYZ: occupancy, position_sigma_A, and, not for the published method, "
        "worst_sigma_A (along the direction known worst), validation_correlation, u_iso_A2 and u_iso_sigma_A2; t0, t1 "
        "in its info.",
    ),
    OutputFile(name="atoms.pdb", about="The same atoms, with position_sigma_A in the field of B-factors."),
    OutputFile(name="density.mrc", about="The density from all images; its origin is that of the atoms."),
    OutputFile(
        name="density_half1.mrc",
        about="The density from one half of the images; not for `half_sets = false`.",
        optional=True,
    ),
    OutputFile(name="density_half2.mrc", about="The density from the other half.", optional=True),
    OutputFile(name="poses.star", about="Orientation and shift of every box, as RELION and SIMPLE read them."),
    OutputFile(
        name="poses.csv",
        about="One row per box.",
        columns=(
            Column("box", "Number of the box in the stack, from 0."),
            Column("frame", "Its frame of the movie."),
            Column("time_s", "Its time; empty where it is not known."),
            Column("q_w", "Orientation: unit quaternion w x y z of an active rotation."),
            Column("q_x", "See `q_w`."),
            Column("q_y", "See `q_w`."),
            Column("q_z", "See `q_w`."),
            Column("dx_A", "Where the particle's origin lies to the right of the box's pixel n // 2."),
            Column("dy_A", "The same downwards."),
            Column("z", "Fit to the atoms in standard deviations of noise."),
            Column("copy_margin", "By how many of them it fits this pose better than any other lattice copy of it."),
            Column("weight", "Its weight in the density."),
            Column("turn_deg", "Turn since the box before; empty for the first, and without order."),
        ),
    ),
    OutputFile(
        name="rotation.csv",
        about="Rotational diffusion in running windows of a hundred boxes; missing without order in time.",
        columns=(
            Column("middle_s", "Mean time of the boxes; their number without times."),
            Column("diffusion_rad2_per_s", "D of <θ²> = 6 D t; per box without times."),
            Column("low_rad2_per_s", "Lower end of its 95 % interval."),
            Column("high_rad2_per_s", "Upper end of its 95 % interval."),
            Column("pose_error_deg", "Error of a pose that boxes up to three apart show."),
        ),
        optional=True,
    ),
    OutputFile(
        name="time_halves.xyz",
        about="With `split_halves = time`: the atoms of both halves in time in one frame, with the array fate: common, "
        "displaced, lost, gained.",
        optional=True,
    ),
    OutputFile(
        name="fsc.csv",
        about="Correlation of the half maps by spatial frequency; missing without half sets.",
        columns=(Column("frequency_per_A", "Spatial frequency."), Column("correlation", "Correlation of the shell.")),
        optional=True,
    ),
    OutputFile(name="summary.json", about="The reconstruction in numbers; null for what is not known.", columns=KEYS),
)
