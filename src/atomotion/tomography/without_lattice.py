"""First orientations without any lattice: densities and orientations in turn, from atoms without order."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.data import InputError
from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.copies import Assignment
from atomotion.tomography.exploration import DENSITY_MISMATCH
from atomotion.tomography.matching import evidence_slope, expected_amplitude, zone_likelihood
from atomotion.tomography.observations import Observations
from atomotion.tomography.preparation import diameter_of, lattice_of
from atomotion.tomography.response import Response, form_factor_table
from atomotion.tomography.screening import SCREENED, held_out_scores, screen_starts
from atomotion.tomography.shifts import best_shifts, shift_grid, shift_penalty
from atomotion.tomography.slices import Slicer, model_slicer, slicer
from atomotion.tomography.some_images import some_images
from atomotion.tomography.start import RESEMBLANCE, SPHERE_MISMATCH, FirstMatch, Start, centre_spread, graph_of
from atomotion.tomography.start_models import StartModel, start_model
from atomotion.tomography.templates import Templates
from atomotion.tomography.volume import accumulate, volume_of

# resolution [Å] and spacing of the orientations [deg] of each round
_SCHEDULE = ((2.1, 11.0),) * 5 + ((1.9, 10.0),) * 5 + ((1.7, 9.0),) * 4
_STEP = 0.7  # Å
_FLOOR = 0.1
_ALTERNATIVES = 3


def orientations_without_lattice(
    observations: Observations,
    config: ReconstructionConfig,
    *,
    generator: torch.Generator,
    on_step: Callable[[int, int], None] | None = None,
) -> Start:
    """The best of several ways from atoms without order, by the held-out fit at the end of each.

    There is no other reason than chance why a density of nothing should lead to the right one, and mostly it does not;
    so the held-out fit is compared with what an FCC sphere leads to.

    Parameters
    ----------
    observations : Observations
    config : ReconstructionConfig
        With diameter and lattice constant, which say how many atoms there are.
    generator : torch.Generator
    on_step : callable, optional

    Raises
    ------
    InputError
        Where an FCC sphere leads to densities that predict images better.
    """
    found: list[Start] = []
    scores: list[float] = []
    for seed in range(config.starts):
        start = start_model(
            "none",
            config.element,
            diameter_of(config),
            lattice=lattice_of(config),
            device=observations.device,
            seed=config.seed + seed,
        )
        found.append(orientations_from(observations, start))
        scores.append(float(held_out_scores(observations, found[-1].assignment, generator).mean()))
        if on_step is not None:
            on_step(seed + 1, config.starts)
    lattice = start_model(
        "fcc", config.element, diameter_of(config), lattice=lattice_of(config), device=observations.device
    )
    some = some_images(observations, SCREENED, generator=generator)
    known = screen_starts(some, [lattice], config, generator=generator).held_out_z["fcc"]
    if max(scores) < known:
        raise InputError(
            f"without a lattice, images fit densities of other images by {max(scores):.1f} sigmas only, from an FCC "
            f"sphere by {known:.1f}; pass start auto"
        )
    return found[int(np.argmax(scores))]


def orientations_from(observations: Observations, start: StartModel) -> Start:
    """Orientations from the density that they make themselves, round by round, at a resolution that becomes finer.

    The first density is that of `start`. Every round matches each image in all orientations with the density of the
    other folds, since its own would hold it where it is, and, where images are ordered, takes the most probable path
    through time.
    """
    zones = {step: start.symmetry.half_zone(step) for _, step in _SCHEDULE}
    graphs = {
        step: graph_of(start.symmetry.whole_zone(half), start.symmetry, observations) for step, half in zones.items()
    }
    count = int(observations.folds.max()) + 1
    folds = [torch.nonzero(observations.folds == fold).flatten() for fold in range(count)]
    placed: Assignment | None = None
    for resolution, step in _SCHEDULE:
        used, response = observations.at(mismatch=SPHERE_MISMATCH, resolution=resolution)
        if placed is None:
            slices = [model_slicer(start.model, form_factor_table(response), used.plane)] * count
        else:
            slices = [slicer(each) for each in _densities(observations, placed, resolution, count)]
        templates = [_templates(each, response, zones[step], start) for each in slices]
        amplitude = expected_amplitude(used, mismatch=0.0, resemblance=RESEMBLANCE)
        likelihood = torch.empty((len(used), len(templates[0])), device=observations.device)
        for fold, members in enumerate(folds):
            likelihood[members] = zone_likelihood(
                used.of(members),
                templates[fold],
                reach=2.3 * observations.centre_error,
                step=_STEP,
                slope=evidence_slope(amplitude, resemblance=RESEMBLANCE),
            )
        match = FirstMatch(
            zone=templates[0].quaternions,
            likelihood=likelihood,
            amplitude=amplitude,
            graph=graphs[step],
            time=observations.time,
        )
        placed = _placed(observations, match, templates, folds, resolution)
    assert placed is not None
    posterior, evidence = match.posterior()
    best = posterior.topk(_ALTERNATIVES, dim=1).indices.cpu()
    matrices = torch.from_numpy(matrices_from_quaternions(match.zone)).float()
    return Start(
        assignment=placed,
        alternatives=matrices[best].to(observations.device),
        log_evidence=evidence if observations.time.ordered else float("nan"),
    )


def _templates(slices: Slicer, response: Response, half: NDArray[np.float64], start: StartModel) -> Templates:
    rotations = torch.from_numpy(matrices_from_quaternions(half)).float().to(response.plane.device)
    values = slices(response.plane, rotations) * response.lens
    norms = torch.linalg.vector_norm(values, dim=1).clamp(min=1e-20)
    values = values / norms[:, None]
    return Templates(
        quaternions=start.symmetry.whole_zone(half),
        values=values.real.contiguous(),
        imaginary=values.imag.contiguous(),
        norms=norms,
    )


def _placed(
    observations: Observations, match: FirstMatch, templates: list[Templates], folds: list[Tensor], resolution: float
) -> Assignment:
    """The most probable orientations, each image at its best shift."""
    nodes = torch.from_numpy(match.most_probable()).to(observations.device)
    used, _ = observations.at(mismatch=SPHERE_MISMATCH, resolution=resolution)
    spread = centre_spread(observations.centre_error)
    shifts = shift_grid(2.3 * observations.centre_error, 0.5 * _STEP, device=observations.device)
    penalty = shift_penalty(shifts, spread, match.amplitude)
    z = torch.empty(len(used), device=observations.device)
    moved = torch.empty((len(used), 2), device=observations.device)
    for members, those in zip(folds, templates):
        z[members], moved[members] = best_shifts(
            used.plane, used.values[members], those.of(nodes[members]), shifts, penalty=penalty
        )
    rotations = torch.from_numpy(matrices_from_quaternions(match.zone)).float().to(observations.device)[nodes]
    return Assignment(rotations=rotations, shifts=moved, weights=torch.ones_like(z), z=z, changed=1.0)


def _densities(observations: Observations, placed: Assignment, resolution: float, count: int) -> list[Tensor]:
    """For every fold the density of all other folds, with no prior."""
    used, response = observations.at(mismatch=DENSITY_MISMATCH, resolution=resolution)
    sums = accumulate(
        used.plane,
        used.values,
        response.lens,
        placed.rotations,
        placed.shifts,
        weights=placed.weights,
        sets=observations.folds,
        count=count,
    )
    others = [sums.without(fold) for fold in range(count)]
    return [volume_of(each, precision=_FLOOR * each.mean_weight, radius=observations.radius) for each in others]
