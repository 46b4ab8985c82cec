"""Parameters of the comparison of states: which atoms are the same, how states lie on each other, scores, and all."""

from dataclasses import dataclass, field
from typing import Literal

from atomotion.data import parameter
from atomotion.data.errors import UsageError
from atomotion.structure.config import StructureConfig
from atomotion.structure.kinds_config import DynamicsConfig

# name: (largest distance [Å], rule); papers 001 and 004 take 2.2 Å for the diameter of platinum
MATCHING_PRESETS: dict[str, tuple[float, Literal["optimal", "mutual"]]] = {
    "half_spacing": (1.39, "optimal"),
    "meana2025": (1.10, "optimal"),
    "kang2025": (2.77, "mutual"),
    "wietfeldt2024": (1.76, "optimal"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchingConfig:
    """Which atoms of two aligned states are the same atom.

    Pairs are one to one and no farther apart than the limit. Half of the nearest-neighbour distance of platinum,
    1.39 Å, is the largest limit at which a site of a lattice has one partner only.
    """

    limit: float = parameter(1.39, "Largest distance between two positions of one atom.", unit="Å", low=0.01, high=10.0)
    rule: Literal["optimal", "mutual"] = parameter(
        "optimal", "The most pairs with the smallest sum of distances, or only atoms that are each other's nearest."
    )


def matching_preset(name: str) -> MatchingConfig:
    """The rule of a paper, by name.

    ``half_spacing``: 1.39 Å, the default. ``meana2025`` (paper 001): half the diameter of an atom, 1.10 Å.
    ``kang2025`` (paper 002): atoms that are each other's nearest within the nearest-neighbour distance, 2.77 Å.
    ``wietfeldt2024`` (paper 004): 0.8 diameters, 1.76 Å.

    Raises
    ------
    UsageError
        For an unknown name.
    """
    if name not in MATCHING_PRESETS:
        raise UsageError(f"unknown rule of matching {name!r}; known are {', '.join(MATCHING_PRESETS)}")
    limit, rule = MATCHING_PRESETS[name]
    return MatchingConfig(limit=limit, rule=rule)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignmentConfig:
    """How one state is laid on another.

    Every orientation and every lattice vector is tried; the copy that leaves the fewest atoms without a partner, and
    the others nearest to theirs, is taken.
    """

    search: Literal["all", "given"] = parameter(
        "all", "Try every lattice copy, or only improve the position that the states are given in."
    )
    mirror: bool = parameter(False, "Try the mirror images too, where the hand of a state is not known.")
    reach: float = parameter(
        8.0, "Farthest that the centres of mass may lie apart afterwards.", unit="Å", low=0.0, high=50.0
    )
    tie: float = parameter(
        0.5,
        "Another copy of the lattice, or a mirror, must be better than the position given by this.",
        unit="atoms",
        low=0.0,
    )
    matching: MatchingConfig = field(default_factory=MatchingConfig)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreConfig:
    """How a model is scored against the truth."""

    limit: float = parameter(1.0, "Largest distance of a found atom from its true place.", unit="Å", low=0.01, high=5.0)
    surface: int = parameter(9, "True atoms with at most this many neighbours are surface.", low=0, high=12)
    mirror: bool = parameter(True, "Try the mirror images too: projections do not tell the hand of a model.")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareConfig:
    """How the states of a trajectory are compared.

    Each is laid on the one before, matched with it, and measured as a structure is; the errors of the curves are those
    that the kind of dynamics takes.
    """

    farthest: float | None = parameter(
        None, "Longest way of an atom that counts as rearranged; any if not given.", unit="Å", low=0.1, high=1000.0
    )
    by_element: bool = parameter(True, "Atoms of different elements are never the same atom.")
    local_width: float = parameter(
        1.4, "Standard deviation of the window of the local correlation of densities.", unit="Å", low=0.3, high=20.0
    )
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)
    structure: StructureConfig = field(default_factory=StructureConfig)
