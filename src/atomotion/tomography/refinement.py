"""From a density to atoms, and rounds of refinement that settle which atoms there are and where every image lies."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from atomotion.data import InputError
from atomotion.tomography.centres import expected_shifts
from atomotion.tomography.copies import Assignment
from atomotion.tomography.copy_agreement import Division, copy_agreement, parts_in_time
from atomotion.tomography.exploration import DENSITY_MISMATCH
from atomotion.tomography.forward import AtomModel
from atomotion.tomography.joint import good_weights, refine_jointly
from atomotion.tomography.lattice_rows import search_rows
from atomotion.tomography.model_changes import AtomRules, added, pruned
from atomotion.tomography.observations import Observations, moved_to_centre
from atomotion.tomography.peaks import atoms_of_density
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.pose_search import MODEL_MISMATCH, search_poses
from atomotion.tomography.volume import accumulate, volume_of

_FLOOR = 0.1
_WORST = 0.1
_MANY, _MORE_ROUNDS = 0.03, 2  # of the images
_CLEARLY, _COPY_TURNS = 0.3, 3  # noise sigmas
_BETTER = 0.005  # of the fit
_ROW, _FEW, _ROW_TURNS = 1.0, 0.01, 5  # Å, of the images
_ROW_RESOLUTION = 1.3  # Å
_PEAK = 0.35
_FEWEST = 20
_CLOSEST = 0.6  # of the spacing
# resolution [Å], spread of trials [deg] and passes of the pose search after each round
_SEARCHES = ((1.5, 6.0, 2), (1.3, 5.0, 2), (1.25, 4.0, 1), (1.25, 3.0, 1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Refined:
    """Atoms and poses.

    Parameters
    ----------
    model : AtomModel
        Its origin is the mean of its atoms.
    placed : Placed
    margin : (n,) float
        See `Searched`.
    """

    model: AtomModel
    placed: Placed
    margin: Tensor


def first_model(observations: Observations, assignment: Assignment) -> tuple[AtomModel, Placed]:
    """The peaks of the density of all images as atoms, about their own centre, and the poses to it.

    Raises
    ------
    InputError
        Where the density has fewer than 20 peaks that could be atoms.
    """
    used, response = observations.at(mismatch=DENSITY_MISMATCH)
    sums = accumulate(
        used.plane,
        used.values,
        response.lens,
        assignment.rotations,
        assignment.shifts,
        weights=assignment.weights,
    )
    density = volume_of(sums, precision=_FLOOR * sums.mean_weight, radius=observations.radius)
    positions, heights = atoms_of_density(
        density, sums.grid.voxel_size, spacing=observations.spacing, threshold=_PEAK, fewest_neighbours=3
    )
    if len(positions) < _FEWEST:
        raise InputError(
            f"the density shows {len(positions)} atoms only; the images may be too noisy or too few, or the pixel "
            "size, the element or the defocus wrong"
        )
    device = observations.device
    model = AtomModel(
        positions=torch.from_numpy(positions.copy()).float().to(device),
        occupancies=torch.from_numpy(heights).float().clamp(0.3, 1.3).to(device),
        b_factor=4.0,
    )
    model, shifts = moved_to_centre(model, assignment.rotations, assignment.shifts)
    return model, Placed(rotations=assignment.rotations, shifts=shifts, z=assignment.z)


def _rebuilt(observations: Observations, placed: Placed) -> tuple[AtomModel, Placed]:
    """A new model from the density of the images where they are now."""
    assignment = Assignment(
        rotations=placed.rotations,
        shifts=placed.shifts,
        weights=good_weights(placed, _WORST),
        z=placed.z,
        changed=0.0,
    )
    return first_model(observations, assignment)


def on_one_row(observations: Observations, model: AtomModel, placed: Placed) -> tuple[AtomModel, Placed]:
    """The images on one row of the lattice, as far as the most of them agree, and the model that they show there.

    The displacements are searched and the model is made anew in turn, until less than 1 % of the images go farther than
    1 Å.
    """
    for _ in range(_ROW_TURNS):
        found = search_rows(observations, model, placed, resolution=_ROW_RESOLUTION)
        if float(((found.shifts - placed.shifts).norm(dim=1) > _ROW).float().mean()) < _FEW:
            break
        model, placed = _rebuilt(observations, found)
    return model, placed


def on_one_copy(observations: Observations, model: AtomModel, placed: Placed) -> tuple[AtomModel, Placed]:
    """The images of all times on one copy of the lattice, and the model that they show there.

    See `CopyAgreement`: while images of some times fit densities of the others clearly better on another copy, they are
    moved there, all together. It is taken back where the images do not fit the model that they then show better: with a
    particle that is symmetric itself a copy may win because the densities of few images have seen more from there.
    """
    for _ in range(_COPY_TURNS):
        agreement = copy_agreement(observations, placed.rotations, placed.shifts)
        if agreement is None or agreement.worst.margin > -_CLEARLY:
            break
        tried = _rebuilt(observations, _moved_together(observations, placed, agreement.worst))
        tried = on_one_row(observations, *tried)
        if _fit(observations, *tried) < (1.0 + _BETTER) * _fit(observations, model, placed):
            break
        model, placed = tried
    return model, placed


def _fit(observations: Observations, model: AtomModel, placed: Placed) -> float:
    return float(search_rows(observations, model, placed, resolution=_ROW_RESOLUTION).z.mean())


def _moved_together(observations: Observations, placed: Placed, division: Division) -> Placed:
    """The images of some parts on another copy."""
    part = parts_in_time(len(placed), len(division.moved), device=observations.device)
    moved = torch.from_numpy(division.moved).to(observations.device)[part]
    copies = observations.symmetry.copies(placed.rotations[moved])
    rotations = placed.rotations.clone()
    rotations[moved] = copies[:, division.copy]
    return Placed(rotations=rotations, shifts=placed.shifts, z=placed.z)


def _moved(before: Placed, after: Placed) -> float:
    """Part of the images that were turned by more than 8°."""
    trace = torch.einsum("nij,nij->n", before.rotations, after.rotations)
    return float((trace < 1.0 + 2.0 * math.cos(math.radians(8.0))).float().mean())


def refine(
    observations: Observations,
    model: AtomModel,
    placed: Placed,
    *,
    rounds: int,
    sweeps: int,
    generator: torch.Generator,
    on_step: Callable[[int, int], None] | None = None,
) -> Refined:
    """Rounds of joint refinement, change of atoms, and pose search; the last one only refines and takes away.

    Before, the images are brought to common rows and copies of the lattice. After a search that turns more than 3 % of
    them by more than 8°, the model is made anew from the density; up to two rounds are added where the last search
    did.

    Parameters
    ----------
    observations, model, placed
    rounds : int
    sweeps : int
        Of each joint refinement.
    generator : torch.Generator
    on_step : callable, optional
    """
    used, response = observations.at(mismatch=MODEL_MISMATCH)
    rules = AtomRules(spacing=observations.spacing)
    margin = torch.full((len(placed),), torch.nan, device=observations.device)

    def jointly(model: AtomModel, placed: Placed) -> tuple[AtomModel, Placed]:
        centre, centre_error = expected_shifts(observations, placed.shifts)
        return refine_jointly(
            used,
            model,
            response,
            placed,
            sweeps=sweeps,
            closest=_CLOSEST * observations.spacing,
            centre=centre,
            centre_error=centre_error,
        )

    model, placed = on_one_row(observations, model, placed)
    model, placed = on_one_copy(observations, model, placed)
    moved = 0.0
    for turn in itertools.count():
        model, placed = jointly(model, placed)
        count = len(model)
        model = pruned(model, rules)
        if turn >= rounds - 1 and (moved <= _MANY or turn >= rounds + _MORE_ROUNDS - 1):
            break
        model = added(used, model, response, placed, rules, radius=observations.radius)
        model, shifts = moved_to_centre(model, placed.rotations, placed.shifts)
        resolution, trial_deg, passes = _SEARCHES[min(turn, len(_SEARCHES) - 1)]
        searched = search_poses(
            observations,
            model,
            Placed(rotations=placed.rotations, shifts=shifts, z=placed.z),
            resolution=resolution,
            trial_deg=trial_deg,
            passes=passes,
            generator=generator,
        )
        moved = _moved(placed, searched.placed)
        placed, margin = searched.placed, searched.margin
        if moved > _MANY:
            # atoms that images on wrong copies had made would stay in the model, each with a part of its strength
            model, placed = _rebuilt(observations, placed)
        if on_step is not None:
            on_step(min(turn + 1, rounds), rounds)
    if len(model) != count:
        model, placed = jointly(model, placed)
    if on_step is not None:
        on_step(rounds, rounds)
    model, shifts = moved_to_centre(model, placed.rotations, placed.shifts)
    return Refined(model=model, placed=Placed(rotations=placed.rotations, shifts=shifts, z=placed.z), margin=margin)
