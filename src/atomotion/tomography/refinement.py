"""From a density to atoms, and rounds of refinement that settle which atoms there are and where every image lies."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from atomotion.data import InputError
from atomotion.tomography.centres import expected_shifts
from atomotion.tomography.copies import Assignment
from atomotion.tomography.exploration import DENSITY_MISMATCH
from atomotion.tomography.forward import AtomModel
from atomotion.tomography.joint import refine_jointly
from atomotion.tomography.model_changes import AtomRules, added, pruned
from atomotion.tomography.observations import Observations, moved_to_centre
from atomotion.tomography.peaks import atoms_of_density
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.pose_search import MODEL_MISMATCH, search_poses
from atomotion.tomography.volume import accumulate, volume_of

_FLOOR = 0.1
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

    for turn in range(rounds):
        model, placed = jointly(model, placed)
        count = len(model)
        model = pruned(model, rules)
        if turn < rounds - 1:
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
            placed, margin = searched.placed, searched.margin
        elif len(model) != count:
            model, placed = jointly(model, placed)
        if on_step is not None:
            on_step(turn + 1, rounds)
    model, shifts = moved_to_centre(model, placed.rotations, placed.shifts)
    return Refined(model=model, placed=Placed(rotations=placed.rotations, shifts=shifts, z=placed.z), margin=margin)
