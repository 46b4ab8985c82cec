"""The whole way from boxes to atoms."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from atomotion.data import DensityMap, Frames, InputError, Poses, UsageError
from atomotion.geometry.rotations import quaternions_from_matrices
from atomotion.geometry.symmetry import rotation_group
from atomotion.particles import lattice_constant
from atomotion.tomography.candidates import group_copies
from atomotion.tomography.coefficients import box_coefficients
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.copies import Assignment, folds_of, settle_copies
from atomotion.tomography.exploration import DENSITY_MISMATCH, PRIOR_SPREAD, explore
from atomotion.tomography.forward import AtomModel
from atomotion.tomography.half_sets import density_of, position_errors, refine_halves
from atomotion.tomography.joint import good_weights
from atomotion.tomography.observations import Observations
from atomotion.tomography.peaks import finer
from atomotion.tomography.reconstruction import Reconstruction
from atomotion.tomography.refinement import Refined, first_model, refine
from atomotion.tomography.response import Optics
from atomotion.tomography.shifts import shift_grid
from atomotion.tomography.start import centre_spread, first_orientations
from atomotion.tomography.templates import soft_sphere
from atomotion.tomography.time_model import TimeModel

_FEWEST_IMAGES = 30
_LEAK = 1e-3
_COARSEST = 1.9  # Å: what a band must reach to show the lattice
# Å; a path through time is right to a few degrees and coarse densities tell its copies apart badly; without order the
# first densities are too blurred for more
_COPIES_RESOLUTION = {True: 1.3, False: 1.9}
_ITERATIONS = 12
_BAND_END = 0.97  # of the first zero of the transfer
_STAGES = 5


def reconstruct(
    images: Frames,
    config: ReconstructionConfig,
    *,
    pixel_size: float,
    background: Frames | None = None,
    times: ArrayLike | None = None,
    box_centres: ArrayLike | None = None,
    optics: Optics | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    on_step: Callable[[int, int], None] | None = None,
) -> Reconstruction:
    """The atoms of a nanocrystal from boxes of it in many unknown orientations.

    Parameters
    ----------
    images : (n, y, x)
        Raw boxes by preference: a denoiser mixes neighbouring orientations and bends weak spots to strong ones.
    config : ReconstructionConfig
    pixel_size : float [Å]
    background : (b, y, x) or None
        Boxes beside the particle, from which the power of the noise is known; None takes the rim of the images.
    times : (n,) float or None
        When each image was taken, ascending, in any unit; None: at equal intervals.
    box_centres : (n, 2) float, x y [Å] or None
        Where pixel n // 2 of every box lies in the movie. With it the particle is held to a smooth path.
    optics : Optics or None
        None: no transfer, bright atoms.
    seed : int
    device : torch device
    on_step : callable, optional
        Called with (done, total).

    Raises
    ------
    InputError
        For fewer than 30 images, boxes that do not hold the particle, times that do not fit, and images from which no
        density with atoms comes.
    """
    with torch.no_grad():
        generator = torch.Generator().manual_seed(seed)
        done = _Stages(on_step)
        observations, sphere = prepare(
            images,
            config,
            pixel_size=pixel_size,
            background=background,
            times=times,
            box_centres=box_centres,
            optics=Optics() if optics is None else optics,
            generator=generator,
            device=device,
        )
        start = first_orientations(observations, sphere, config)
        done()
        settled = _settled(observations, sphere, start.assignment, config, generator)
        done()
        explored = explore(observations, sphere, settled, start.alternatives, generator=generator)
        done()
        model, placed = first_model(observations, explored)
        refined = refine(observations, model, placed, rounds=config.rounds, sweeps=config.sweeps, generator=generator)
        done()
        result = _result(observations, refined, explored, start.log_evidence, config, generator)
        done()
        return result


class _Stages:
    def __init__(self, on_step: Callable[[int, int], None] | None) -> None:
        self._on_step, self._done = on_step, 0

    def __call__(self) -> None:
        self._done += 1
        if self._on_step is not None:
            self._on_step(self._done, _STAGES)


def prepare(
    images: Frames,
    config: ReconstructionConfig,
    *,
    pixel_size: float,
    background: Frames | None,
    times: ArrayLike | None,
    box_centres: ArrayLike | None,
    optics: Optics,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
) -> tuple[Observations, AtomModel]:
    """The images as observations, and the sphere that they are first matched with; parameters as in `reconstruct`."""
    n, diameter = int(images.shape[0]), config.diameter
    if diameter is None:
        raise UsageError("the diameter of the particle is not known; pass diameter, to an angstrom or two")
    if n < _FEWEST_IMAGES:
        raise InputError(f"{n} images are too few to reconstruct from; at least {_FEWEST_IMAGES} are needed")
    lattice = config.lattice or lattice_constant(config.element)
    highest = min(1.0 / config.resolution, _BAND_END * optics.first_zero(1.0 / config.longest))
    if highest * _COARSEST < 1.0:
        raise UsageError(
            f"the band ends at {1.0 / highest:.2f} Å, but the lattice shows itself below {_COARSEST} Å only; "
            "check the defocus, or pass a finer resolution"
        )
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
    )
    return observations, soft_sphere(config.element, diameter, lattice=lattice, device=device)


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


def _settled(
    observations: Observations,
    sphere: AtomModel,
    start: Assignment,
    config: ReconstructionConfig,
    generator: torch.Generator,
) -> Assignment:
    """The images on common lattice copies: from the path through time, or from the best of several random starts."""
    used, response = observations.at(mismatch=DENSITY_MISMATCH, resolution=_COPIES_RESOLUTION[config.ordered])
    group = rotation_group("O")
    spread = centre_spread(observations.centre_error)

    def settle(begin: Assignment) -> Assignment:
        return settle_copies(
            used,
            response,
            sphere,
            begin,
            group=group,
            time=observations.time,
            folds=observations.folds,
            iterations=_ITERATIONS,
            prior_spread=PRIOR_SPREAD,
            radius=observations.radius,
            shifts=shift_grid(2.3 * spread, 0.4, device=observations.device),
            spread=spread,
        )

    if config.ordered:
        return settle(start)
    found = [settle(_at_random_copies(start, group, generator)) for _ in range(config.starts)]
    return max(found, key=lambda each: each.held_out_z)


def _at_random_copies(start: Assignment, group: NDArray[np.float64], generator: torch.Generator) -> Assignment:
    copies = group_copies(start.rotations, group)
    half_turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0])).to(copies)
    both = torch.cat([copies, half_turn @ copies], dim=1)
    pick = torch.randint(both.shape[1], (len(both),), generator=generator).to(copies.device)
    rows = torch.arange(len(both), device=copies.device)
    return replace(start, rotations=both[rows, pick])


def _result(
    observations: Observations,
    refined: Refined,
    explored: Assignment,
    log_evidence: float,
    config: ReconstructionConfig,
    generator: torch.Generator,
) -> Reconstruction:
    halves = (
        refine_halves(observations, refined, sweeps=config.sweeps, generator=generator) if config.half_sets else None
    )
    density, voxel_size = density_of(observations, refined.placed)
    fine = finer(density)
    model, placed = refined.model, refined.placed
    return Reconstruction(
        element=config.element,
        positions=_array(model.positions),
        occupancies=_array(model.occupancies / model.occupancies.median()),
        sigmas=position_errors(observations, refined, halves),
        b_factor=model.b_factor,
        density=DensityMap(
            values=fine.cpu().numpy(),
            voxel_size=voxel_size * len(density) / len(fine),
            half1=None if halves is None else finer(torch.from_numpy(halves.maps[0])).numpy(),
            half2=None if halves is None else finer(torch.from_numpy(halves.maps[1])).numpy(),
        ),
        poses=Poses(
            quaternions=quaternions_from_matrices(_array(placed.rotations)),
            shifts=_array(placed.shifts),
            score=_array(placed.z),
            weight=_array(good_weights(placed, 0.1)),
        ),
        copy_margins=_array(refined.margin),
        held_out_z=explored.held_out_z,
        log_evidence=log_evidence,
        halves=None if halves is None else halves.agreement,
    )


def _array(values: Tensor) -> NDArray[np.float64]:
    return values.double().cpu().numpy()
