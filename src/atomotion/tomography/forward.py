"""What a model of atoms predicts for every image: exact structure factors, and how they change with the pose."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from atomotion.tomography.half_plane import HalfPlane
from atomotion.tomography.response import Response

# what fits into the caches of a processor; a graphics card wants many images at a time
_BATCH_BYTES = {"cpu": 16 * 2**20, "cuda": 64 * 2**20}


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
    """How many images are worked on at a time: those whose tables, for so many weights, stay in fast memory."""
    limit = _BATCH_BYTES.get(plane.device.type, _BATCH_BYTES["cuda"])
    return max(1, limit // (8 * max(1, atoms) * (plane.reach + 1) * (2 + tables)))


def projected(positions: Tensor, rotations: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x, y (with the shift) and z of the turned atoms, each (b, n), for rotations (b, 3, 3) and shifts (b, 2)."""
    turned = torch.einsum("bij,nj->bin", rotations, positions)
    return turned[:, 0] + shifts[:, :1], turned[:, 1] + shifts[:, 1:], turned[:, 2]


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseTables:
    """The phases of points at several poses, as factors of x and of y.

    With the cosines and sines of ``2πkx x`` and ``2πky y`` for frequencies that are not negative, a sum over points is
    one real matrix product; its four parts are added for ky and subtracted for -ky.

    Parameters
    ----------
    plane : HalfPlane
    columns, rows : (b, 2, reach + 1, n) float
        Cosines and sines of x and of y.
    """

    plane: HalfPlane
    columns: Tensor
    rows: Tensor

    def sums(self, weights: Tensor) -> Tensor:
        """(b, w, m) complex ``sum_i w_i exp(-2πi k·x_i)`` for weights (b, w, n)."""
        b, count = len(self.rows), self.plane.reach + 1
        left = (self.rows.flatten(1, 2)[:, None] * weights[:, :, None]).flatten(1, 2)
        table = torch.bmm(left, self.columns.flatten(1, 2).transpose(1, 2)).reshape(b, -1, 2, count, 2, count)
        (even, cosine_sine), (sine_cosine, odd) = (part.unbind(3) for part in table.unbind(2))
        real = torch.cat([(even + odd)[:, :, 1:].flip(2), even - odd], dim=2)
        imaginary = torch.cat([(sine_cosine - cosine_sine)[:, :, 1:].flip(2), -(sine_cosine + cosine_sine)], dim=2)
        return torch.complex(real, imaginary).flatten(2).index_select(2, self.plane.flat)

    def products(self, values: Tensor) -> Tensor:
        """(b, w, n) ``Re sum_k v(k)* exp(-2πi k·x_i)`` of each point, for values (b, w, m): the transpose of `sums`."""
        b, w, _ = values.shape
        reach = self.plane.reach
        whole = torch.zeros((b, w, (2 * reach + 1) * (reach + 1)), dtype=values.dtype, device=values.device)
        whole = whole.index_copy_(2, self.plane.flat, values).reshape(b, w, 2 * reach + 1, reach + 1)
        above, below = whole[:, :, reach:], whole[:, :, : reach + 1].flip(2)
        below[:, :, 0] = 0.0
        total, difference = above + below, below - above
        table = torch.cat(
            [torch.cat([total.real, -total.imag], dim=3), torch.cat([difference.imag, difference.real], dim=3)], dim=2
        )
        along_y = torch.bmm(table.flatten(1, 2), self.columns.flatten(1, 2)).reshape(b, w, 2 * reach + 2, -1)
        return (along_y * self.rows.flatten(1, 2)[:, None]).sum(dim=2)


def phase_tables(plane: HalfPlane, x: Tensor, y: Tensor) -> PhaseTables:
    """The tables of points at x, y (b, n) [Å].

    Few cosines and sines are calculated, from which all others follow by the sum of two angles: several times faster.
    """
    count = plane.reach + 1
    side = math.isqrt(plane.reach) + 1
    order = torch.arange(side, device=x.device, dtype=x.dtype)[:, None] * (2.0 * math.pi * plane.step)
    along = torch.stack([x, y], dim=1)[:, :, None]
    near, far = along * order, along * (side * order[: -(-count // side)])
    cos_near, sin_near = torch.cos(near)[:, :, None], torch.sin(near)[:, :, None]
    cos_far, sin_far = torch.cos(far)[:, :, :, None], torch.sin(far)[:, :, :, None]
    tables = along.new_empty((len(x), 2, 2, far.shape[2], side, x.shape[1]))
    torch.mul(cos_far, cos_near, out=tables[:, :, 0]).addcmul_(sin_far, sin_near, value=-1.0)
    torch.mul(sin_far, cos_near, out=tables[:, :, 1]).addcmul_(cos_far, sin_near)
    tables = tables.flatten(3, 4)[:, :, :, :count]
    return PhaseTables(plane=plane, columns=tables[:, 0], rows=tables[:, 1])


def structure_factors(
    plane: HalfPlane, positions: Tensor, occupancies: Tensor, rotations: Tensor, shifts: Tensor
) -> Tensor:
    """Coefficients of points at many poses: ``F(k) = sum_i o_i exp(-2πi k·(R x_i + s))``.

    A phase is a product of a factor of x and one of y, so that each image is one matrix product over the atoms: exact
    at every frequency, without a grid.

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
    return phase_tables(plane, x, y).sums(occupancies.expand(len(x), 1, -1))[:, 0]


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
    return phase_tables(plane, x, y).sums(weights)


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
