"""The parameters of the noise measurement."""

from dataclasses import dataclass

from atomotion.data import parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseConfig:
    """How the noise of a raw movie is measured.

    Every frame is looked at once for outliers. The gain and the correlations come from `max_frames` frames in runs of
    consecutive ones spread over the movie, and in each from small windows with `max_pixels` pixels in all.
    """

    max_frames: int = parameter(256, "Frames that the gain and the correlations are measured on.", unit="frames", low=2)
    max_pixels: int = parameter(
        262_144, "Pixels per frame that the gain and the correlations are measured on.", low=1024
    )
    run_frames: int = parameter(
        8, "Consecutive frames that are compared with each other.", unit="frames", low=2, high=64
    )
    window_px: int = parameter(32, "Side of the windows that the frame is sampled by.", unit="px", low=8, high=256)
    white_limit: float = parameter(
        0.02, "Correlation below which noise counts as white, however sure the correlation is.", low=0.0, high=1.0
    )
    outlier_sd: float = parameter(
        8.0, "Robust standard deviations by which the mean or the spread of an outlier frame jumps.", low=3.0
    )
