"""The parameters of the tracking methods."""

from dataclasses import dataclass

from atomotion.data import parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftConfig:
    """How the rigid drift of a movie is estimated.

    Every frame is compared with the average of its neighbours in time, in a band of spatial frequencies. The path of
    all frames together is the most probable one for a sample that moves smoothly but for a jitter.
    """

    finest_px: float = parameter(4.0, "Finest period in the frame that is used, in its own pixels.", unit="px", low=2.0)
    coarsest: float = parameter(
        2.5,
        "Coarsest period that is used goes this many times into the frame, so that uneven illumination is not.",
        low=1.0,
    )
    max_size_px: int = parameter(512, "Frames larger than this are binned first.", unit="px", low=32)
    reference_frames: int = parameter(
        200, "Frames around each frame, in time, that it is compared with the average of.", unit="frames", low=2
    )
    jitter_px: float | None = parameter(
        None, "Standard deviation of the motion about a smooth path; estimated from the movie if not given.", unit="px",
        low=0.001,
    )  # fmt: skip
    search_px: float = parameter(
        10.0, "Farthest that a frame may lie from the smooth path of its neighbours.", unit="px", low=2.0
    )
    check: bool = parameter(True, "Estimate twice more, from halves of the spatial frequencies, to know the error.")
    chunk_frames: int | None = parameter(
        None,
        "Frames averaged for the first, coarse path; as few as show the sample if not given.",
        unit="frames",
        low=1,
    )
