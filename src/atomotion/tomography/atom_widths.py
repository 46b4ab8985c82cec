"""How much of every atom there is and how widely it is spread, from all images at once."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.tomography.atom_overlaps import overlap_table, products_with_atoms, summed_overlaps
from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.forward import AtomModel, batch_size, weighted_sums
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.response import Response

_BATCH_BYTES = 96 * 2**20
# occupancies are known to differ by at least this part, so that none is held to the mean altogether
_LEAST_SPREAD = 0.03
_WEAKEST, _WIDEST = 0.05, 40.0  # of the mean; Å²
_ROUNDS, _POWERS = 3, 5
_TAILS = 3.0
_SUMMED = 400  # images whose mean tells how atoms overlap in projection


@dataclass(frozen=True, kw_only=True, slots=True)
class AtomWidths:
    """Strength and displacement of every atom, with what noise makes of them.

    Parameters
    ----------
    occupancies, occupancy_errors : (n,) float
        In units of the model's median.
    u_iso, u_errors : (n,) float [Å²]
        Mean-square displacement along an axis, ``B / 8π²``, with whatever blurs all images.
    spread : float
        Standard deviation by which occupancies truly differ, which holds them to their mean.
    """

    occupancies: NDArray[np.float64]
    occupancy_errors: NDArray[np.float64]
    u_iso: NDArray[np.float64]
    u_errors: NDArray[np.float64]
    spread: float


def fit_widths(
    coefficients: Coefficients, model: AtomModel, response: Response, placed: Placed, weights: Tensor
) -> AtomWidths:
    r"""Joint least squares in the strengths o and the widths B of all atoms, at fixed places and poses.

    With h(k) the response with the common B, the prediction is

    .. math:: F_t(k) = \sum_i o_i\, e^{-(B_i - B) k^2/4}\, h(k)\, e^{-2\pi i k \cdot (R_t x_i + s_t)} ,

    its exponential taken to the fourth power. In the normal equations, which stay those of equal widths, the products
    of two atoms depend on their distance in projection only: ``sum_k |h|² (k²/4)^p J0(2π k r)``. A strength and a width
    are seen by much the same frequencies, so that free strengths make widths noisy. Each is therefore held to the mean
    as far as their differences are noise: with a prior whose variance is that of the free fit's strengths, by their
    median absolute deviation, less that of their errors. Its tails are those of Student's t with 3 degrees of freedom,
    so that an atom which is clearly there half of the time stays so.

    Parameters
    ----------
    coefficients, model, response, placed
        As in `refine_jointly`; of unit noise.
    weights : (n,) float
        0 for images that are left out.
    """
    strength = model.occupancies.double().cpu().numpy()
    excess = np.zeros_like(strength)
    normal = _normal_matrix(model, response, placed, weights)
    count, spread, mean = len(model), 0.0, float(np.median(strength))
    held = np.zeros(count)
    for number in range(_ROUNDS):
        slopes = _slopes(coefficients, model, response, placed, weights, strength, excess)
        step, covariance = _solved(normal, slopes, strength, mean, held)
        if number == 0:
            free = strength + step[:count]
            seen = 1.4826 * float(np.median(np.abs(free - np.median(free))))
            noise = float(np.median(np.sqrt(np.diag(covariance)[:count])))
            mean = float(np.median(free))
            spread = float(np.sqrt(max(seen**2 - noise**2, (_LEAST_SPREAD * mean) ** 2)))
            far = (free - mean) ** 2 / (spread**2 + np.diag(covariance)[:count])
            held = (_TAILS + 1.0) / (_TAILS + far) / spread**2
            step, covariance = _solved(normal, slopes, strength, mean, held)
        strength = np.maximum(strength + step[:count], _WEAKEST * mean)
        excess = np.clip(excess + step[count:] / strength, -model.b_factor, _WIDEST)
    variances = np.diag(covariance)
    unit = float(np.median(strength))
    return AtomWidths(
        occupancies=strength / unit,
        occupancy_errors=np.sqrt(variances[:count]) / unit,
        u_iso=(model.b_factor + excess) / (8.0 * np.pi**2),
        u_errors=np.sqrt(variances[count:]) / strength / (8.0 * np.pi**2),
        spread=spread / unit,
    )


def _solved(
    normal: NDArray[np.float64],
    slopes: NDArray[np.float64],
    strength: NDArray[np.float64],
    mean: float,
    held: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Step (2n,) in strengths and widths, and its covariance; strengths held to `mean` with the precisions `held`."""
    count = len(strength)
    matrix, right = normal + 1e-6 * np.diag(np.diag(normal)), slopes.copy()
    matrix[np.arange(count), np.arange(count)] += held
    right[:count] += (mean - strength) * held
    covariance = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    return covariance @ right, covariance


def _normal_matrix(model: AtomModel, response: Response, placed: Placed, weights: Tensor) -> NDArray[np.float64]:
    """(2n, 2n) of the strengths and of strength times width."""
    plane, count = response.plane, len(model)
    tables = [overlap_table(response, model.b_factor, model.positions, power=power) for power in range(3)]
    energy = torch.zeros((3, count, count), dtype=torch.double, device=plane.device)
    used = torch.nonzero(weights).flatten()
    used = used[torch.linspace(0, len(used) - 1, min(len(used), _SUMMED), device=plane.device).round().long()]
    for part in torch.split(used, max(1, _BATCH_BYTES // (24 * count**2))):
        energy += summed_overlaps(torch.stack(tables), model.positions, placed.rotations[part], weights[part])
    strengths, mixed, widths = (energy * (weights.sum() / weights[used].sum())).cpu().numpy()
    return np.block([[strengths, -mixed], [-mixed, widths]])


def _slopes(
    coefficients: Coefficients,
    model: AtomModel,
    response: Response,
    placed: Placed,
    weights: Tensor,
    strength: NDArray[np.float64],
    excess: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(2n,) products of what is left of the images with the change of each strength and width."""
    plane = response.plane
    atom, lean = response.atom(model.b_factor), -0.25 * plane.k.square()
    powers = np.stack([strength * excess**power for power in range(_POWERS)])
    terms = torch.from_numpy(powers).float().to(plane.device)
    slopes = torch.zeros((2, len(model)), dtype=torch.double, device=plane.device)
    size = batch_size(plane, len(model), tables=2 * _POWERS)
    for start in range(0, len(placed), size):
        part = slice(start, start + size)
        turns, moves, weight = placed.rotations[part], placed.shifts[part], weights[part]
        sums = weighted_sums(plane, model.positions, terms.expand(len(turns), -1, -1), turns, moves)
        factors = sum(sums[:, power] * (lean**power / math.factorial(power)) for power in range(_POWERS))
        left = (coefficients.values[part] - factors * atom) * weight[:, None]
        for row, factor in enumerate((atom, atom * lean)):
            products = products_with_atoms(left * factor, response, model.positions, turns, moves)
            slopes[row] += products.sum(dim=0, dtype=torch.double)
    return slopes.flatten().cpu().numpy()
