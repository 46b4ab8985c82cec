"""Poses refined against a model of atoms: Levenberg-Marquardt with the exact derivatives."""

from dataclasses import dataclass

import torch
from torch import Tensor

from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.forward import AtomModel, batch_size, predicted, predicted_with_slopes, turned_by
from atomotion.tomography.response import Response
from atomotion.tomography.shifts import norms

_LARGEST_TURN = 0.05  # rad
_LARGEST_SHIFT = 0.3  # Å
_DAMPING = 1e-2


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """Where every image's particle lies and how well it fits.

    Parameters
    ----------
    rotations : (n, 3, 3) float
    shifts : (n, 2) float, dx dy [Å]
    z : (n,) float
        Correlation with the model in noise sigmas.
    """

    rotations: Tensor
    shifts: Tensor
    z: Tensor

    def __len__(self) -> int:
        return len(self.rotations)


def correlation(images: Tensor, models: Tensor) -> Tensor:
    """(b,) ``Re <d, f> / |f|`` of (b, m) images and predictions, in noise sigmas."""
    return (images * models.conj()).real.sum(1) / norms(models)


def refine_poses(
    coefficients: Coefficients,
    model: AtomModel,
    response: Response,
    rotations: Tensor,
    shifts: Tensor,
    *,
    iterations: int,
    centre: Tensor | None = None,
    centre_error: float | None = None,
) -> Placed:
    """The poses nearby that fit best: three rotations, two shifts and the scale of every image.

    A step is taken only where it raises the correlation; the last poses are checked too. A rotation by more than 3° or
    a shift by more than 0.3 Å at a time is cut.

    Parameters
    ----------
    coefficients : Coefficients
    model : AtomModel
    response : Response
        On the plane of the coefficients.
    rotations : (n, 3, 3), shifts : (n, 2)
    iterations : int
    centre : (n, 2) float [Å] or None
        Where the shifts are expected, normal with the standard deviation `centre_error` [Å] per axis.
    """
    size = batch_size(response.plane, len(model), tables=4)
    found = []
    for start in range(0, len(rotations), size):
        part = slice(start, start + size)
        expected = None if centre is None or centre_error is None else (centre[part], centre_error)
        found.append(
            _refined(coefficients.values[part], model, response, rotations[part], shifts[part], iterations, expected)
        )
    turned, moved, z = zip(*found)
    return Placed(rotations=torch.cat(turned), shifts=torch.cat(moved), z=torch.cat(z))


def _refined(
    images: Tensor,
    model: AtomModel,
    response: Response,
    rotations: Tensor,
    shifts: Tensor,
    iterations: int,
    expected: tuple[Tensor, float] | None,
) -> tuple[Tensor, Tensor, Tensor]:
    best_turn, best_shift = rotations, shifts
    best = torch.full((len(images),), -torch.inf, device=images.device)
    best_z = best
    for iteration in range(iterations + 1):
        last = iteration == iterations
        if last:
            predictions = predicted(model, response, rotations, shifts)
        else:
            predictions, slopes = predicted_with_slopes(model, response, rotations, shifts)
        z = correlation(images, predictions)
        merit = z if expected is None else z - _surprise(shifts, *expected) / z.clamp(min=1.0)
        better = merit > best
        best, best_z = torch.where(better, merit, best), torch.where(better, z, best_z)
        best_turn = torch.where(better[:, None, None], rotations, best_turn)
        best_shift = torch.where(better[:, None], shifts, best_shift)
        if not last:
            turn, move = _step(images, predictions, slopes, shifts, expected)
            # a step that did not help is tried again from the best pose, half as far
            failed = 0.5 * (~better).float()
            rotations = torch.where(better[:, None, None], turned_by(turn, rotations), _between(best_turn, rotations))
            shifts = torch.where(better[:, None], shifts + move, best_shift + failed[:, None] * (shifts - best_shift))
    return best_turn, best_shift, best_z


def _between(first: Tensor, second: Tensor) -> Tensor:
    """Rotations half-way between two near ones."""
    relative = second @ first.transpose(1, 2)
    vector = 0.5 * torch.stack(
        [
            relative[:, 2, 1] - relative[:, 1, 2],
            relative[:, 0, 2] - relative[:, 2, 0],
            relative[:, 1, 0] - relative[:, 0, 1],
        ],
        dim=1,
    )
    return turned_by(0.5 * vector, first)


def _surprise(shifts: Tensor, centre: Tensor, error: float) -> Tensor:
    return (shifts - centre).square().sum(1) / (2.0 * error**2)


def _step(
    images: Tensor, predictions: Tensor, slopes: Tensor, shifts: Tensor, expected: tuple[Tensor, float] | None
) -> tuple[Tensor, Tensor]:
    """The rotation vector (b, 3) [rad] and the shift (b, 2) [Å] of one damped Gauss-Newton step."""
    rows = torch.view_as_real(torch.cat([slopes, predictions[:, None]], dim=1)).flatten(2)
    products = rows @ rows.transpose(1, 2)
    with_image = (rows @ torch.view_as_real(images).flatten(1)[..., None])[..., 0]
    scale = with_image[:, 5] / products[:, 5, 5].clamp(min=1e-20)
    # the derivatives after the pose are those of the scaled prediction
    factors = torch.cat([scale[:, None].expand(-1, 5), torch.ones_like(scale)[:, None]], dim=1)
    normal = products * factors[:, :, None] * factors[:, None]
    slope = (with_image - scale[:, None] * products[:, 5]) * factors
    if expected is not None:
        centre, error = expected
        normal[:, 3, 3] += 1.0 / error**2
        normal[:, 4, 4] += 1.0 / error**2
        slope[:, 3:5] += (centre - shifts) / error**2
    diagonal = torch.diagonal(normal, dim1=1, dim2=2)
    damped = normal + torch.diag_embed(_DAMPING * diagonal + 1e-9 * diagonal.amax(1, keepdim=True))
    step = torch.linalg.solve(damped, slope[..., None])[..., 0]
    turn = step[:, :3]
    turn = turn * (_LARGEST_TURN / turn.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1.0)
    return turn, step[:, 3:5].clamp(-_LARGEST_SHIFT, _LARGEST_SHIFT)
