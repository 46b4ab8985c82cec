"""Parameters of model building from a density, and of what is measured of its atoms."""

from dataclasses import dataclass
from typing import Literal

from atomotion.data import parameter

_FINDING, _CLEANING, _MEASURING = "finding", "cleaning", "measuring"


@dataclass(frozen=True, kw_only=True, slots=True)
class AtomsConfig:
    """How atoms are found in a density and measured.

    Lengths that are not given follow the element: distances between neighbours in the bulk metal, and the radius of an
    atom, 0.4 of that (1.11 Å for Pt).
    """

    resolution: float | None = parameter(
        None,
        "Finest period that is used to find atoms; 1.0 Å, or two voxels where that is coarser, if not given.",
        unit="Å", low=0.3, high=5.0, group=_FINDING,
    )  # fmt: skip
    invert: bool = parameter(False, "Atoms are dark in the map.", group=_FINDING)
    region: Literal["auto", "whole"] = parameter(
        "auto", "Look for atoms in the one region that stands out, or in the whole map.", group=_FINDING
    )
    search: Literal["exhaustive", "published"] = parameter(
        "exhaustive",
        "Try every threshold that changes the set of atoms, joined ones split before; or as paper 004: uniform ones, "
        "then finer ones, and split after.",
        group=_FINDING,
    )
    thresholds: int = parameter(
        15, "Uniform thresholds of the published search, and as many finer ones.", low=3, high=1000, group=_FINDING
    )
    threshold: float | None = parameter(
        None,
        "Threshold in units of the median height of the atoms that the search finds; instead of the found one.",
        low=0.01, high=1.5, group=_FINDING,
    )  # fmt: skip
    atom_radius: float | None = parameter(
        None, "Radius of an atom; 0.4 of the distance of neighbours in the bulk if not given.",
        unit="Å", low=0.5, high=3.0, group=_FINDING,
    )  # fmt: skip
    separation: float | None = parameter(
        None,
        "Least distance of two atoms; 0.7 of the distance of neighbours in the bulk if not given.",
        unit="Å", low=0.5, high=4.0, group=_FINDING,
    )  # fmt: skip
    least_voxels: int = parameter(3, "Voxels of the smallest atom.", low=1, high=1000, group=_FINDING)
    validation_cut: float | None = parameter(
        None,
        "Leave out atoms whose validation correlation is this many standard deviations below the mean; 2 in paper 004.",
        low=0.5, high=10.0, group=_CLEANING,
    )  # fmt: skip
    validation_window: Literal["sphere", "cube"] = parameter(
        "sphere", "Validate in a sphere of 1.5 radii around the atom, or in a cube of 3 radii.", group=_CLEANING
    )
    coordination: Literal["single", "capped", "published", "none"] = parameter(
        "single",
        "Which outer atoms are too lonely: those without a neighbour, those below the threshold of paper 001, that "
        "threshold held at half the bulk's coordination as its program does, or none.",
        group=_CLEANING,
    )
    outer_share: float = parameter(
        0.15, "Share of the atoms, farthest from their mean position, that this rule may remove.", low=0.0, high=1.0,
        group=_CLEANING,
    )  # fmt: skip
    least_neighbours: int = parameter(
        0, "Leave out atoms with fewer neighbours, outer or not; 3 in paper 004.", low=0, high=12, group=_CLEANING
    )
    positions: Literal["fitted", "mass"] = parameter(
        "fitted", "Positions from the joint fit of all atoms, or centres of mass as published.", group=_MEASURING
    )
    occupancy: Literal["free", "shared"] = parameter(
        "free",
        "Occupancies of the joint fit: free, or shared by all atoms that are likely whole. Shared ones make "
        "displacements less noisy, and too large for partial atoms that are taken for whole.",
        group=_MEASURING,
    )
    fit_resolution: float | None = parameter(
        None,
        "Finest period of the joint fit, to which the map must be complete; found from the map if not given.",
        unit="Å", low=0.4, high=3.0, group=_MEASURING,
    )  # fmt: skip
    fit_radius: float | None = parameter(
        None, "Voxels so near an atom enter its fit; 0.62 of the distance of neighbours in the bulk if not given.",
        unit="Å", low=0.5, high=5.0, group=_MEASURING,
    )  # fmt: skip
    voxels_average: bool = parameter(
        True, "A voxel holds the mean over its cube, not the value at its centre.", group=_MEASURING
    )
