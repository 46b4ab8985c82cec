"""Poses to be tried for every image, how well each fits, and the most probable path through them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.forward import turned_by
from atomotion.tomography.shifts import best_shifts

_PAIRS = 1024
_BLOCK_BYTES = 8 * 2**20

# projections (b, m) of what belongs to one fold at rotations (b, 3, 3), with the lens and without shifts
Projector = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """How well candidates fit.

    Parameters
    ----------
    rotations : (n, c, 3, 3) float
    z : (n, c) float
        Correlation in noise sigmas at the best shift.
    shifts : (n, c, 2) float, dx dy [Å]
    """

    rotations: Tensor
    z: Tensor
    shifts: Tensor


def perturbed(rotations: Tensor, count: int, rms_deg: float, generator: torch.Generator) -> Tensor:
    """(n, count, 3, 3) random orientations about each, isotropic, with this rms angle about each axis."""
    n = len(rotations)
    vectors = torch.randn((n * count, 3), generator=generator).to(rotations.device) * math.radians(rms_deg)
    return turned_by(vectors, rotations.repeat_interleave(count, 0)).reshape(n, count, 3, 3)


def with_neighbours(rotations: Tensor, count: int, rms_deg: float, generator: torch.Generator) -> Tensor:
    """(n, 2 count, 3, 3) random orientations about those of the images before and after."""
    before = torch.cat([rotations[:1], rotations[:-1]])
    after = torch.cat([rotations[1:], rotations[-1:]])
    return torch.cat([perturbed(each, count, rms_deg, generator) for each in (before, after)], dim=1)


def score_candidates(
    coefficients: Coefficients,
    project: Projector,
    rotations: Tensor,
    shifts: Tensor,
    *,
    folds: Tensor,
    penalty: Tensor | None = None,
    half_turns: bool = False,
) -> Scores:
    """The fit of every candidate at its best shift.

    Parameters
    ----------
    coefficients : Coefficients
    project : callable
        ``project(fold, rotations)``: what the images of a fold are compared with.
    rotations : (n, c, 3, 3) float
    shifts : (s, 2) float [Å]
    folds : (n,) int
        Fold of each image.
    penalty : (s,) or (n, s) float or None
        See `best_shifts`.
    half_turns : bool
        Try each orientation also turned by 180° about the beam; its projection is the complex conjugate. These
        candidates come after all others.
    """
    n, count = rotations.shape[:2]
    turns = 2 if half_turns else 1
    z = torch.empty((n, turns * count), device=rotations.device)
    moved = torch.empty((n, turns * count, 2), device=rotations.device)
    size = max(1, _PAIRS // count)
    for fold in torch.unique(folds).tolist():
        members = torch.nonzero(folds == fold).flatten()
        for part in torch.split(members, size):
            models = project(fold, rotations[part].reshape(-1, 3, 3))
            images = coefficients.values[part].repeat_interleave(count, 0)
            cost = penalty[part].repeat_interleave(count, 0) if penalty is not None and penalty.ndim == 2 else penalty
            for turn in range(turns):
                given = models if turn == 0 else models.conj()
                best, shift = best_shifts(coefficients.plane, images, given, shifts, penalty=cost)
                columns = slice(turn * count, (turn + 1) * count)
                z[part, columns] = best.reshape(len(part), count)
                moved[part, columns] = shift.reshape(len(part), count, 2)
    if half_turns:
        half_turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0], device=rotations.device))
        rotations = torch.cat([rotations, half_turn @ rotations], dim=1)
    return Scores(rotations=rotations, z=z, shifts=moved)


class _Steps:
    """Weights of the steps between the candidates of neighbouring images, (c, c) from row to column."""

    def __init__(self, rotations: Tensor, step_deg: float, leak: float, gaps: NDArray[np.floating]) -> None:
        self._flat = rotations.flatten(2)
        count = rotations.shape[1]
        self._precision = torch.from_numpy(0.5 / (math.radians(step_deg) ** 2 * gaps)).to(self._flat)[:, None, None]
        self._leak = leak / count
        self._size = max(1, _BLOCK_BYTES // (4 * count**2))
        self._block, self._table = -1, self._flat

    def weights(self, i: int) -> Tensor:
        """From image i to image i + 1; those of several images are made together."""
        block = i // self._size
        if block != self._block:
            part = slice(block * self._size, (block + 1) * self._size)
            precision = self._precision[part]
            trace = self._flat[part][: len(precision)] @ self._flat[1:][part].transpose(1, 2)
            angle = torch.arccos((0.5 * (trace - 1.0)).clamp(-1.0, 1.0))
            self._block, self._table = block, torch.exp(-angle.square() * precision) + self._leak
        return self._table[i - block * self._size]


def candidate_posterior(
    log_likelihood: Tensor, rotations: Tensor, *, step_deg: float, leak: float, gaps: NDArray[np.floating]
) -> Tensor:
    """(n, c) probability of every candidate given all images (forward-backward).

    Parameters
    ----------
    log_likelihood : (n, c) float
    rotations : (n, c, 3, 3) float
    step_deg : float [deg]
        Standard deviation of the rotation from image to image about each axis, per unit of time.
    leak : float
        Probability of a jump to anywhere.
    gaps : (n - 1,) float
        Time from each image to the next.
    """
    n = len(log_likelihood)
    steps = _Steps(rotations, step_deg, leak, gaps)
    likelihood = torch.softmax(log_likelihood, dim=1)
    forward = likelihood.clone()
    for i in range(1, n):
        state = (forward[i - 1] @ steps.weights(i - 1)) * likelihood[i]
        forward[i] = state / state.sum()
    backward = torch.ones_like(forward[0])
    for i in range(n - 2, -1, -1):
        backward = steps.weights(i) @ (backward * likelihood[i + 1])
        backward = backward / backward.sum()
        forward[i] = forward[i] * backward
        forward[i] /= forward[i].sum()
    return forward


def candidate_path(
    log_likelihood: Tensor, rotations: Tensor, *, step_deg: float, leak: float, gaps: NDArray[np.floating]
) -> Tensor:
    """(n,) the candidates of the most probable path (Viterbi); parameters as in `candidate_posterior`."""
    n = len(log_likelihood)
    steps = _Steps(rotations, step_deg, leak, gaps)
    score = log_likelihood[0]
    came_from = []
    for i in range(1, n):
        best, source = (score[:, None] + steps.weights(i - 1).log()).max(dim=0)
        came_from.append(source)
        score = best + log_likelihood[i]
        score = score - score.max()
    path = [int(score.argmax())]
    for source in reversed(came_from):
        path.append(int(source[path[-1]]))
    return torch.tensor(path[::-1], device=rotations.device)


def chosen(scores: Scores, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rotations (n, 3, 3), shifts (n, 2) and z (n,) of one candidate `index` (n,) of each image."""
    rows = torch.arange(len(index), device=index.device)
    return scores.rotations[rows, index], scores.shifts[rows, index], scores.z[rows, index]
