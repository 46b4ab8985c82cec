"""What a model of atoms predicts for every image: exact structure factors, and how they change with the pose."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from atomotion.tomography.half_plane import HalfPlane
from atomotion.tomography.response import Response

_BATCH_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class AtomModel:
    """Atoms of one element, as the images see them.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
        Relative to the particle's origin.
    occupancies : (n,) float
        Strength of each atom. Its scale is that of the images, in units of what the response gives for one atom.
    b_factor : float [Å²]
        Debye-Waller factor ``exp(-B k² / 4)`` of all atoms.
    """

    positions: Tensor
    occupancies: Tensor
    b_factor: float

    def __len__(self) -> int:
        return len(self.positions)

    def of(self, atoms: Tensor) -> "AtomModel":
        """The model with some of its atoms: (k,) indices or (n,) bool."""
        return replace(self, positions=self.positions[atoms], occupancies=self.occupancies[atoms])


def batch_size(plane: HalfPlane, atoms: int, *, tables: int = 1) -> int:
    """How many images are worked on at a time, so that the phases of all atoms stay below 64 MB."""
    return max(1, _BATCH_BYTES // (8 * max(1, atoms) * (3 * plane.reach + 2) * tables))


def projected(positions: Tensor, rotations: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x, y (with the shift) and z of the turned atoms, each (b, n), for rotations (b, 3, 3) and shifts (b, 2)."""
    turned = torch.einsum("bij,nj->bin", rotations, positions)
    return turned[:, 0] + shifts[:, :1], turned[:, 1] + shifts[:, 1:], turned[:, 2]


def _phase_tables(plane: HalfPlane, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """``exp(-2πi kx x)`` (b, n, reach + 1) and ``exp(-2πi ky y)`` (b, 2 reach + 1, n)."""
    order = torch.arange(plane.reach + 1, device=x.device, dtype=x.dtype)
    along_x = x[..., None] * (order * (-2.0 * math.pi * plane.step))
    along_y = y[:, None, :] * (order * (-2.0 * math.pi * plane.step))[:, None]
    # twice as fast as torch.polar
    columns = torch.complex(torch.cos(along_x), torch.sin(along_x))
    upper = torch.complex(torch.cos(along_y), torch.sin(along_y))
    return columns, torch.cat([upper[:, 1:].flip(1).conj(), upper], dim=1)


def structure_factors(
    plane: HalfPlane, positions: Tensor, occupancies: Tensor, rotations: Tensor, shifts: Tensor
) -> Tensor:
    """Coefficients of points at many poses: ``F(k) = sum_i o_i exp(-2πi k·(R x_i + s))``.

    A phase is a product of a factor of x and one of y, so that each image is one matrix product over the atoms: exact
    at every frequency, without a grid. It can be differentiated.

    Parameters
    ----------
    plane : HalfPlane
    positions : (n, 3) float [Å]
    occupancies : (n,) float
    rotations : (b, 3, 3) float
    shifts : (b, 2) float, dx dy [Å]

    Returns
    -------
    (b, m) complex
    """
    x, y, _ = projected(positions, rotations, shifts)
    columns, rows = _phase_tables(plane, x, y)
    table = torch.bmm(rows * occupancies, columns)
    return table.reshape(len(rotations), -1)[:, plane.flat]


def predicted(model: AtomModel, response: Response, rotations: Tensor, shifts: Tensor) -> Tensor:
    """(b, m) whitened coefficients of the model at each pose, a batch at a time."""
    size = batch_size(response.plane, len(model))
    atom = response.atom(model.b_factor)
    parts = [
        structure_factors(response.plane, model.positions, model.occupancies, turn, shift) * atom
        for turn, shift in zip(torch.split(rotations, size), torch.split(shifts, size))
    ]
    return torch.cat(parts)


def predicted_with_slopes(
    model: AtomModel, response: Response, rotations: Tensor, shifts: Tensor
) -> tuple[Tensor, Tensor]:
    """The coefficients of the model, (b, m), and their derivatives after the pose, (b, 5, m).

    The derivatives are after the three components [rad] of a small rotation about the laboratory's axes, applied after
    the pose's own, and after dx, dy [Å]. With ``S_w = sum_i w_i o_i exp(...)`` for the weights 1, x, y, z of the turned
    atoms (without the shift): ``dF = 2πi (ky S_z, -kx S_z, kx S_y - ky S_x, -kx S_1, -ky S_1)``.

    All images are worked on at once; see `batch_size`.
    """
    plane = response.plane
    x, y, z = projected(model.positions, rotations, torch.zeros_like(shifts))
    weights = torch.stack([torch.ones_like(x), x, y, z], dim=1) * model.occupancies
    sums = weighted_sums(plane, model.positions, weights, rotations, shifts) * response.atom(model.b_factor)
    one, sum_x, sum_y, sum_z = sums.unbind(1)
    kx, ky = plane.kx, plane.ky
    slopes = torch.stack([ky * sum_z, -kx * sum_z, kx * sum_y - ky * sum_x, -kx * one, -ky * one], dim=1)
    return one, 2j * math.pi * slopes


def weighted_sums(plane: HalfPlane, positions: Tensor, weights: Tensor, rotations: Tensor, shifts: Tensor) -> Tensor:
    """(b, w, m) structure factors with several weights (b, w, n) of every point at each pose."""
    x, y, _ = projected(positions, rotations, shifts)
    columns, rows = _phase_tables(plane, x, y)
    table = (rows[:, None] * weights[:, :, None]).reshape(len(rotations), -1, len(positions))
    return torch.bmm(table, columns).reshape(len(rotations), weights.shape[1], -1)[:, :, plane.flat]


def turned_by(vectors: Tensor, rotations: Tensor) -> Tensor:
    """(b, 3, 3) rotations followed by those about each vector (b, 3) by its length [rad]; can be differentiated."""
    angle = torch.sqrt(vectors.square().sum(-1) + 1e-12)
    first = (torch.sin(angle) / angle)[:, None, None]
    second = ((1.0 - torch.cos(angle)) / angle.square())[:, None, None]
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(-1, 3, 3)
    turn = torch.eye(3, device=vectors.device, dtype=vectors.dtype) + first * cross + second * (cross @ cross)
    return turn @ rotations
