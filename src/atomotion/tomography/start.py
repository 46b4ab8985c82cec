"""The first orientations: images against a start, and the path of the rotation through all of them."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.copies import Assignment
from atomotion.tomography.forward import predicted
from atomotion.tomography.lattice_symmetry import LatticeSymmetry
from atomotion.tomography.matching import (
    amplitude_match,
    evidence_slope,
    expected_amplitude,
    sparse_likelihood,
    zone_likelihood,
)
from atomotion.tomography.observations import Observations
from atomotion.tomography.rotation_hmm import (
    ZoneGraph,
    continuous_path,
    forward_backward,
    most_probable_path,
    zone_graph,
)
from atomotion.tomography.shifts import best_shifts, shift_grid, shift_penalty
from atomotion.tomography.start_models import StartModel
from atomotion.tomography.templates import Templates, start_templates
from atomotion.tomography.time_model import TimeModel

# a sphere explains about this part of an image's amplitude (correlation 0.7), and misses as much power as it explains
RESEMBLANCE = 0.7
SPHERE_MISMATCH = 1.0
# what the particle's centre may be off the lattice site that the sphere is centred on, per axis
_OFF_SITE = 0.9  # Å
_IDENTITY = (1.0, 0.0, 0.0, 0.0)
_STEP = 0.42  # Å, of the displacements that are tried: a third of the shortest period
_CLEAN = 16.0  # expected amplitude above which phases are not needed for a first choice
# how many templates are chosen by amplitudes: at least, and one of so many where a start has less symmetry than FCC,
# since the orientations in which its lattice looks alike then stand in the list side by side
_SHORTLIST, _ONE_OF = 32, 150
_ALTERNATIVES = 3
_MOST_NODES = 40_000  # of a zone; a start without symmetry is searched on a coarser grid
_FORGOTTEN = 40.0  # deg: after an expected turn by more, an image says nothing of the next


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
    start: StartModel,
    config: ReconstructionConfig,
    *,
    on_step: Callable[[int, int], None] | None = None,
) -> Start:
    """Orientations from the match with a start and, where images are ordered, from the path through time."""
    match = first_match(observations, start, config, on_step=on_step)
    zone = match.zone
    nodes = match.most_probable()
    quaternions = zone[nodes]
    if observations.time.ordered:
        quaternions = _continuous(quaternions, start.symmetry)
    rotations = torch.from_numpy(matrices_from_quaternions(quaternions)).float().to(observations.device)
    posterior, evidence = match.posterior()
    best = posterior.topk(_ALTERNATIVES, dim=1).indices.cpu().numpy()
    matrices = torch.from_numpy(matrices_from_quaternions(zone)).float()
    spread = centre_spread(observations.centre_error)
    shifts = shift_grid(2.5 * spread, _STEP, device=observations.device)
    still = torch.zeros((len(rotations), 2), device=observations.device)
    coefficients, response = observations.at(mismatch=SPHERE_MISMATCH)
    z, moved = best_shifts(
        coefficients.plane,
        coefficients.values,
        predicted(start.model, response, rotations, still),
        shifts,
        penalty=shift_penalty(shifts, spread, match.amplitude),
    )
    return Start(
        assignment=Assignment(rotations=rotations, shifts=moved, weights=torch.ones_like(z), z=z, changed=1.0),
        alternatives=matrices[torch.from_numpy(best)].to(observations.device),
        log_evidence=evidence if observations.time.ordered else float("nan"),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstMatch:
    """The likelihood of every orientation of a start's zone in every image.

    Parameters
    ----------
    zone : (t, 4) float, w x y z
    likelihood : (n, t) float
        Logarithm; the same constant is left out for all starts that are matched with the same images.
    amplitude : float
        Expected z of a right orientation.
    graph : ZoneGraph or None
    time : TimeModel
    """

    zone: NDArray[np.float64]
    likelihood: Tensor
    amplitude: float
    graph: ZoneGraph | None
    time: TimeModel

    def posterior(self) -> tuple[Tensor, float]:
        """Probabilities (n, t), and the log-evidence per image: all orientations count alike before the images do."""
        step = self.time.step_deg
        if step is None or self.graph is None:
            evidence = torch.logsumexp(self.likelihood, dim=1).double().mean() - np.log(len(self.zone))
            return torch.softmax(self.likelihood, dim=1), float(evidence)
        parts, total = [], 0.0
        for run, gaps in _runs(self.time, len(self.likelihood)):
            part, evidence = forward_backward(
                self.likelihood[run], self.graph, step_deg=step, leak=self.time.leak, gaps=gaps
            )
            parts.append(part)
            total += evidence
        return torch.cat(parts), total / len(self.likelihood)

    def most_probable(self) -> NDArray[np.intp]:
        """(n,) nodes of the most probable path, or of the best orientation of each image where they have no order."""
        step = self.time.step_deg
        if step is None or self.graph is None:
            return np.asarray(self.likelihood.argmax(dim=1).cpu().numpy())
        return np.concatenate(
            [
                most_probable_path(self.likelihood[run], self.graph, step_deg=step, leak=self.time.leak, gaps=gaps)
                for run, gaps in _runs(self.time, len(self.likelihood))
            ]
        )


def graph_of(zone: NDArray[np.float64], symmetry: LatticeSymmetry, observations: Observations) -> ZoneGraph | None:
    """Which orientations of a zone one step of the rotation leads to; None without order in time."""
    step, mirror = observations.time.step_deg, symmetry.mirror
    if step is None:
        return None
    return zone_graph(
        zone,
        symmetry.group,
        step_deg=step,
        half_turn=mirror is not None,
        mirror=_IDENTITY if mirror is None else mirror,
        device=observations.device,
    )


def _runs(time: TimeModel, n: int) -> Iterator[tuple[slice, NDArray[np.floating]]]:
    """Images between which not so much time passed that the orientation is forgotten, and the gaps among them."""
    assert time.step_deg is not None
    breaks = np.flatnonzero(time.step_deg * np.sqrt(time.gaps) > _FORGOTTEN) + 1
    for first, stop in itertools.pairwise([0, *breaks.tolist(), n]):
        yield slice(first, stop), time.gaps[first : stop - 1]


def _continuous(quaternions: NDArray[np.float64], symmetry: LatticeSymmetry) -> NDArray[np.float64]:
    if symmetry.mirror is None:
        return quaternions
    return continuous_path(quaternions, symmetry.group, mirror=symmetry.mirror)


def first_match(
    observations: Observations,
    start: StartModel,
    config: ReconstructionConfig,
    *,
    before: FirstMatch | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> FirstMatch:
    """Every image against the start in every orientation of its zone.

    `before` is an earlier match with a start of the same symmetry and the same grid, whose zone is taken over.
    """
    coefficients, response = observations.at(mismatch=SPHERE_MISMATCH)
    least_deg = np.rad2deg((8.0 * np.pi**2 / (start.symmetry.order * _MOST_NODES)) ** (1.0 / 3.0))
    templates = start_templates(
        start, response, max(config.grid_deg, float(least_deg)), zone=None if before is None else before.zone
    )
    amplitude = expected_amplitude(observations.coefficients, mismatch=SPHERE_MISMATCH, resemblance=RESEMBLANCE)
    return FirstMatch(
        zone=templates.quaternions,
        likelihood=_likelihood(coefficients, templates, observations.centre_error, amplitude, config, on_step),
        amplitude=amplitude,
        graph=graph_of(templates.quaternions, start.symmetry, observations) if before is None else before.graph,
        time=observations.time,
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
        count = max(_SHORTLIST, len(templates.values) // _ONE_OF)
        shortlist = amplitude_match(coefficients, templates, count)
        return sparse_likelihood(coefficients, templates, shortlist, reach=reach, step=_STEP, slope=slope)
    return zone_likelihood(coefficients, templates, reach=reach, step=_STEP, slope=slope, on_step=on_step)
