"""Atoms refined against all images at once."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.common_strain import without_strain
from atomotion.tomography.forward import AtomModel, batch_size, phase_tables, predicted, projected, weighted_sums
from atomotion.tomography.pose_refinement import Placed, refine_poses
from atomotion.tomography.response import Response

_LARGEST_MOVE = 0.25  # Å
_LARGEST_B = 1.5  # Å²


@dataclass(frozen=True, kw_only=True, slots=True)
class Curvature:
    """Second derivatives of the misfit after the parameters of each atom, all others held fixed.

    Parameters
    ----------
    positions : (n, 3, 3) float [1/Å²]
    occupancies : (n,) float
    """

    positions: Tensor
    occupancies: Tensor


def curvature(model: AtomModel, response: Response, rotations: Tensor, weights: Tensor) -> Curvature:
    """The curvature of ``½ sum w |d - F|²`` in each atom's own parameters, without its overlap with others.

    The image of one atom has the same power wherever it lies, ``o² |h(k)|²``, so that the curvature is
    ``o² sum_images w R^T diag(g) R`` with ``g_a = sum_k (2π k_a)² |h|²`` for x and y, 0 for z. In coefficients of unit
    noise its inverse is the covariance of the atom's position, as far as noise goes.
    """
    plane = response.plane
    power = response.atom(model.b_factor).square()
    along = (2.0 * math.pi) ** 2 * torch.stack(
        [(plane.kx.square() * power).sum(), (plane.ky.square() * power).sum(), torch.zeros((), device=plane.device)]
    )
    turned = torch.einsum("nai,a,naj,n->ij", rotations, along, rotations, weights)
    total = float(weights.sum() * power.sum())
    return Curvature(
        positions=model.occupancies.square()[:, None, None] * turned,
        occupancies=torch.full_like(model.occupancies, total),
    )


def misfit_and_slopes(
    coefficients: Coefficients, model: AtomModel, response: Response, placed: Placed, weights: Tensor
) -> tuple[float, Tensor, Tensor]:
    """``½ sum w |d - F|²`` and its derivatives after positions (n, 3) and occupancies (n,)."""
    plane = response.plane
    atom = response.atom(model.b_factor)
    # the derivatives of exp(-2πi k·x) after x and y, and the exponential itself
    factors = torch.stack([2j * math.pi * plane.kx, 2j * math.pi * plane.ky, torch.ones_like(plane.kx)])
    slope, slope_o = torch.zeros_like(model.positions), torch.zeros_like(model.occupancies)
    total = 0.0
    size = batch_size(plane, len(model), tables=3)
    for start in range(0, len(placed), size):
        part = slice(start, start + size)
        x, y, _ = projected(model.positions, placed.rotations[part], placed.shifts[part])
        tables = phase_tables(plane, x, y)
        residual = tables.sums(model.occupancies.expand(len(x), 1, -1))[:, 0] * atom - coefficients.values[part]
        left = residual * weights[part, None]
        products = tables.products((left * atom)[:, None] * factors)
        slope += torch.einsum("bai,ban->ni", placed.rotations[part, :2], products[:, :2])
        slope_o += products[:, 2].sum(0)
        total += 0.5 * float((left.conj() * residual).real.sum())
    return total, model.occupancies[:, None] * slope, slope_o


def repulsion(positions: Tensor, closest: float) -> tuple[Tensor, Tensor]:
    """Slope (n, 3) and curvature (n,) of ``½ sum (closest - r)²`` over pairs nearer than `closest` [Å]."""
    apart = positions[:, None] - positions[None]
    distance = apart.norm(dim=2) + torch.eye(len(positions), device=positions.device) * 10.0 * closest
    overlap = (closest - distance).clamp(min=0.0)
    slope = -(overlap / distance)[..., None] * apart
    return slope.sum(1), (overlap > 0).float().sum(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Descent:
    """A step of conjugate gradients, from which the next one takes its direction.

    Parameters
    ----------
    slopes, directions : (n, 4) float
        Of positions and occupancy of every atom.
    decrease : float
        Slopes times preconditioned slopes.
    """

    slopes: Tensor
    directions: Tensor
    decrease: float


def energy_along(model: AtomModel, response: Response, placed: Placed, weights: Tensor, directions: Tensor) -> float:
    """``sum w |dF|²`` for a change of all atoms by `directions` (n, 4): positions and occupancy."""
    plane = response.plane
    atom = response.atom(model.b_factor)
    total = 0.0
    size = batch_size(plane, len(model), tables=3)
    for start in range(0, len(placed), size):
        part = slice(start, start + size)
        turns, moves = placed.rotations[part], placed.shifts[part]
        along_x, along_y, _ = projected(directions[:, :3], turns, torch.zeros_like(moves))
        strength = model.occupancies
        changes = torch.stack([directions[:, 3].expand_as(along_x), along_x * strength, along_y * strength], dim=1)
        sums = weighted_sums(plane, model.positions, changes, turns, moves)
        change = sums[:, 0] - 2j * math.pi * (plane.kx * sums[:, 1] + plane.ky * sums[:, 2])
        power = torch.view_as_real(change * atom).square().sum((1, 2))
        total += float((weights[part] * power).sum())
    return total


def refine_atoms(
    coefficients: Coefficients,
    model: AtomModel,
    response: Response,
    placed: Placed,
    weights: Tensor,
    *,
    closest: float,
    before: Descent | None = None,
) -> tuple[AtomModel, Descent]:
    """One step of conjugate gradients of all atoms and their occupancies.

    The gradient is divided by each atom's own curvature, mixed with the direction before (Polak and Ribière), and
    followed as far as the misfit falls when it is quadratic. Single atoms would overshoot if each took its own Newton
    step: in a crystal they act together. Two atoms nearer than `closest` are pushed apart with a stiffness as large as
    the images'.
    """
    _, slope, slope_o = misfit_and_slopes(coefficients, model, response, placed, weights)
    stiff = curvature(model, response, placed.rotations, weights)
    push, count = repulsion(model.positions, closest)
    scale = stiff.positions.diagonal(dim1=1, dim2=2).mean(1)
    slopes = torch.cat([slope + scale[:, None] * push, slope_o[:, None]], dim=1)
    normal = stiff.positions + torch.diag_embed((scale * count)[:, None].expand(-1, 3))
    normal = normal + torch.diag_embed(1e-3 * normal.diagonal(dim1=1, dim2=2) + 1e-12)
    newton = torch.cat(
        [torch.linalg.solve(normal, slopes[:, :3, None])[..., 0], slopes[:, 3:] / stiff.occupancies[:, None]], dim=1
    )
    decrease = float((slopes * newton).sum())
    directions = -newton
    if before is not None and before.slopes.shape == slopes.shape and before.decrease > 0.0:
        turn = (decrease - float((before.slopes * newton).sum())) / before.decrease
        directions = directions + max(0.0, min(1.0, turn)) * before.directions
    fall = -float((slopes * directions).sum())
    if fall <= 0.0:
        directions, fall = -newton, decrease
    energy = energy_along(model, response, placed, weights, directions)
    energy += float((scale * count * directions[:, :3].square().sum(1)).sum())
    step = fall / max(energy, 1e-30)
    typical = float(model.occupancies.median())
    step = min(step, _LARGEST_MOVE / max(float(directions[:, :3].norm(dim=1).max()), 1e-12))
    changed = replace(
        model,
        positions=model.positions + step * directions[:, :3],
        occupancies=(model.occupancies + step * directions[:, 3]).clamp(min=0.02 * typical),
    )
    return changed, Descent(slopes=slopes, directions=directions, decrease=decrease)


def fit_scale(
    coefficients: Coefficients, model: AtomModel, response: Response, placed: Placed, weights: Tensor
) -> AtomModel:
    """The model with the common scale of the occupancies and the B that fit the images best.

    Scale and B of all atoms change the images much alike, so that they are fitted together: one Gauss-Newton step in
    the logarithm of the scale and B, after the scale alone.
    """
    size = batch_size(response.plane, len(model))
    atom = response.atom(model.b_factor)
    sums = torch.zeros(5, dtype=torch.double, device=atom.device)
    lean = -0.25 * response.plane.k.square()
    for start in range(0, len(placed), size):
        part = slice(start, start + size)
        factors = predicted(model, response, placed.rotations[part], placed.shifts[part])
        product = (weights[part, None] * (coefficients.values[part] * factors.conj()).real).sum(0)
        power = (weights[part, None] * factors.abs().square()).sum(0)
        sums += torch.stack(
            [product.sum(), (product * lean).sum(), power.sum(), (power * lean).sum(), (power * lean**2).sum()]
        ).double()
    product_1, product_b, power_1, power_b, power_bb = (float(each) for each in sums)
    scale = max(product_1 / power_1, 1e-6)
    # residual slopes at the fitted scale; the normal matrix of (log scale, B)
    slope_b = scale * (product_b - scale * power_b)
    determinant = power_1 * power_bb - power_b**2
    step_b = slope_b * power_1 / (scale**2 * determinant) if determinant > 0 else 0.0
    step_b = max(-_LARGEST_B, min(_LARGEST_B, step_b))
    b_factor = max(0.0, model.b_factor + step_b)
    scale = scale * math.exp(-(b_factor - model.b_factor) * power_b / power_1)
    return replace(model, occupancies=model.occupancies * scale, b_factor=b_factor)


def good_weights(placed: Placed, worst: float) -> Tensor:
    """(n,) 1 for images, 0 for the part `worst` of them that fits worst."""
    return (placed.z >= torch.quantile(placed.z, worst)).float()


def refine_jointly(
    coefficients: Coefficients,
    model: AtomModel,
    response: Response,
    placed: Placed,
    *,
    sweeps: int,
    closest: float,
    worst: float = 0.1,
    centre: Tensor | None = None,
    centre_error: float | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[AtomModel, Placed]:
    """Atoms, occupancies, B and poses, alternately, against the images themselves.

    Parameters
    ----------
    coefficients, model, response, placed
    sweeps : int
        Each is a step of a common strain, two of the atoms and one of the poses.
    closest : float [Å]
        Atoms nearer than this are pushed apart.
    worst : float
        Part of the images that is left out, by their fit.
    centre, centre_error
        As in `refine_poses`.
    """
    descent: Descent | None = None
    weights = good_weights(placed, worst)
    for sweep in range(sweeps):
        model = fit_scale(coefficients, model, response, placed, weights)
        model, placed = without_strain(coefficients, model, response, placed, weights)
        for _ in range(2):
            model, descent = refine_atoms(
                coefficients, model, response, placed, weights, closest=closest, before=descent
            )
        placed = refine_poses(
            coefficients,
            model,
            response,
            placed.rotations,
            placed.shifts,
            iterations=1,
            centre=centre,
            centre_error=centre_error,
        )
        if on_step is not None:
            on_step(sweep + 1, sweeps)
    return model, placed
