"""Named movies, for demonstrations and for comparisons that must all look at the same thing."""

import difflib
from collections.abc import Callable

from atomotion.data.errors import UsageError
from atomotion.simulate.config import MovieConfig


def rotating_pt() -> MovieConfig:
    """A 116-atom Pt octahedron, ordered throughout, that tumbles by 1.2° per frame at 6.25 e/Å² per frame.

    Gaussian atoms of 0.55 Å without long wavelengths, 300 frames of 128 x 128 pixels of 0.2 Å, drift of 0.15 Å per
    frame, and 0.25 electrons per pixel: a single pixel of vacuum has a signal-to-noise ratio of 0.50.
    """
    return MovieConfig(
        kind="truncated_octahedron",
        diameter=14.9,
        frames=300,
        pixel_size=0.2,
        dose=6.25,
        atom_contrast=0.36,
        rotation_deg=1.2,
        drift_walk=0.15,
    )


def switching_particle(*, low_dose: bool = False) -> MovieConfig:
    """A 314-atom Pt particle near a <110> axis that melts and orders again three times.

    Dark atomic columns through a lens (300 kV, underfocus), 220 frames of 160 x 160 pixels of 0.25 Å at 75 frames/s,
    with 3 electrons per pixel, as in measured movies, or at low dose 0.4.
    """
    return MovieConfig(
        kind="truncated_octahedron",
        diameter=20.8,
        frames=220,
        width_px=160,
        height_px=160,
        pixel_size=0.25,
        dose=6.4 if low_dose else 48.0,
        image="transfer",
        atom_contrast=0.08,
        start="110",
        cone_deg=3.0,
        rotation_deg=0.4,
        rotation_memory=0.5,
        drift_walk=0.05,
        periods="40 25 45 30 35 20 25",
    )


RECIPES: dict[str, Callable[[], MovieConfig]] = {
    "rotating_pt": rotating_pt,
    "switching_particle": switching_particle,
    "switching_particle_low_dose": lambda: switching_particle(low_dose=True),
}


def recipe(name: str) -> MovieConfig:
    """The config of a named movie; change it with `dataclasses.replace`.

    Raises
    ------
    UsageError
        For an unknown name, naming the nearest.
    """
    if name not in RECIPES:
        nearest = difflib.get_close_matches(name, RECIPES, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(RECIPES)}"
        raise UsageError(f"unknown recipe {name!r}; {hint}")
    return RECIPES[name]()
