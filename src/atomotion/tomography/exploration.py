"""Orientations improved against densities of the other images: near by, from neighbours in time, and anew."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from atomotion.tomography.candidates import Scores, perturbed, score_candidates, with_neighbours
from atomotion.tomography.copies import Assignment, held_out_densities, scaled_to, weighed
from atomotion.tomography.forward import AtomModel
from atomotion.tomography.observations import Observations
from atomotion.tomography.shifts import shift_grid, shift_penalty
from atomotion.tomography.slices import slicer
from atomotion.tomography.start import centre_spread

DENSITY_MISMATCH = 0.3
PRIOR_SPREAD = 0.5
_STEP = 0.4  # Å
_NEAR, _NEIGHBOURS = 20, 8
_SETTLED = 0.01  # where fewer images change their copy, copies are not tried again
# resolution [Å], spread of trial rotations [deg], and whether all copies of the alternatives are tried
SCHEDULE = (
    (1.9, 4.0, True),
    (1.7, 4.0, True),
    (1.7, 3.0, False),
    (1.5, 3.0, True),
    (1.5, 3.0, False),
    (1.3, 2.0, False),
)


def explore(
    observations: Observations,
    sphere: AtomModel,
    start: Assignment,
    alternatives: Tensor,
    *,
    generator: torch.Generator,
    schedule: Sequence[tuple[float, float, bool]] = SCHEDULE,
    on_step: Callable[[int, int], None] | None = None,
) -> Assignment:
    """Orientations after trials around each one, around those of the images before and after, and of alternatives.

    Every trial is judged by a density of the other folds, at a resolution that becomes finer step by step.

    Parameters
    ----------
    observations, sphere
    start : Assignment
        On common lattice copies for the most part.
    alternatives : (n, a, 3, 3) float
        Orientations of which all lattice copies are tried too, every few steps.
    generator : torch.Generator
    schedule : sequence of (resolution [Å], spread [deg], whether copies are tried)
    on_step : callable, optional
    """
    placed = start
    unsettled = 1.0
    for done, (resolution, trial_deg, anew) in enumerate(schedule):
        score = _scorer(observations, sphere, placed, resolution)
        if anew and unsettled > _SETTLED:
            bases = torch.cat([placed.rotations[:, None], alternatives], dim=1).unbind(1)
            copies = torch.cat([observations.symmetry.candidates(each)[0] for each in bases], dim=1)
            placed = weighed(score(copies, observations.symmetry.centred), placed, observations.time)
            unsettled = placed.changed
        trials = [placed.rotations[:, None], perturbed(placed.rotations, _NEAR, trial_deg, generator)]
        if observations.time.ordered:
            trials.append(with_neighbours(placed.rotations, _NEIGHBOURS, trial_deg, generator))
        placed = weighed(score(torch.cat(trials, dim=1), False), placed, observations.time)
        if on_step is not None:
            on_step(done + 1, len(schedule))
    return placed


def _scorer(
    observations: Observations, sphere: AtomModel, placed: Assignment, resolution: float
) -> Callable[[Tensor, bool], Scores]:
    """What scores candidates (n, c, 3, 3), with or without their half-turns, against held-out densities."""
    used, response = observations.at(mismatch=DENSITY_MISMATCH, resolution=resolution)
    densities = held_out_densities(
        used,
        response,
        placed,
        observations.folds,
        prior=scaled_to(sphere, response, used, placed),
        prior_spread=PRIOR_SPREAD,
        radius=observations.radius,
    )
    slicers = [slicer(density) for density in densities]
    spread = centre_spread(observations.centre_error)
    shifts = shift_grid(2.3 * spread, _STEP, device=observations.device)
    penalty = shift_penalty(shifts, spread, placed.held_out_z)

    def project(fold: int, rotations: Tensor) -> Tensor:
        return slicers[fold](used.plane, rotations) * response.lens

    def score(candidates: Tensor, half_turns: bool) -> Scores:
        return score_candidates(
            used,
            project,
            candidates,
            shifts,
            folds=observations.folds,
            penalty=penalty,
            half_turns=half_turns,
        )

    return score
