"""Every image against the start in every orientation: the log-likelihood of the whole zone."""

from collections.abc import Callable

import torch
from torch import Tensor

from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.shifts import best_shifts, shift_grid
from atomotion.tomography.templates import Templates

_BLOCK_FLOATS = 4_000_000
# how many independent directions the misfit of a sphere spreads over: about the bright spots of a zone axis and their
# widths; calibrated on irregular particles of 120 to 300 atoms
_DIRECTIONS = 80.0


def expected_amplitude(coefficients: Coefficients, *, mismatch: float, resemblance: float) -> float:
    """How many noise sigmas a template is expected to score in its own image.

    The mean energy of the images above that of the noise is the square of what a perfect model would score; a model
    that is not complete reaches the part `resemblance` of it.

    Parameters
    ----------
    coefficients : Coefficients
        Before they were tempered.
    mismatch : float
        See `Coefficients.tempered`.
    resemblance : float
        0.7 is what the best sphere reaches for irregular particles of 200 to 300 atoms.
    """
    signal = coefficients.signal_power()
    energy = 2.0 * coefficients.filled * float((signal / (1.0 + mismatch * signal)).sum())
    return resemblance * max(energy, 1.0) ** 0.5


def evidence_slope(amplitude: float, *, resemblance: float) -> float:
    """How much log-likelihood one noise sigma of correlation is worth.

    Against noise alone it is the amplitude A itself. The part of the particle that the sphere does not have correlates
    with wrong orientations too: with the energy ``A² (1 - ρ²) / ρ²`` spread over N directions the variance of z grows
    from 1 to ``1 + A² (1 - ρ²) / (ρ² N)``, and the slope falls by it: clean images would be believed too much.
    """
    misfit = amplitude**2 * (1.0 - resemblance**2) / resemblance**2
    return amplitude / (1.0 + misfit / _DIRECTIONS)


def zone_likelihood(
    coefficients: Coefficients,
    templates: Templates,
    *,
    reach: float,
    step: float,
    slope: float,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """(n, t) log-likelihood of every orientation, summed over displacements.

    With unit noise and a template of the amplitude A, ``ln p(d | R, s) = A z(R, s)`` but for a constant, and
    ``ln p(d | R) = ln sum_s w(s) exp(A z(R, s))`` with a Gaussian weight w of standard deviation reach / 2. Each
    displacement is one real matrix product, or two where the templates are complex; their sum and difference are the z
    of a template and of its conjugate.

    Parameters
    ----------
    coefficients : Coefficients
    templates : Templates
    reach, step : float [Å]
        Displacements up to `reach` on a grid of `step`.
    slope : float
        A; see `evidence_slope`.
    on_step : callable, optional
        Called with (done, total).
    """
    plane = coefficients.plane
    shifts = shift_grid(reach, step, device=plane.device)
    weight = -shifts.square().sum(1) / (2.0 * (0.5 * reach) ** 2)
    weight = weight - torch.logsumexp(weight, 0)
    turned = plane.phases(-shifts)
    table = templates.values.T.contiguous()
    other = None if templates.imaginary is None else templates.imaginary.T.contiguous()
    size = max(1, _BLOCK_FLOATS // (len(shifts) * len(templates)))
    result = torch.empty((len(coefficients), len(templates)), device=plane.device)
    for start in range(0, len(coefficients), size):
        block = coefficients.values[start : start + size]
        moved = (block[:, None] * turned).reshape(-1, len(plane))
        z = moved.real @ table
        if other is not None:
            odd = moved.imag @ other
            z = torch.cat([z + odd, z - odd], dim=1)
        z = z.reshape(len(block), len(shifts), -1)
        z.mul_(slope).add_(weight[:, None])
        highest = z.amax(dim=1)
        z.sub_(highest[:, None]).exp_()
        result[start : start + size] = highest + z.sum(dim=1).log_()
        if on_step is not None:
            on_step(min(start + size, len(coefficients)), len(coefficients))
    return result


def amplitude_match(coefficients: Coefficients, templates: Templates, count: int) -> Tensor:
    """(n, c) indices of the templates whose amplitudes, without phases, correlate best with each image's.

    Amplitudes do not know where the particle lies, so that no displacement is searched; noise adds to them, so that
    this serves clean images only. The c are `count`, twice as many where templates have conjugates, whose amplitudes
    are the same.
    """
    pattern = templates.values.abs()
    if templates.imaginary is not None:
        pattern = torch.hypot(templates.values, templates.imaginary)
    alike = len(templates) // len(pattern)
    pattern = pattern - pattern.mean(dim=1, keepdim=True)
    pattern = (pattern / pattern.norm(dim=1, keepdim=True)).T.contiguous()
    chosen = []
    for block in torch.split(coefficients.values.abs(), 256):
        centred = block - block.mean(dim=1, keepdim=True)
        found = (centred @ pattern).topk(min(count, pattern.shape[1]), dim=1).indices
        chosen.append(torch.cat([found + each * pattern.shape[1] for each in range(alike)], dim=1))
    return torch.cat(chosen)


def sparse_likelihood(
    coefficients: Coefficients, templates: Templates, chosen: Tensor, *, reach: float, step: float, slope: float
) -> Tensor:
    """`zone_likelihood` of the templates `chosen` (n, c) of each image; all others have that of the worst of them."""
    plane = coefficients.plane
    shifts = shift_grid(reach, step, device=plane.device)
    z = torch.stack(
        [best_shifts(plane, coefficients.values, templates.of(column), shifts)[0] for column in chosen.T],
        dim=1,
    )
    result = (slope * z.amin(dim=1, keepdim=True)).expand(-1, len(templates)).clone()
    return result.scatter_(1, chosen, slope * z)
