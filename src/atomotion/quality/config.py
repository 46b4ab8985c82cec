"""The parameters of judging a denoised movie."""

from dataclasses import dataclass

from atomotion.data import parameter

_TRUST = "trust"


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityConfig:
    """How well a movie was denoised, without a clean one to compare with.

    Everything is measured on the movie itself. Networks are judged by others of their kind, trained on parts of the
    movie, because a network that has learned from a pixel has no right to be judged by it.
    """

    budget: float = parameter(
        180.0,
        "Networks: wall time for training those that judge: two on either half of the movie, one on thinned counts; 0 "
        "leaves them out.",
        unit="s",
        low=0.0,
        group=_TRUST,
    )
    kept: float = parameter(
        0.8, "Part of the electrons that a denoiser sees when counts are thinned; the rest judges it.", low=0.05,
        high=0.95,
    )  # fmt: skip
    max_frames: int = parameter(
        400, "Consecutive frames, from the middle of the movie, that everything is measured on.", unit="frames", low=8
    )
    max_side_px: int = parameter(
        1024, "Side of the middle of the frame that everything is measured on.", unit="px", low=32
    )
    band_from: float = parameter(1.7, "Lattice band: shortest wavelength.", unit="Å", low=0.1)
    band_to: float = parameter(3.0, "Lattice band: longest wavelength.", unit="Å", low=0.1)
    sum_frames: int = parameter(
        32, "Frames whose raw sum is compared with the sum of the denoised ones.", unit="frames", low=1
    )
    frames_each_side: int | None = parameter(
        None, "Frames before and after that a denoised frame depends on; by default as denoise.json says.", low=0
    )
    seed: int = parameter(0, "Seed of thinning and resampling.", low=0)
