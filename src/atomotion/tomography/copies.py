"""On which lattice copy every image sits: expectation-maximisation against densities of the other images."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atomotion.tomography.candidates import Scores, chosen, score_candidates
from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.lattice_symmetry import LatticeSymmetry
from atomotion.tomography.matching import evidence_slope
from atomotion.tomography.response import Response, form_factor_table
from atomotion.tomography.shifts import shift_penalty
from atomotion.tomography.slices import Slicer, slicer
from atomotion.tomography.time_model import TimeModel
from atomotion.tomography.volume import accumulate, density_spectrum, grid_of, volume_of

_LEAST_WEIGHT = 0.02
_SETTLED = 0.005
_SCALED = 200  # images that tell a scale
_RESEMBLANCE = 0.8  # of a density with noise of its own and the images


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """An orientation for every image, all on one lattice copy as far as the data say.

    Parameters
    ----------
    rotations : (n, 3, 3) float
    shifts : (n, 2) float [Å]
    weights : (n,) float
        Probability that the orientation is right to 8°, given the candidates.
    z : (n,) float
        Correlation with the density of the other folds, in noise sigmas.
    changed : float
        Part of the images that went to another candidate in the last iteration.
    """

    rotations: Tensor
    shifts: Tensor
    weights: Tensor
    z: Tensor
    changed: float

    @property
    def held_out_z(self) -> float:
        """The mean of z: how well images are predicted that the density does not know."""
        return float(self.z.mean())


def folds_of(n: int, count: int, *, ordered: bool, generator: torch.Generator) -> Tensor:
    """(n,) fold of every image: contiguous in time, since neighbours share their errors, or random without order."""
    folds = torch.arange(n) * count // n
    return folds if ordered else folds[torch.randperm(n, generator=generator)]


def scaled_to(model: AtomModel, response: Response, coefficients: Coefficients, placed: Assignment) -> AtomModel:
    """The model with its occupancies on the scale of the images: weighted least squares over some, spread evenly."""
    n = len(placed.rotations)
    some = torch.linspace(0, n - 1, min(n, _SCALED), device=placed.z.device).round().long()
    predictions = predicted(model, response, placed.rotations[some], placed.shifts[some])
    weights = placed.weights[some, None]
    product = float((weights * (coefficients.values[some] * predictions.conj()).real).sum())
    energy = float((weights * predictions.abs().square()).sum())
    scale = max(product / energy, 1e-6)
    return AtomModel(positions=model.positions, occupancies=model.occupancies * scale, b_factor=model.b_factor)


def held_out_densities(
    coefficients: Coefficients,
    response: Response,
    placed: Assignment,
    folds: Tensor,
    *,
    prior: AtomModel,
    prior_spread: float,
    radius: float,
) -> list[Tensor]:
    """For every fold the density of all other folds, with a model as prior.

    The prior says that the density's coefficients are normal about those of `prior`, with `prior_spread` times the
    variance that a random arrangement of its atoms would have.
    """
    plane = coefficients.plane
    count = int(folds.max()) + 1
    sums = accumulate(
        plane,
        coefficients.values,
        response.lens,
        placed.rotations,
        placed.shifts,
        weights=placed.weights,
        sets=folds,
        count=count,
    )
    grid = grid_of(plane)
    factor = form_factor_table(response)
    expected = density_spectrum(prior, factor, grid)
    k = (grid.lengths() * grid.step).reshape(-1)
    f = torch.from_numpy(np.interp(k.cpu().numpy(), *factor)).float().to(plane.device)
    power = prior.occupancies.square().sum() * f.square() * torch.exp(-0.5 * prior.b_factor * k.square())
    precision = 2.0 / (prior_spread * power)
    # frequencies outside of the band say nothing, and the prior's would only draw the mean of the sphere
    inside = (k >= float(plane.k.min())) & (k <= float(plane.k.max()))
    expected = torch.where(inside, expected, torch.zeros_like(expected))
    return [volume_of(sums.without(fold), prior=expected, precision=precision, radius=radius) for fold in range(count)]


def settle_copies(
    coefficients: Coefficients,
    response: Response,
    sphere: AtomModel,
    start: Assignment,
    *,
    symmetry: LatticeSymmetry,
    time: TimeModel,
    folds: Tensor,
    iterations: int,
    prior_spread: float,
    radius: float,
    shifts: Tensor,
    spread: float,
    on_step: Callable[[int, int], None] | None = None,
) -> Assignment:
    """Expectation-maximisation over the lattice copies of every image's orientation.

    Each iteration makes a density for every fold from all other folds, scores the copies of each image's orientation,
    in which the start looks the same, against it, and weighs them along time. An image never sees a density that it is
    part of, which would hold it where it is; the start as prior keeps a density from running away from the lattice
    while few images agree.

    Parameters
    ----------
    coefficients, response
        At the resolution that is to tell copies apart.
    sphere : AtomModel
        The prior, any scale.
    start : Assignment
    symmetry : LatticeSymmetry
    time : TimeModel
    folds : (n,) int
    iterations : int
        At most; it ends where less than 0.5 % of the images change.
    prior_spread, radius
        See `held_out_densities`.
    shifts : (s, 2) float [Å]
    spread : float [Å]
        Standard deviation of the shifts per axis.
    on_step : callable, optional

    References
    ----------
    A mode in which all pseudo-symmetric alignments of a particle are tested was asked for in cisTEM's issue 211.
    """
    placed = start
    for iteration in range(iterations):
        prior = scaled_to(sphere, response, coefficients, placed)
        densities = held_out_densities(
            coefficients, response, placed, folds, prior=prior, prior_spread=prior_spread, radius=radius
        )
        slicers = [slicer(density) for density in densities]

        def project(fold: int, rotations: Tensor, slicers: list[Slicer] = slicers) -> Tensor:
            return slicers[fold](coefficients.plane, rotations) * response.lens

        copies, half_turns = symmetry.candidates(placed.rotations)
        scores = score_candidates(
            coefficients,
            project,
            copies,
            shifts,
            folds=folds,
            penalty=shift_penalty(shifts, spread, placed.held_out_z),
            half_turns=half_turns,
        )
        placed = weighed(scores, placed, time)
        if on_step is not None:
            on_step(iteration + 1, iterations)
        if placed.changed < _SETTLED:
            break
    return placed


def weighed(scores: Scores, before: Assignment, time: TimeModel) -> Assignment:
    """The most probable candidate of every image, whose expected score is the mean of the best ones."""
    amplitude = max(float(scores.z.amax(dim=1).mean()), 1.0)
    slope = evidence_slope(amplitude, resemblance=_RESEMBLANCE)
    posterior = time.posterior(slope * scores.z, scores.rotations)
    rotations, shifts, z = chosen(scores, posterior.argmax(dim=1))
    trace = torch.einsum("nij,ncij->nc", rotations, scores.rotations)
    near = trace > 1.0 + 2.0 * math.cos(math.radians(8.0))
    moved = torch.einsum("nij,nij->n", rotations, before.rotations) < 1.0 + 2.0 * math.cos(math.radians(8.0))
    return Assignment(
        rotations=rotations,
        shifts=shifts,
        weights=(posterior * near).sum(dim=1).clamp(min=_LEAST_WEIGHT),
        z=z,
        changed=float(moved.float().mean()),
    )
