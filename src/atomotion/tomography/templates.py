"""What a start looks like in every orientation."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.response import Response
from atomotion.tomography.start_models import StartModel

_TINY = 1e-3  # Å


@dataclass(frozen=True, kw_only=True, slots=True)
class Templates:
    """Images of a start at orientations of which each stands for all that look alike.

    Parameters
    ----------
    quaternions : (t, 4) float, w x y z
    values : (u, m) float
        Real parts of the whitened coefficients; each row, with the imaginary part, has the norm 1.
    imaginary : (u, m) float or None
        Imaginary parts. None for a start with an inversion centre, whose u = t coefficients are real; otherwise
        t = 2 u, and the second half of the orientations, those of the first turned by 180° about the beam, has the
        complex conjugates.
    norms : (u,) float
        Norms of the rows before.
    """

    quaternions: NDArray[np.float64]
    values: Tensor
    imaginary: Tensor | None
    norms: Tensor

    def __len__(self) -> int:
        return len(self.quaternions)

    def of(self, nodes: Tensor) -> Tensor:
        """(k, m) complex rows of the orientations `nodes` (k,)."""
        if self.imaginary is None:
            return self.values[nodes].to(torch.complex64)
        rows = nodes % len(self.values)
        sign = torch.where(nodes < len(self.values), 1.0, -1.0)
        return torch.complex(self.values[rows], self.imaginary[rows] * sign[:, None])


def sphere_templates(model: AtomModel, response: Response, quaternions: NDArray[np.float64]) -> Templates:
    """The model's images in the orientations `quaternions` (t, 4); `model` has an inversion centre at its origin."""
    values = _images(_half_of(model), response, quaternions).real.contiguous()
    norms = values.norm(dim=1)
    return Templates(quaternions=quaternions, values=values / norms[:, None], imaginary=None, norms=norms)


def start_templates(
    start: StartModel, response: Response, step_deg: float, *, zone: NDArray[np.float64] | None = None
) -> Templates:
    """The images of a start in all orientations of its zone, `step_deg` apart in the mean, or of one made before."""
    centred = start.symmetry.centred
    half = start.symmetry.half_zone(step_deg) if zone is None else zone[: len(zone) // (1 if centred else 2)]
    if centred:
        return sphere_templates(start.model, response, half)
    values = _images(start.model, response, half)
    norms = torch.linalg.vector_norm(values, dim=1)
    values = values / norms[:, None]
    return Templates(
        quaternions=start.symmetry.whole_zone(half),
        values=values.real.contiguous(),
        imaginary=values.imag.contiguous(),
        norms=norms,
    )


def _images(model: AtomModel, response: Response, quaternions: NDArray[np.float64]) -> Tensor:
    device = response.plane.device
    rotations = torch.from_numpy(matrices_from_quaternions(quaternions)).float().to(device)
    still = torch.zeros((256, 2), device=device)
    return torch.cat([predicted(model, response, part, still[: len(part)]) for part in torch.split(rotations, 256)])


def _half_of(model: AtomModel) -> AtomModel:
    """One of every two atoms at x and -x, with twice the occupancy: its projection has the same real part."""
    z, y, x = model.positions.flip(1).unbind(1)
    middle, line = z.abs() <= _TINY, y.abs() <= _TINY
    centre = middle & line & (x.abs() <= _TINY)
    upper = (z > _TINY) | (middle & (y > _TINY)) | (middle & line & (x > _TINY))
    half = model.of(upper | centre)
    return replace(half, occupancies=half.occupancies * torch.where(centre[upper | centre], 1.0, 2.0))
