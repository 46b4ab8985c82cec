"""Several starts on some of the images: which of them leads to densities that predict other images best."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.tomography.candidates import perturbed, score_candidates
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.copies import Assignment
from atomotion.tomography.exploration import DENSITY_MISMATCH
from atomotion.tomography.observations import Observations
from atomotion.tomography.settling import settled
from atomotion.tomography.shifts import shift_grid, shift_penalty
from atomotion.tomography.slices import slicer
from atomotion.tomography.start import centre_spread, first_orientations
from atomotion.tomography.start_models import StartModel
from atomotion.tomography.volume import accumulate, volume_of

SCREENED = 200  # images
_ITERATIONS = 6
_GRID_DEG = 5.0
_RESOLUTION = 1.3  # Å, of the coefficients that judge
_TRIALS, _TRIAL_DEG = 16, 2.0
_STEP = 0.4  # Å
_FLOOR = 0.1
_CLEARLY = 2.0  # standard errors


@dataclass(frozen=True, kw_only=True, slots=True)
class Screened:
    """How several starts did.

    Parameters
    ----------
    best : StartModel
    held_out_z : mapping of str to float
        By kind of start: the mean fit of images to densities that neither they nor the start are part of.
    """

    best: StartModel
    held_out_z: Mapping[str, float]


def screen_starts(
    observations: Observations,
    starts: Sequence[StartModel],
    config: ReconstructionConfig,
    *,
    generator: torch.Generator,
    on_step: Callable[[int, int], None] | None = None,
) -> Screened:
    """The start that leads to the best held-out fit.

    Each start goes the same way as in the whole reconstruction up to common lattice copies, on a coarser grid. Further
    trials would lead poor starts to nearly the same densities as good ones, and only hide which was which. A start is
    judged by densities that are made from the images alone, without it as a prior, and each image by a density of other
    images. The first of the starts is left only for one that is better by two standard errors of the mean difference.

    Parameters
    ----------
    observations : Observations
        Of some hundred images.
    starts : sequence of StartModel
        The simplest first.
    config : ReconstructionConfig
    generator : torch.Generator
    on_step : callable, optional
    """
    coarse = replace(config, grid_deg=max(config.grid_deg, _GRID_DEG))
    scores: list[NDArray[np.float64]] = []
    for done, start in enumerate(starts):
        seen = replace(observations, symmetry=start.symmetry)
        first = first_orientations(seen, start, coarse)
        placed = settled(seen, start, first.assignment, config, generator, iterations=_ITERATIONS, starts=2)
        scores.append(held_out_scores(seen, placed, generator).double().cpu().numpy())
        if on_step is not None:
            on_step(done + 1, len(starts))
    best = 0
    for other in range(1, len(starts)):
        gain = scores[other] - scores[best]
        error = _standard_error(scores[other] - scores[0])
        if gain.mean() > (_CLEARLY * error if best == 0 else 0.0):
            best = other
    means = {start.kind: float(each.mean()) for start, each in zip(starts, scores)}
    return Screened(best=starts[best], held_out_z=means)


def held_out_scores(observations: Observations, placed: Assignment, generator: torch.Generator) -> Tensor:
    """(n,) fit, in noise sigmas, of every image to the density of the other folds, with no prior, near its pose."""
    used, response = observations.at(mismatch=DENSITY_MISMATCH, resolution=_RESOLUTION)
    folds = observations.folds
    count = int(folds.max()) + 1
    sums = accumulate(
        used.plane,
        used.values,
        response.lens,
        placed.rotations,
        placed.shifts,
        weights=placed.weights,
        sets=folds,
        count=count,
    )
    others = [sums.without(fold) for fold in range(count)]
    slicers = [
        slicer(volume_of(each, precision=_FLOOR * each.mean_weight, radius=observations.radius)) for each in others
    ]
    spread = centre_spread(observations.centre_error)
    shifts = shift_grid(2.3 * spread, _STEP, device=observations.device)
    trials = torch.cat([placed.rotations[:, None], perturbed(placed.rotations, _TRIALS, _TRIAL_DEG, generator)], dim=1)
    scores = score_candidates(
        used,
        lambda fold, rotations: slicers[fold](used.plane, rotations) * response.lens,
        trials,
        shifts,
        folds=folds,
        penalty=shift_penalty(shifts, spread, placed.held_out_z),
    )
    return scores.z.amax(dim=1)


def _standard_error(differences: NDArray[np.float64], block: int = 10) -> float:
    """Of the mean of differences whose neighbours are alike."""
    parts = [each.mean() for each in np.array_split(differences, max(2, len(differences) // block))]
    return float(np.std(parts, ddof=1) / np.sqrt(len(parts)))
