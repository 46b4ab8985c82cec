"""Where the particle lies in its box: exhaustive searches over displacements, as matrix products."""

import math

import torch
from torch import Tensor

from atomotion.tomography.half_plane import HalfPlane

_BATCH = 512


def shift_grid(reach: float, step: float, *, device: torch.device | str = "cpu") -> Tensor:
    """(s, 2) displacements dx, dy [Å] on a square grid within a circle of radius `reach`; the first one is zero."""
    n = int(reach / step)
    axis = torch.arange(-n, n + 1, device=device) * step
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 2)
    length = grid.norm(dim=1)
    order = torch.argsort(length, stable=True)
    return grid[order][length[order] <= reach + 1e-6]


def shift_table(plane: HalfPlane, shifts: Tensor) -> Tensor:
    """(2 m, s) real table: products ``d conj(f)``, real and imaginary parts in turn, times it are correlations.

    Column s holds the real part of ``d conj(f) exp(+2πi k·s)``: the correlation of an image d with a prediction f
    displaced by s.
    """
    angle = 2.0 * math.pi * (plane.kx[:, None] * shifts[:, 0] + plane.ky[:, None] * shifts[:, 1])
    return torch.stack([torch.cos(angle), -torch.sin(angle)], dim=1).flatten(0, 1)


def norms(values: Tensor) -> Tensor:
    """(b,) norms of the rows of a complex table, never 0; several times faster than those of torch."""
    return torch.view_as_real(values.resolve_conj()).square().sum((1, 2)).sqrt().clamp(min=1e-20)


def best_shifts(
    plane: HalfPlane, images: Tensor, models: Tensor, shifts: Tensor, *, penalty: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The best correlation with each model over displacements, in noise sigmas, and the displacement.

    ``z = Re sum_k d conj(f) exp(2πi k·s) / |f|``, which for coefficients of unit noise is normal with variance 1 where
    the model is wrong altogether.

    Parameters
    ----------
    plane : HalfPlane
    images, models : (b, m) complex
    shifts : (s, 2) float [Å]
        See `shift_grid`.
    penalty : (b, s) or (s,) float or None
        Subtracted from z before the best displacement is chosen; the z that is given back does not contain it.

    Returns
    -------
    z : (b,) float
    shift : (b, 2) float [Å]
    """
    table = shift_table(plane, shifts)
    values, chosen = [], []
    for start in range(0, len(images), _BATCH):
        given = models[start : start + _BATCH]
        z = torch.view_as_real(images[start : start + _BATCH] * given.conj()).flatten(1) @ table
        z /= norms(given)[:, None]
        judged = z
        if penalty is not None:
            judged = z - (penalty if penalty.ndim == 1 else penalty[start : start + _BATCH])
        best = judged.argmax(dim=1, keepdim=True)
        values.append(z.gather(1, best)[:, 0])
        chosen.append(best[:, 0])
    return torch.cat(values), shifts[torch.cat(chosen)]


def shift_penalty(shifts: Tensor, spread: float, amplitude: float) -> Tensor:
    """(..., s) what a displacement costs in units of z: its surprise ``|s|² / (2 spread²)``, of which A are one sigma.

    Parameters
    ----------
    shifts : (..., s, 2) float [Å]
        Relative to where the particle is expected.
    spread : float [Å]
        Standard deviation per axis.
    amplitude : float
        Expected z of a right orientation, A.
    """
    return shifts.square().sum(-1) / (2.0 * spread**2 * max(amplitude, 1.0))
