"""The parameters of the tracking methods."""

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackConfig:
    """How particles are found and followed.

    A particle is where the lattice shows, or, where its contrast is strong enough, where it is dark or bright, added
    up over a few frames. Its path is the most probable one of a random walk through all frames.
    """

    diameter: float | None = parameter(
        None, "Diameter of the particles; measured if not given.", unit="Å", low=4.0, high=500.0, group="finding"
    )
    particles: int | None = parameter(None, "Follow only so many, those that show best.", low=1, group="finding")
    min_score: float = parameter(
        6.5,
        "A particle must stand out of the background of a short average by so many standard deviations.",
        low=3.0,
        group="finding",
    )
    find_every: int = parameter(200, "New particles are looked for so often.", unit="frames", low=1, group="finding")
    find_frames: int = parameter(12, "Frames in each of those averages.", unit="frames", low=1, group="finding")

    evidence: Literal["auto", "lattice", "blob"] = parameter(
        "auto",
        "What shows a particle: energy in the band of its lattice, or being darker or brighter than its surroundings; "
        "auto takes what stands out more.",
        group="following",
    )
    longest: float = parameter(
        2.5, "Longest lattice period; the band of Pt, Au, Pd, Ag is 1.8 to 2.5 Å.", unit="Å", low=0.3, group="following"
    )
    shortest: float = parameter(1.8, "Shortest lattice period.", unit="Å", low=0.2, group="following")
    chunk: int = parameter(30, "Frames in a chunk; chunks overlap by half.", unit="frames", low=2, group="following")
    search: float = parameter(
        12.0, "How far around its last place a particle is looked for.", unit="Å", low=2.0, group="following"
    )
    step: float | None = parameter(
        None,
        "Root-mean-square motion per frame along an axis; measured if not given.",
        unit="Å",
        low=0.001,
        group="following",
    )
    align: bool = parameter(
        True, "Compare every frame with the average of its neighbours too, where they show the same.", group="following"
    )
    max_gap: int = parameter(
        400,
        "A particle that is not seen for longer (out of focus, or with no lattice) is lost; shorter gaps are bridged.",
        unit="frames",
        low=1,
        group="following",
    )
    min_frames: int = parameter(30, "Shorter tracks are left out.", unit="frames", low=2, group="following")

    box_px: int | None = parameter(
        None, "Side of the boxes; 2.8 diameters if not given.", unit="px", low=8, group="boxes"
    )
    follow: Literal["raw", "denoised"] = parameter(
        "raw", "The movie in which particles are followed, where there is a denoised one.", group="boxes"
    )
    background: bool = parameter(True, "Keep a box of background beside the particle too.", group="boxes")


@dataclass(frozen=True, kw_only=True, slots=True)
class GrapheneConfig:
    """How graphene is found and removed.

    Each sheet is a set of plane waves with periods of 2.13, 1.23 and 1.065 Å, found in the mean power spectrum.
    """

    method: Literal["inpaint", "notch"] = parameter(
        "inpaint",
        "Inpaint measures the waves around the particles, continues them beneath and subtracts them; notch takes the "
        "spots out of the spectrum, and what the particle has there with them.",
    )
    max_sheets: int = parameter(6, "Look for so many sheets at most.", low=1, high=30)
    min_score: float = parameter(
        7.5, "A sheet must stand out of all directions by so many standard deviations.", low=3.0
    )
    smooth: float = parameter(40.0, "Inpaint: the waves' amplitude changes over this distance.", unit="Å", low=5.0)
    notch: float = parameter(
        0.052,
        "Notch: radius around a spot at 2.13 Å [1/Å]; 0.82 and 0.58 times that at 1.23 and 1.065 Å. The "
        "default is three pixels of the spectrum of a 160 px box at 0.358 Å.",
        low=0.001,
        high=0.2,
    )
    spectrum_frames: int = parameter(64, "Frames whose mean power spectrum is searched.", unit="frames", low=1)
