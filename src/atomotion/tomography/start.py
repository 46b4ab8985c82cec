"""The first orientations: images against a sphere, and the path of the rotation through all of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.geometry.symmetry import rotation_group
from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.copies import Assignment
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.matching import (
    amplitude_match,
    evidence_slope,
    expected_amplitude,
    sparse_likelihood,
    zone_likelihood,
)
from atomotion.tomography.observations import Observations
from atomotion.tomography.rotation_hmm import continuous_path, forward_backward, most_probable_path, zone_graph
from atomotion.tomography.shifts import best_shifts, shift_grid, shift_penalty
from atomotion.tomography.templates import Templates, octahedral_zone, sphere_templates

# a sphere explains about this part of an image's amplitude (correlation 0.7), and misses as much power as it explains
RESEMBLANCE = 0.7
SPHERE_MISMATCH = 1.0
# what the particle's centre may be off the lattice site that the sphere is centred on, per axis
_OFF_SITE = 0.9  # Å
_STEP = 0.42  # Å, of the displacements that are tried: a third of the shortest period
_CLEAN = 16.0  # expected amplitude above which phases are not needed for a first choice
_SHORTLIST = 32
_ALTERNATIVES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Orientations modulo the lattice's symmetry.

    Parameters
    ----------
    assignment : Assignment
        Of every image; continuous in time where images are ordered.
    alternatives : (n, a, 3, 3) float
        The most probable orientations of each image, one of each class of lattice copies.
    log_evidence : float
        Of the hidden Markov model, per image; to compare diameters or foci. NaN without order.
    """

    assignment: Assignment
    alternatives: Tensor
    log_evidence: float


def centre_spread(centre_error: float) -> float:
    """Standard deviation [Å] per axis of the shifts while the origin is a lattice site."""
    return float(np.hypot(centre_error, _OFF_SITE))


def first_orientations(
    observations: Observations,
    sphere: AtomModel,
    config: ReconstructionConfig,
    *,
    on_step: Callable[[int, int], None] | None = None,
) -> Start:
    """Orientations from the match with a sphere and, where images are ordered, from the path through time."""
    coefficients, response = observations.at(mismatch=SPHERE_MISMATCH)
    zone = octahedral_zone(config.grid_deg)
    templates = sphere_templates(sphere, response, zone)
    amplitude = expected_amplitude(observations.coefficients, mismatch=SPHERE_MISMATCH, resemblance=RESEMBLANCE)
    likelihood = _likelihood(coefficients, templates, observations.centre_error, amplitude, config, on_step)
    nodes, posterior, evidence = _path(likelihood, zone, observations)
    quaternions = zone[nodes]
    if observations.time.ordered:
        quaternions = continuous_path(quaternions, rotation_group("O"))
    rotations = torch.from_numpy(matrices_from_quaternions(quaternions)).float().to(observations.device)
    best = posterior.topk(_ALTERNATIVES, dim=1).indices.cpu().numpy()
    matrices = torch.from_numpy(matrices_from_quaternions(zone)).float()
    spread = centre_spread(observations.centre_error)
    shifts = shift_grid(2.5 * spread, _STEP, device=observations.device)
    still = torch.zeros((len(rotations), 2), device=observations.device)
    z, moved = best_shifts(
        coefficients.plane,
        coefficients.values,
        predicted(sphere, response, rotations, still),
        shifts,
        penalty=shift_penalty(shifts, spread, amplitude),
    )
    return Start(
        assignment=Assignment(rotations=rotations, shifts=moved, weights=torch.ones_like(z), z=z, changed=1.0),
        alternatives=matrices[torch.from_numpy(best)].to(observations.device),
        log_evidence=evidence,
    )


def _likelihood(
    coefficients: Coefficients,
    templates: Templates,
    centre_error: float,
    amplitude: float,
    config: ReconstructionConfig,
    on_step: Callable[[int, int], None] | None,
) -> Tensor:
    """(n, t) log-likelihood of every orientation of the zone."""
    slope = evidence_slope(amplitude, resemblance=RESEMBLANCE)
    reach = 2.3 * centre_spread(centre_error)
    by_amplitudes = config.search == "amplitudes" or (config.search == "auto" and amplitude > _CLEAN)
    if by_amplitudes:
        shortlist = amplitude_match(coefficients, templates, _SHORTLIST)
        return sparse_likelihood(coefficients, templates, shortlist, reach=reach, step=_STEP, slope=slope)
    return zone_likelihood(coefficients, templates, reach=reach, step=_STEP, slope=slope, on_step=on_step)


def _path(
    likelihood: Tensor, zone: NDArray[np.float64], observations: Observations
) -> tuple[NDArray[np.intp], Tensor, float]:
    """Nodes (n,), probabilities (n, t) and the log-evidence per image."""
    time = observations.time
    if time.step_deg is None:
        return likelihood.argmax(dim=1).cpu().numpy(), torch.softmax(likelihood, dim=1), float("nan")
    graph = zone_graph(zone, rotation_group("O"), step_deg=time.step_deg, device=observations.device)
    posterior, evidence = forward_backward(likelihood, graph, step_deg=time.step_deg, leak=time.leak, gaps=time.gaps)
    nodes = most_probable_path(likelihood, graph, step_deg=time.step_deg, leak=time.leak, gaps=time.gaps)
    return nodes, posterior, evidence / len(likelihood)
