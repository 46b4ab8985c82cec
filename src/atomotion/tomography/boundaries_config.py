"""The parameters of the boundaries of windows in three dimensions."""

from dataclasses import dataclass

from atomotion.data import parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundariesConfig:
    """Where windows begin and end, by what the images say of every atom.

    The models of all windows are laid on each other; then every image says which atoms were there when it was taken.
    Boundaries go to where atoms come or go, windows whose atoms are the same become one, and a window within which
    atoms come or go becomes two.
    """

    min_frames: int = parameter(100, "Shortest window.", low=30, unit="frames", group="windows")
    max_frames: int | None = parameter(
        None, "Windows are not merged beyond this length.", low=30, unit="frames", group="windows"
    )
    smallest_change: float = parameter(
        0.03, "Part of the atoms that has to come, go or move for a window of its own.", low=0.0, high=1.0,
        group="windows",
    )  # fmt: skip
    tolerance: int = parameter(
        5, "A boundary that would move by no more stays: its windows need no new reconstruction.", low=0, unit="frames",
        group="windows",
    )  # fmt: skip
    move: bool = parameter(True, "Move boundaries to where the atoms change.", group="windows")
    split: bool = parameter(True, "Split windows within which atoms change.", group="windows")
    merge: bool = parameter(True, "Merge neighbouring windows whose atoms are the same.", group="windows")
    strength_change: float = parameter(
        0.4, "By how much the strength of an atom has to change to count, in units of one atom.", low=0.1, high=1.0,
        group="atoms",
    )  # fmt: skip
    displacement: float = parameter(
        0.8, "An atom that moves farther counts as changed.", unit="Å", low=0.1, high=3.0, group="atoms"
    )
    resolution: float = parameter(
        1.2, "Shortest period that is used, as of the reconstructions.", unit="Å", low=0.5, high=3.0, group="band"
    )
    focal_spread: float = parameter(
        0.0, "Spread of the defocus, as of the reconstructions.", unit="Å", low=0.0, high=500.0, group="band"
    )
    longest: float = parameter(
        3.5, "Longest period that is used, as of the reconstructions.", unit="Å", low=2.0, high=50.0, group="band"
    )
    mask_margin: float = parameter(
        2.5, "How much larger than the particle the mask is, on each side.", unit="Å", low=0.5, high=20.0, group="band"
    )
