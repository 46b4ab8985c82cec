"""What the stage ``frames`` writes."""

from atomotion.project.outputs import Column, OutputFile

FRAMES = OutputFile(
    name="frames.csv",
    about="One row per box of the series.",
    columns=(
        Column("frame", "Number of the frame in the movie."),
        Column("box", "Number of the box in the series, from 0."),
        Column("time_s", "Its time; empty where the frame time is not known."),
        Column("peak", "Largest Fourier peak in the lattice band, over the background of the series."),
        Column("crystalline", "Whether it is above the threshold (`threshold` in frames.json)."),
        Column("lattice_parameter_A", "Lattice parameter from the frame's peaks; empty without peaks above noise."),
        Column("lattice_parameter_error_A", "Its standard error."),
        Column("zone_axis", "Guess: 110, 100, 111, 211 or 310; `row` for fringes of one direction; else empty."),
        Column("region_diameter_A", "Diameter of the circle with the area of the crystalline region."),
        Column("region_x_px", "Centre of the crystalline region in the box, pixels from the first."),
        Column("region_y_px", "The same downwards."),
        Column("centre_x_px", "Centre of the particle in the box, from frames around this one."),
        Column("centre_y_px", "The same downwards."),
        Column("diameter_A", "Diameter pooled over the frames around, from the energy of the lattice."),
        Column("diameter_low_A", "Lower end of its 95 % interval."),
        Column("diameter_high_A", "Upper end."),
        Column("sharpness", "Root mean square contrast of the lattice on the particle, that around it taken off."),
        Column("class", "Class of neighbours in time that the frame is most like; -1 for none."),
        Column("class_likeness", "Correlation with that class without the frame itself."),
        Column("rejected", "Whether the frame is better left out."),
        Column("note", "Why it is rejected."),
        Column("window", "Number of its window in windows.csv, from 1; empty outside of all."),
    ),
)

WINDOWS = OutputFile(
    name="windows.csv",
    about="One row per window: the stretches proposed for reconstruction. The table may be edited by hand.",
    columns=(
        Column("window", "Its number, from 1."),
        Column("frame_start", "Its first frame, in the numbers of the movie."),
        Column("frame_stop", "The frame after its last."),
        Column("t0_s", "Time of its first frame; empty where the frame time is not known."),
        Column("t1_s", "Time at which its last frame ends; empty where the frame time is not known."),
        Column("frames", "Boxes in it."),
        Column("crystalline_frames", "How many of them are crystalline."),
        Column("rejected_frames", "How many of them are rejected."),
        Column("views", "About how many distinct views of the particle it holds."),
        Column("diameter_A", "Mean diameter."),
        Column("diameter_error_A", "Standard error of noise and orientation."),
        Column("lattice_parameter_A", "Median of its frames; empty without peaks."),
        Column("reason", "Why it begins where it begins."),
    ),
)

SUMMARY = OutputFile(
    name="frames.json",
    about="The series in a few numbers.",
    columns=(
        Column("frames", "Boxes of the series."),
        Column("pooled_from", "Which boxes the size over time comes from: raw or denoised."),
        Column("judged_from", "Which boxes single frames are judged by: raw or denoised."),
        Column("threshold", "Largest peak from which a frame is crystalline."),
        Column("threshold_reason", "How it was found."),
        Column("bimodal", "Whether the peaks fall into two kinds."),
        Column("noise_peak", "Peak that noise alone exceeds with the chosen probability."),
        Column("crystalline_frames", "How many frames are crystalline."),
        Column("rejected_frames", "How many frames are rejected."),
        Column("lattice_parameter_A", "Median over the frames; null without peaks."),
        Column("lattice_parameter_error_A", "Its standard error."),
        Column("diameter_first_A", "Diameter at the beginning."),
        Column("diameter_last_A", "Diameter at the end."),
        Column("changes", "Changes of size: box, relative change of the number of atoms, gain, and gain needed."),
        Column("monolayer_A", "Largest change of the diameter within a window."),
        Column("windows", "How many windows are proposed."),
        Column("frames_in_windows", "Boxes in them."),
        Column("notes", "What to know before using the windows, a sentence each."),
    ),
)

AVERAGES = OutputFile(
    name="classes.mrcs",
    about="Averages of the classes, in the order of time; only where classes are made.",
    optional=True,
)

OUTPUTS = (FRAMES, WINDOWS, SUMMARY, AVERAGES)
