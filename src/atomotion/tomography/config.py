"""The parameters of the reconstruction."""

from dataclasses import dataclass, field
from typing import Literal

from atomotion.data import parameter
from atomotion.tomography.published_config import PublishedConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconstructionConfig:
    """How atoms are reconstructed from boxes of one particle that turns.

    Every box is matched with a sphere of a lattice in all orientations; a hidden Markov model finds the path of the
    rotation; images vote on which of the copies that the lattice leaves (48 for FCC) they lie; then a density, its
    peaks, and a refinement of atoms and poses against the images themselves.
    """

    element: str = parameter("Pt", "Element of the atoms.", group="particle")
    lattice: float | None = parameter(
        None, "Lattice constant of the start; that of the element if not given.", unit="Å", low=2.0, high=8.0,
        group="particle",
    )  # fmt: skip
    diameter: float | None = parameter(
        None, "Diameter of the particle, to an angstrom or two; that of the window, or measured, if not given.",
        unit="Å", low=6.0, high=100.0, group="particle",
    )  # fmt: skip
    start: str = parameter(
        "auto",
        "What the images are first matched with: fcc, twin, icosahedron, decahedron, none (no lattice: the order in "
        "time alone), a file of atoms, or auto, which tries the four lattices and keeps what predicts images best.",
        group="particle",
    )
    scan: bool = parameter(
        True, "Improve the diameter, the lattice constant and the defocus before all else.", group="particle"
    )
    rotation_deg: float = parameter(
        6.0, "Root-mean-square rotation from one image to the next.", unit="deg", low=0.1, high=40.0, group="motion"
    )
    ordered: bool = parameter(True, "Whether the images follow each other in time.", group="motion")
    centre_error: float = parameter(
        0.6, "Error of the boxes' centres along each axis, root mean square.", unit="Å", low=0.05, high=3.0,
        group="motion",
    )  # fmt: skip
    centre_step: float = parameter(
        0.15, "Displacement of the particle from image to image along each axis, root mean square.", unit="Å",
        low=0.001, high=5.0, group="motion",
    )  # fmt: skip
    resolution: float = parameter(
        1.2, "Shortest period that is used; the first zero of the transfer ends the band earlier.", unit="Å", low=0.5,
        high=3.0, group="band",
    )  # fmt: skip
    longest: float = parameter(3.5, "Longest period that is used.", unit="Å", low=2.0, high=50.0, group="band")
    focal_spread: float = parameter(
        0.0, "Spread of the defocus that the microscope's instabilities make, standard deviation.", unit="Å", low=0.0,
        high=500.0, group="band",
    )  # fmt: skip
    mask_margin: float = parameter(
        2.5, "How much larger than the particle the mask is, on each side.", unit="Å", low=0.5, high=20.0, group="band"
    )
    grid_deg: float = parameter(
        4.0, "Mean spacing of the orientations that are tried first.", unit="deg", low=1.0, high=8.0, group="search"
    )
    search: Literal["auto", "full", "amplitudes"] = parameter(
        "auto",
        "Match by all coefficients, by amplitudes first (clean images only), or as the noise asks.",
        group="search",
    )
    folds: int = parameter(
        8, "Parts of the images; each is compared with densities of the others.", low=3, high=50, group="search"
    )
    starts: int = parameter(
        4, "Starts from random lattice copies without order in time; the best held-out fit is kept.", low=1, high=50,
        group="search",
    )  # fmt: skip
    rounds: int = parameter(3, "Rounds of refinement, pose search and change of atoms.", low=1, high=20, group="model")
    sweeps: int = parameter(4, "Steps of atoms and poses in each round.", low=1, high=50, group="model")
    doubtful: bool = parameter(False, "Write a result even where something speaks against it.", group="model")
    seed: int = parameter(0, "Seed of everything that is random.", low=0, group="search")
    half_sets: bool = parameter(
        True, "Refine two halves of the images separately, for errors and resolution.", group="model"
    )
    split_halves: Literal["none", "time"] = parameter(
        "none", "Reconstruct the first and the second half in time apart as well, and compare them.", group="model"
    )
    method: Literal["evidence", "published"] = parameter(
        "evidence",
        "By evidence, from raw boxes and with tested lattice copies; or as published, which does not know whether it "
        "is right.",
        group="method",
    )
    boxes: Literal["raw", "denoised"] = parameter(
        "raw", "Boxes to use, where a series has both; papers 001 and 002 take denoised ones.", group="method"
    )
    published: PublishedConfig = field(default_factory=PublishedConfig)
