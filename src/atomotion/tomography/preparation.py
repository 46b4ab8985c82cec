"""Boxes as observations, and the start that they are first matched with."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from atomotion.data import Frames, InputError, UsageError
from atomotion.particles import lattice_constant
from atomotion.tomography.coefficients import box_coefficients
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.copies import folds_of
from atomotion.tomography.observations import Observations
from atomotion.tomography.response import Optics
from atomotion.tomography.start_models import StartModel, given_start, start_model
from atomotion.tomography.time_model import TimeModel

_FEWEST_IMAGES = 30
_LEAK = 1e-3
_COARSEST = 1.9  # Å: what a band must reach to show the lattice
_BAND_END = 0.97  # of the first zero of the transfer


def prepare(
    images: Frames,
    config: ReconstructionConfig,
    *,
    pixel_size: float,
    generator: torch.Generator,
    background: Frames | None = None,
    times: ArrayLike | None = None,
    box_centres: ArrayLike | None = None,
    optics: Optics | None = None,
    start_atoms: ArrayLike | None = None,
    device: torch.device | str = "cpu",
) -> tuple[Observations, StartModel]:
    """The images as observations, and the start that they are first matched with: FCC where it is "auto".

    Parameters as in `chain.reconstruct`.
    """
    optics = Optics() if optics is None else optics
    given = None if start_atoms is None else given_start(start_atoms, device=device)
    n, diameter = int(images.shape[0]), diameter_of(config, given)
    if n < _FEWEST_IMAGES:
        raise InputError(f"{n} images are too few to reconstruct from; at least {_FEWEST_IMAGES} are needed")
    lattice = lattice_of(config)
    highest = min(1.0 / config.resolution, _BAND_END * optics.first_zero(1.0 / config.longest))
    if highest * _COARSEST < 1.0:
        raise UsageError(
            f"the band ends at {1.0 / highest:.2f} Å, but the lattice shows itself below {_COARSEST} Å only; "
            "check the defocus, or pass a finer resolution"
        )
    kind = "fcc" if config.start == "auto" else config.start
    start = given or start_model(kind, config.element, diameter, lattice=lattice, device=device, seed=config.seed)
    margin = config.mask_margin
    coefficients = box_coefficients(
        images,
        pixel_size=pixel_size,
        radius=0.5 * diameter + margin,
        resolution=1.0 / highest,
        longest=config.longest,
        background=background,
        device=device,
    )
    step = config.rotation_deg / np.sqrt(3.0) if config.ordered else None
    observations = Observations(
        coefficients=coefficients,
        element=config.element,
        optics=optics,
        time=TimeModel(step_deg=step, leak=_LEAK, gaps=_gaps(times, n)),
        folds=folds_of(n, config.folds, ordered=config.ordered, generator=generator).to(coefficients.plane.device),
        spacing=lattice / np.sqrt(2.0),
        radius=0.5 * diameter + margin + 1.0,
        centre_error=config.centre_error,
        box_centres=_places(box_centres, n),
        centre_step=config.centre_step,
        symmetry=start.symmetry,
    )
    return observations, start


def _gaps(times: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Time between neighbouring images in units of the usual one."""
    if times is None:
        return np.ones(n - 1)
    given = np.asarray(times, dtype=float)
    if given.shape != (n,):
        raise InputError(f"{given.size} times for {n} images; give one for each")
    gaps = np.diff(given)
    if not (gaps > 0).all():
        raise InputError("the times of the images do not ascend; sort the images, or call them unordered")
    return np.asarray(gaps / np.median(gaps))


def _places(box_centres: ArrayLike | None, n: int) -> NDArray[np.float64] | None:
    if box_centres is None:
        return None
    places = np.asarray(box_centres, dtype=float)
    if places.shape != (n, 2):
        raise InputError(f"the places of the boxes have the shape {places.shape}; give x and y of all {n} images")
    return places


def diameter_of(config: ReconstructionConfig, start: StartModel | None = None) -> float:
    """The diameter [Å] that is stated, or that of the atoms that are started from.

    Raises
    ------
    UsageError
        Where neither is given.
    """
    if config.diameter is not None:
        return config.diameter
    if start is None or start.kind != "atoms":
        raise UsageError("the diameter of the particle is not known; pass diameter, to an angstrom or two")
    return 2.0 * float(start.model.positions.norm(dim=1).max()) + 1.0


def lattice_of(config: ReconstructionConfig) -> float:
    """The lattice constant [Å] that is stated, or that of the element."""
    return config.lattice or lattice_constant(config.element)
