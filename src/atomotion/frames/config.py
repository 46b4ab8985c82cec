"""Parameters of the two-dimensional analysis of frames, and of the windows proposed from it."""

from dataclasses import dataclass, field
from typing import Literal

from atomotion.data import parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowsConfig:
    """Windows: the stretches of frames that are to be reconstructed, each as one structure."""

    method: Literal["calibrated", "published"] = parameter(
        "calibrated",
        "Calibrated: change points of the size against a null from the series itself; published: share of crystalline "
        "frames, and size changes of one monolayer.",
    )
    given: str | None = parameter(
        None, "Windows given by hand, first frame and the one after the last, e.g. '0-400,450-800'."
    )
    min_frames: int = parameter(100, "Shortest window.", unit="frames", low=10)
    max_frames: int | None = parameter(None, "Longest window; longer ones are cut evenly.", unit="frames", low=20)
    min_views: int = parameter(10, "Fewest distinct views of a window that is worth reconstructing.", low=1)
    alpha: float = parameter(
        0.01, "Probability that a particle which does not change is cut in two.", low=1e-4, high=0.5
    )
    smallest_change: float = parameter(
        0.1, "Smallest change of the number of atoms, as a part of it, that makes a new window.", low=0.0, high=1.0
    )
    monolayer: float | None = parameter(
        None,
        "Largest change of the diameter within a window; the distance of (111) planes if not given.",
        unit="Å",
        low=0.1,
    )
    gap: float = parameter(
        0.15, "Where the lattice is weaker than this part of its median, the particle counts as out of sight.",
        low=0.0, high=1.0,
    )  # fmt: skip
    block_frames: int = parameter(
        25, "Frames that stay together when the null is drawn; longer than the particle looks alike.", unit="frames",
        low=1,
    )  # fmt: skip
    resamples: int = parameter(300, "Series drawn for the null.", low=50, high=100_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassesConfig:
    """Classes: averages of frames that are neighbours in time, turned onto each other in the image plane."""

    frames: int = parameter(20, "Frames of a class at the start; 0 makes no classes.", unit="frames", low=0)
    iterations: int = parameter(5, "Rounds of assignment and averaging.", low=1, high=100)
    longest: float = parameter(3.0, "Longest period that is compared.", unit="Å", low=1.0)
    reach: float = parameter(1.8, "Farthest shift of a frame in its class.", unit="Å", low=0.0)
    reject_below: float = parameter(
        4.0, "A frame is rejected whose likeness to its class lies this many robust standard deviations too low.",
        low=1.0,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class FramesConfig:
    """What every frame shows of the lattice, and the size of the particle over time.

    Single frames give lattice peaks, where noise leaves them visible. The size comes from the energy of the lattice
    around the particle's centre, pooled over frames, whatever the orientations.
    """

    longest: float = parameter(2.63, "Longest period of the lattice bands.", unit="Å", low=1.0, high=10.0)
    shortest: float = parameter(1.25, "Shortest period of the lattice bands.", unit="Å", low=0.3, high=5.0)
    threshold: float | None = parameter(
        None, "Fourier peak, over the background, from which a frame is crystalline; from all peaks if not given.",
        low=0.0,
    )  # fmt: skip
    alpha: float = parameter(
        0.01, "Chance that noise makes a peak as high anywhere in a frame; peaks above are used.", low=1e-12, high=0.5
    )
    size_frames: int = parameter(
        200, "Frames around each frame that its diameter is pooled over.", unit="frames", low=10
    )
    element: str | None = parameter(
        None, "Element of the particle; helps to name the lattice peaks (first ring taken as (111) if not given)."
    )
    region: bool = parameter(True, "Find the crystalline region of every crystalline frame.")
    seed: int = parameter(0, "Seed of the null of the change points.", low=0)
    classes: ClassesConfig = field(default_factory=ClassesConfig)
    windows: WindowsConfig = field(default_factory=WindowsConfig)
