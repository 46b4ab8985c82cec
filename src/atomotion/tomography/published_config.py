"""The parameters of the published reconstruction."""

from dataclasses import dataclass
from typing import Literal

from atomotion.data import parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedConfig:
    """The reconstruction of papers 001 and 002, for comparison.

    Every image takes the best of a fixed set of directions, with its rotation in the plane and its displacement; a
    density is made of all images, and matched again. After some iterations atoms are found in it, and the density that
    they would make is the next start, until the atoms stay the same. Nothing tests the copies that the lattice leaves.
    """

    on_atom: bool = parameter(
        True, "Centre the start on an atom; otherwise on a place of the lattice drawn by the seed.", group="particle"
    )
    mask_diameter: float | None = parameter(
        None, "Diameter of the soft mask; 1.5 times that of the particle, as far as boxes go, if not given.",
        unit="Å", low=6.0, high=200.0, group="band",
    )  # fmt: skip
    low_pass: float = parameter(1.5, "Shortest period that is matched.", unit="Å", low=0.5, high=3.0, group="band")
    later_low_pass: float | None = parameter(
        None, "Shortest period from the second round on; the same if not given, and 1.0 Å in the program.",
        unit="Å", low=0.5, high=3.0, group="band",
    )  # fmt: skip
    high_pass: float = parameter(3.0, "Longest period that is matched.", unit="Å", low=2.0, high=50.0, group="band")
    finest: float | None = parameter(
        None, "Shortest period in the density; two pixels if not given.", unit="Å", low=0.3, high=1.5, group="band"
    )
    directions: int = parameter(2500, "Directions of projection, on the whole sphere.", low=50, high=50_000,
        group="search",
    )  # fmt: skip
    coarse: int = parameter(500, "Directions that are tried first.", low=20, high=50_000, group="search")
    neighbourhood_deg: float = parameter(
        10.0, "Directions so near the three best of these, and the one before, are tried next.", low=1.0, high=90.0,
        unit="deg", group="search",
    )  # fmt: skip
    reach_px: float = parameter(
        5.0, "Largest displacement of the particle in its box along each axis.", unit="px", low=0.5, high=50.0,
        group="search",
    )  # fmt: skip
    first_shifts: Literal["zero", "searched"] = parameter(
        "zero", "Displacements at first: none, as published, or searched together with the coarse directions.",
        group="search",
    )  # fmt: skip
    rounds: int = parameter(5, "Rounds of refinement and model building, at most.", low=1, high=20, group="loop")
    iterations: int = parameter(10, "Iterations of refinement in each round, at most.", low=1, high=200, group="loop")
    overlap: float = parameter(
        0.98, "Share of the images that keep their direction at which a round ends; 0.98 in the program.", low=0.5,
        high=1.0, group="loop",
    )  # fmt: skip
    trailing: float = parameter(
        0.5, "Share of the iteration before in each density; 0.5 in the program.", low=0.0, high=0.95, group="loop"
    )
    icm: Literal["published", "corrected", "none"] = parameter(
        "published", "Prior on neighbouring voxels of the half maps: as published, by measured noise, or none.",
        group="loop",
    )  # fmt: skip
    icm_strength: float = parameter(0.1, "Strength of the published prior.", low=0.0, high=100.0, group="loop")
    model_building: Literal["published", "own"] = parameter(
        "published", "Thresholds, removal of lonely atoms and positions as in papers 001 and 004, or as `atoms` does.",
        group="loop",
    )  # fmt: skip
