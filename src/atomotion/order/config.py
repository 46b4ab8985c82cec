"""Parameters of the order of frames, of periods, fringes, regions and trends."""

from dataclasses import dataclass, field
from typing import Literal

from atomotion.data import parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderConfig:
    """How ordered every frame is (ALPS), and whether it differs from vacuum.

    Every frame is divided, smoothed, and swept through all intensity thresholds; ALPS sums up how long its dark (or
    bright) blobs last. The vacuum test compares it with frames of pure noise.
    """

    sigma_px: float = parameter(
        2.0, "Width of the Gaussian that smooths every frame first; 0 for none.", unit="px", low=0.0, high=100.0
    )
    denoised_sigma_px: float = parameter(
        0.0, "The same for denoised frames, which need none.", unit="px", low=0.0, high=100.0
    )
    divisor: float | None = parameter(
        None, "Stored units per electron: frames become whole counts, frame / divisor rounded.", low=1e-9
    )
    dimension: int = parameter(0, "What is followed: 0 for blobs, 1 for loops around them.", low=0, high=1)
    level: Literal["auto", "sublevel", "superlevel"] = parameter(
        "auto", "Follow dark blobs (sublevel) or bright ones (superlevel); auto takes the movie's contrast, else dark."
    )
    null: Literal["poisson", "empirical"] = parameter(
        "poisson", "Vacuum noise: Poisson with the vacuum's mean, or counts drawn from the vacuum's own histogram."
    )
    null_frames: int = parameter(500, "Simulated vacuum frames of the vacuum test.", low=20, high=1_000_000)
    correction: Literal["bh", "by"] = parameter(
        "bh", "Correction for many frames: Benjamini-Hochberg, or Benjamini-Yekutieli (any dependence, stricter)."
    )
    alpha: float = parameter(0.05, "Share of false discoveries that the vacuum test allows.", low=1e-6, high=0.5)
    bad_frames: Literal["refuse", "skip"] = parameter(
        "refuse", "Constant frames and frames with values that are not numbers: stop, or leave their numbers empty."
    )
    seed: int = parameter(0, "Seed of the simulated vacuum frames.", low=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class FringesConfig:
    """Lattice fringes of a period: their spacing and direction.

    The strongest peak of the averaged power spectrum inside the polygon, where it stands out of the spectrum's
    background at the same spacing.
    """

    shortest_px: float = parameter(2.5, "Shortest spacing looked for.", unit="px", low=2.0)
    longest_px: float | None = parameter(
        None, "Longest spacing looked for; a quarter of the polygon's diameter if not given.", unit="px", low=2.0
    )
    alpha: float = parameter(
        0.001,
        "Chance that noise makes a peak as high, anywhere in the search, below which it is taken.",
        low=1e-12,
        high=0.5,
    )
    frames: int = parameter(200, "Most frames of a period that are used, evenly spread.", unit="frames", low=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class KindsConfig:
    """What kind of particle a movie shows, from the shares of its labelled periods."""

    most_share: float = parameter(
        0.9, "Share of the frames from which on a particle is ordered, or disordered, throughout.", low=0.5, high=1.0
    )
    least_share: float = parameter(
        0.05, "Share of the frames that order and disorder must both fill for a particle to be changing.", low=0.0,
        high=0.5,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class PeriodsConfig:
    """Periods of order and disorder: where the curve of a movie changes level, and what each period is called.

    Change points are found on the whole curve; every period gets a label by a rule that it states.
    """

    min_frames: int = parameter(8, "Shortest period.", unit="frames", low=2)
    penalty: float = parameter(
        4.0, "What a change point must gain, in noise variances times ln(frames); more gives fewer periods.", low=0.1
    )
    rule: Literal["auto", "levels", "relative"] = parameter(
        "auto",
        "How periods are labelled: by ALPS over vacuum, by this curve's levels, or by levels where there is no vacuum.",
    )
    min_contrast: float = parameter(
        1.0, "Levels differ by at least this many standard deviations of the frames within a period.", low=0.0
    )
    ordered_above: float = parameter(1.3, "ALPS over vacuum from which a period is ordered.", low=0.0)
    disordered_below: float = parameter(1.1, "ALPS over vacuum up to which a period is disordered.", low=0.0)
    alpha: float = parameter(
        0.05, "Probability of vacuum from which a whole period cannot be told from it.", low=1e-6, high=0.5
    )
    fringes: FringesConfig = field(default_factory=FringesConfig)
    kinds: KindsConfig = field(default_factory=KindsConfig)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegionConfig:
    """Where the particle is, and where there is only vacuum.

    Found from what stands out of the noise: intensity, structure that stays, structure that moves.
    """

    frames: int = parameter(
        100, "Most frames that are looked at, in pairs spread over the movie.", unit="frames", low=4
    )
    threshold: float = parameter(
        4.5, "Standard errors of the noise above which a pixel belongs to the specimen.", low=2.0, high=100.0
    )
    min_diameter_px: float = parameter(16.0, "Smallest particle.", unit="px", low=4.0)
    min_vacuum_px: float = parameter(24.0, "Shortest side of a vacuum region.", unit="px", low=8.0)
    margin_px: float = parameter(
        8.0, "Distance of the vacuum from the specimen and the frame's border.", unit="px", low=0.0
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrendConfig:
    """Order against particle size over several movies."""

    min_particles: int = parameter(4, "Particles from which on a line is fitted through their means.", low=3)
