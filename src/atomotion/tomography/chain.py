"""The whole way from boxes to atoms."""

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from atomotion.data import DensityMap, Frames, Poses
from atomotion.geometry.rotations import quaternions_from_matrices
from atomotion.tomography.atom_agreement import agreement_with_density
from atomotion.tomography.atom_widths import fit_widths
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.copies import Assignment
from atomotion.tomography.exploration import explore
from atomotion.tomography.half_sets import atom_covariances, density_of, refine_halves
from atomotion.tomography.joint import good_weights
from atomotion.tomography.lost_images import found_again
from atomotion.tomography.model_evidence import WELL_EXPLAINED, explained_part, model_evidence
from atomotion.tomography.observations import Observations
from atomotion.tomography.peaks import finer
from atomotion.tomography.pose_search import MODEL_MISMATCH
from atomotion.tomography.preparation import prepare
from atomotion.tomography.reconstruction import Reconstruction
from atomotion.tomography.refinement import Refined, first_model, refine
from atomotion.tomography.response import Optics
from atomotion.tomography.settling import settled
from atomotion.tomography.start import first_orientations
from atomotion.tomography.starting_point import StartingPoint, starting_point
from atomotion.tomography.verdict import noise_z
from atomotion.tomography.without_lattice import orientations_without_lattice

_STAGES = 7
_ATTEMPTS = 3
_AFTERWARDS = 2  # rounds with images that were lost before


def reconstruct(
    images: Frames,
    config: ReconstructionConfig,
    *,
    pixel_size: float,
    background: Frames | None = None,
    times: ArrayLike | None = None,
    box_centres: ArrayLike | None = None,
    optics: Optics | None = None,
    start_atoms: ArrayLike | None = None,
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
    start_atoms : (n, 3) float, x y z [Å] or None
        Atoms to start from instead of what ``config.start`` says. They have no symmetry, so that every orientation is
        searched.
    seed : int
    device : torch device
    on_step : callable, optional
        Called with (done, total).

    Raises
    ------
    InputError
        For fewer than 30 images, boxes that do not hold the particle, times that do not fit, fewer than 10 atoms to
        start from, and images from which no density with atoms comes.
    UsageError
        For an unknown start, no diameter, and a band that ends before the lattice shows itself.
    """
    with torch.no_grad():
        generator = torch.Generator().manual_seed(seed)
        done = _Stages(on_step)
        point = starting_point(
            functools.partial(
                prepare,
                images,
                pixel_size=pixel_size,
                background=background,
                times=times,
                box_centres=box_centres,
                generator=generator,
                start_atoms=start_atoms,
                device=device,
            ),
            config,
            optics=Optics() if optics is None else optics,
            room=0.5 * pixel_size * min(images.shape[1:]),
            generator=generator,
            done=done,
        )
        observations, start = point.observations, point.start
        if start.kind == "none":
            first, start = orientations_without_lattice(observations, point.config, generator=generator)
        else:
            first = first_orientations(observations, start, point.config)
        done()
        common = settled(observations, start, first.assignment, point.config, generator)
        done()
        explored, refined = _best_of_attempts(
            observations,
            lambda: explore(observations, start.model, common, first.alternatives, generator=generator),
            config,
            generator,
            done,
            noise=noise_z(point.diameter, copies=start.symmetry.order),
        )
        result = _result(point, refined, explored, first.log_evidence, generator)
        evidence = model_evidence(observations, result, images=images, background=background)
        result = replace(result, evidence=evidence)
        done()
        return result


def _best_of_attempts(
    observations: Observations,
    exploration: Callable[[], Assignment],
    config: ReconstructionConfig,
    generator: torch.Generator,
    done: Callable[[], None],
    *,
    noise: float,
) -> tuple[Assignment, Refined]:
    """Exploration and refinement; again with other random orientations while the atoms leave much unexplained.

    Images that stay on other rows or copies of the lattice leave a tenth or more of what the images hold; which do is
    partly chance. Where images fit no better than noise does, `noise` sigmas, more attempts would help nobody.
    """
    best: tuple[float, Assignment, Refined] | None = None
    for attempt in range(_ATTEMPTS):
        found = exploration()
        if attempt == 0:
            done()
        refined = _refined(observations, found, config, generator)
        part = explained_part(observations, refined.model, refined.placed)
        if best is None or part > best[0]:
            best = part, found, refined
        if part >= WELL_EXPLAINED or found.held_out_z < noise:
            break
    done()
    assert best is not None
    return best[1:]


def _refined(
    observations: Observations, found: Assignment, config: ReconstructionConfig, generator: torch.Generator
) -> Refined:
    """Atoms and poses; without order in time, lost images are searched anew and refined with the others."""
    sweeps = config.sweeps
    model, placed = first_model(observations, found)
    refined = refine(observations, model, placed, rounds=config.rounds, sweeps=sweeps, generator=generator)
    if observations.time.ordered:
        return refined
    again = found_again(observations, refined, config, generator=generator)
    return refine(observations, again.model, again.placed, rounds=_AFTERWARDS, sweeps=sweeps, generator=generator)


class _Stages:
    def __init__(self, on_step: Callable[[int, int], None] | None) -> None:
        self._on_step, self._done = on_step, 0

    def __call__(self) -> None:
        self._done += 1
        if self._on_step is not None:
            self._on_step(self._done, _STAGES)


def _result(
    point: StartingPoint, refined: Refined, explored: Assignment, log_evidence: float, generator: torch.Generator
) -> Reconstruction:
    observations, config = point.observations, point.config
    halves = (
        refine_halves(observations, refined, sweeps=config.sweeps, generator=generator) if config.half_sets else None
    )
    covariances = atom_covariances(observations, refined, halves)
    density, voxel_size = density_of(observations, refined.placed)
    fine = finer(density)
    model, placed = refined.model, refined.placed
    used, response = observations.at(mismatch=MODEL_MISMATCH)
    return Reconstruction(
        element=config.element,
        positions=_array(model.positions),
        occupancies=_array(model.occupancies / model.occupancies.median()),
        sigmas=np.sqrt(np.trace(covariances, axis1=1, axis2=2) / 3.0),
        covariances=covariances,
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
        widths=fit_widths(used, model, response, placed, good_weights(placed, 0.1)),
        agreement=agreement_with_density(observations, model, placed),
        start=point.start.kind,
        starts=point.starts,
        diameter=point.diameter,
        lattice=point.lattice,
        defocus=observations.optics.defocus if observations.optics.voltage is not None else None,
    )


def _array(values: Tensor) -> NDArray[np.float64]:
    return values.double().cpu().numpy()
