"""What the stage ``boundaries`` writes."""

from dataclasses import replace

from atomotion.project.outputs import Column, OutputFile
from atomotion.stages.frames_outputs import WINDOWS

SETTLED = replace(
    WINDOWS,
    about="One row per window, as the stage frames writes them, after the images were asked which atoms were there.",
)

EVIDENCE = OutputFile(
    name="evidence.csv",
    about="One row per box: how it fits the atoms of its window and of the windows beside it.",
    columns=(
        Column("frame", "Number of the frame in the movie."),
        Column("box", "Number of the box in the series, from 0."),
        Column("time_s", "Its time; empty where the frame time is not known."),
        Column("window_before", "Number of the window it was in before; empty outside of all."),
        Column("window", "Number of its window in windows.csv; empty outside of all."),
        Column("z", "Fit to the atoms of its window in standard deviations of noise; empty without a pose."),
        Column("correlation", "The same as the correlation of the image with the reprojected atoms, in the band used."),
        Column("log_ratio_before", "Log-likelihood with the atoms of the window before it, less that with its own."),
        Column("log_ratio_after", "The same of the window after it."),
        Column("strength", "How strong an atom of the core is in the images around, over the median."),
    ),
)

SUMMARY = OutputFile(
    name="boundaries.json",
    about="What became of the windows.",
    columns=(
        Column("windows_before", "How many windows there were."),
        Column("windows", "How many there are."),
        Column("with_model", "How many of those before had a reconstruction that can be believed."),
        Column("kept", "For each window the one before that it still is; null where it is to be reconstructed again."),
        Column("nearest", "For each window the one before whose atoms are a start for it; null without any."),
        Column("moved", "Boundaries that were moved: frame before, frame after."),
        Column("merged", "Frames of boundaries that were taken away."),
        Column("split", "Frames of boundaries that are new."),
        Column("changes", "Of each boundary that was judged: frame, atoms that go and come, gain and price in nats."),
        Column("notes", "What could not be judged, a sentence each."),
    ),
)

OUTPUTS = (SETTLED, EVIDENCE, SUMMARY)
