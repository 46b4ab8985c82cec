"""Orientations searched anew with the model of atoms, and the path through time that they make."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from atomotion.tomography.candidates import Scores, chosen, perturbed, score_candidates, with_neighbours
from atomotion.tomography.centres import expected_shifts
from atomotion.tomography.forward import AtomModel
from atomotion.tomography.matching import evidence_slope
from atomotion.tomography.observations import Observations
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.response import form_factor_table
from atomotion.tomography.shifts import shift_grid, shift_penalty
from atomotion.tomography.slices import model_slicer

MODEL_MISMATCH = 0.05
_RESEMBLANCE = 0.7
_REACH, _STEP = 1.6, 0.4  # Å
_TRIALS = 24
_SAME = 5.0  # deg: what is nearer is not another copy
_SETTLED = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """Poses after a search.

    Parameters
    ----------
    placed : Placed
    margin : (n,) float
        How much better, in sigmas, the image fits at its pose than at any other lattice copy of it; NaN for a start
        without symmetry.
    """

    placed: Placed
    margin: Tensor


def search_poses(
    observations: Observations,
    model: AtomModel,
    placed: Placed,
    *,
    resolution: float,
    trial_deg: float,
    passes: int,
    generator: torch.Generator,
    on_step: Callable[[int, int], None] | None = None,
) -> Searched:
    """The most probable path through trials around each pose, its neighbours' in time, and its lattice copies.

    Displacements are searched within 1.6 Å of where the image is now, drawn to where it is expected, so that no image
    hops by a row of the lattice.

    Parameters
    ----------
    observations, model, placed
    resolution : float [Å]
        Of the coefficients that judge.
    trial_deg : float [deg]
        Spread of the trials about each axis.
    passes : int
        The copies are tried in the first one only; a pass that moves less than 1 % of the images is the last.
    generator : torch.Generator
    """
    margin = torch.full((len(placed),), torch.nan, device=observations.device)
    for turn in range(passes):
        trials = [placed.rotations[:, None], perturbed(placed.rotations, _TRIALS, 0.5 * trial_deg, generator)]
        if observations.time.ordered:
            trials.append(with_neighbours(placed.rotations, _TRIALS, 0.75 * trial_deg, generator))
        copies = 0
        if turn == 0:
            other_copies = observations.symmetry.copies(placed.rotations)[:, 1:]
            copies = other_copies.shape[1]
            trials.append(other_copies)
        scores = _scored(observations, model, placed, torch.cat(trials, dim=1), resolution)
        if copies:
            margin = _margin(scores, copies)
        slope = evidence_slope(max(float(scores.z.amax(dim=1).mean()), 1.0), resemblance=_RESEMBLANCE)
        path = observations.time.path(slope * scores.z, scores.rotations)
        rotations, shifts, z = chosen(scores, path)
        trace = torch.einsum("nij,nij->n", rotations, placed.rotations)
        moved = float((trace < 1.0 + 2.0 * math.cos(math.radians(_SAME))).float().mean())
        placed = Placed(rotations=rotations, shifts=placed.shifts + shifts, z=z)
        if on_step is not None:
            on_step(turn + 1, passes)
        if moved < _SETTLED:
            break
    return Searched(placed=placed, margin=margin)


def _scored(observations: Observations, model: AtomModel, placed: Placed, trials: Tensor, resolution: float) -> Scores:
    used, response = observations.at(mismatch=MODEL_MISMATCH, resolution=resolution)
    slices = model_slicer(model, form_factor_table(response), used.plane)
    centred = replace(used, values=used.values * used.plane.phases(-placed.shifts))
    shifts = shift_grid(_REACH, _STEP, device=observations.device)
    amplitude = float(placed.z.mean())
    centre, spread = expected_shifts(observations, placed.shifts)
    off = placed.shifts - centre
    penalty = shift_penalty(off[:, None] + shifts, spread, amplitude)
    return score_candidates(
        centred,
        lambda _, rotations: slices(used.plane, rotations) * response.lens,
        trials,
        shifts,
        folds=torch.zeros(len(placed), dtype=torch.long, device=observations.device),
        penalty=penalty,
    )


def _margin(scores: Scores, copies: int) -> Tensor:
    """(n,) z of the best trial near the first one, less that of the best of the last `copies` ones that is far."""
    trace = torch.einsum("nij,ncij->nc", scores.rotations[:, 0], scores.rotations)
    near = trace > 1.0 + 2.0 * math.cos(math.radians(_SAME))
    own = scores.z[:, :-copies].masked_fill(~near[:, :-copies], -torch.inf).amax(dim=1)
    other = scores.z[:, -copies:].masked_fill(near[:, -copies:], -torch.inf).amax(dim=1)
    return own - other
