"""Products of images with single atoms, and of the images of two atoms with each other."""

import numpy as np
import torch
from scipy.special import j0
from torch import Tensor

from atomotion.tomography.forward import phase_tables, projected
from atomotion.tomography.response import Response

TABLE_STEP = 0.02  # Å


def overlap_table(response: Response, b_factor: float, points: Tensor, *, power: int = 0) -> Tensor:
    """``sum_k |h(k)|² (k²/4)^power J0(2π k r)`` at r = 0, 0.02, ... Å: the product of two atoms' images r apart.

    The mean over the directions of ``Re <f_i, f_j>``; the response depends on the direction only where coefficients of
    a support's lattice are left out.

    Parameters
    ----------
    response : Response
    b_factor : float [Å²]
    points : (s, 3) float [Å]
        The table reaches as far as two of them can be apart.
    power : int
        Each factor of -k²/4 is a derivative after B; two atoms share them.
    """
    farthest = 2.0 * float(points.norm(dim=1).max()) + 1.0
    r = np.arange(int(farthest / TABLE_STEP) + 3) * TABLE_STEP
    k = response.plane.k.double().cpu().numpy()
    strength = response.atom(b_factor).double().square().cpu().numpy() * (0.25 * k**2) ** power
    rings = np.round(k / (0.5 * response.plane.step)).astype(int)
    weight = np.bincount(rings, strength)
    used = weight > 0
    mean = np.bincount(rings, strength * k)[used] / weight[used]
    values = j0(2.0 * np.pi * r[:, None] * mean) @ weight[used]
    return torch.from_numpy(values).float().to(response.plane.device)


def summed_overlaps(tables: Tensor, points: Tensor, rotations: Tensor, weights: Tensor) -> Tensor:
    """(p, s, s) products of all pairs of atoms, by tables (p, r), summed over images with weights (b,)."""
    x, y, _ = projected(points, rotations, torch.zeros_like(rotations[:, 0, :2]))
    apart = torch.hypot(x[:, :, None] - x[:, None], y[:, :, None] - y[:, None]).div_(TABLE_STEP)
    below = apart.long()
    share = apart - below
    return torch.stack(
        [torch.einsum("b,bij->ij", weights, torch.lerp(table[below], table[below + 1], share)) for table in tables]
    )


def products_with_atoms(
    values: Tensor, response: Response, points: Tensor, rotations: Tensor, shifts: Tensor
) -> Tensor:
    """(b, s) ``Re <v, exp(-2πi k·(R x_i + s))>``: the derivative of the product with all atoms after each one."""
    x, y, _ = projected(points, rotations, shifts)
    return phase_tables(response.plane, x, y).products(values[:, None])[:, 0]
