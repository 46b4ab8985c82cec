"""Named movies, for demonstrations and for comparisons that must all look at the same thing."""

import difflib
from collections.abc import Callable
from dataclasses import replace

from atomotion.data.errors import UsageError
from atomotion.simulate.config import CameraConfig, MovieConfig, SurroundingsConfig


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


def liquid_cell(*, low_dose: bool = False) -> MovieConfig:
    """A 314-atom Pt particle that tumbles in a graphene liquid cell, as the corrected microscope of 300 kV sees it.

    White atoms (Cs -11 µm, overfocus 80 Å), 400 frames of 256 x 256 pixels of 0.358 Å every 2.5 ms at 50 e/Å² per
    frame, or at low dose 15; rotation by 6° and diffusion by 0.15 Å root mean square per frame, two sheets of graphene,
    100 Å of water, an integrating camera. The contrast is the lens's own.
    """
    return MovieConfig(
        kind="truncated_octahedron",
        diameter=20.8,
        frames=400,
        width_px=256,
        height_px=256,
        pixel_size=0.358,
        frame_time=2.5e-3,
        dose=15.0 if low_dose else 50.0,
        image="transfer",
        contrast="bright",
        atom_contrast=None,
        cs=-1.1e5,
        defocus=-80.0,
        focal_spread=10.0,
        rotation_deg=6.0,
        rotation_memory=0.5,
        diffusion=0.15,
        drift_walk=0.02,
        surroundings=SurroundingsConfig(graphene=2, water="noise"),
        camera=CameraConfig(mode="integrating"),
    )


def liquid_cell_five_particles() -> MovieConfig:
    """Five Pt particles of 15 to 21 Å in a liquid cell, in 320 x 320 pixels; else as `liquid_cell`."""
    return replace(liquid_cell(), particles=5, diameter=18.0, size_spread=0.17, width_px=320, height_px=320)


def liquid_cell_etching() -> MovieConfig:
    """A Pt particle that loses 20 atoms at each of three times in 800 frames; else as `liquid_cell`."""
    return replace(liquid_cell(), frames=800, change="etching", states=4, changed_atoms=20)


RECIPES: dict[str, Callable[[], MovieConfig]] = {
    "rotating_pt": rotating_pt,
    "switching_particle": switching_particle,
    "switching_particle_low_dose": lambda: switching_particle(low_dose=True),
    "liquid_cell": liquid_cell,
    "liquid_cell_low_dose": lambda: liquid_cell(low_dose=True),
    "liquid_cell_five_particles": liquid_cell_five_particles,
    "liquid_cell_etching": liquid_cell_etching,
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
