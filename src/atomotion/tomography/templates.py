"""The start: an FCC sphere with a soft edge, and what it looks like in every orientation."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.geometry.rotation_grid import fundamental_zone, grid_size, super_fibonacci
from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.geometry.symmetry import HALF_TURN_ABOUT_BEAM, rotation_group
from atomotion.particles import fcc_sphere
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.response import Response

_WEAKEST = 0.02
_TINY = 1e-3  # Å
_IDENTITY = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Templates:
    """Images of an inversion-symmetric model at orientations of which each stands for all its lattice copies.

    Parameters
    ----------
    quaternions : (t, 4) float, w x y z
    values : (t, m) float
        Whitened coefficients, which are real since the model has an inversion centre at its origin; each row has the
        norm 1.
    norms : (t,) float
        Norms of the rows before.
    """

    quaternions: NDArray[np.float64]
    values: Tensor
    norms: Tensor

    def __len__(self) -> int:
        return len(self.values)


def soft_sphere(
    element: str,
    diameter: float,
    *,
    lattice: float,
    softness: float = 1.0,
    b_factor: float = 5.0,
    device: torch.device | str = "cpu",
) -> AtomModel:
    """An FCC sphere about an atom whose occupancy falls off as ``1 / (1 + exp(2 (r - d/2) / softness))``.

    The soft edge stands for a surface that is not known: a sharp one would look for its own facets in the images.

    Parameters
    ----------
    element : str
    diameter : float [Å]
        Where the occupancy is one half.
    lattice : float [Å]
    softness : float [Å]
    b_factor : float [Å²]
    device : torch device
    """
    atoms = fcc_sphere(element, diameter + 6.0 * softness, lattice=lattice)
    r = np.linalg.norm(atoms.positions, axis=1)
    occupancy = 1.0 / (1.0 + np.exp(2.0 * (r - 0.5 * diameter) / softness))
    used = occupancy > _WEAKEST
    return AtomModel(
        positions=torch.from_numpy(atoms.positions[used]).float().to(device),
        occupancies=torch.from_numpy(occupancy[used]).float().to(device),
        b_factor=b_factor,
    )


def octahedral_zone(step_deg: float) -> NDArray[np.float64]:
    """(t, 4) orientations of mean spacing `step_deg`, one for each class of 48 that an FCC sphere cannot tell apart."""
    return fundamental_zone(
        super_fibonacci(grid_size(step_deg)), rotation_group("O"), turns=[_IDENTITY, HALF_TURN_ABOUT_BEAM]
    )


def sphere_templates(model: AtomModel, response: Response, quaternions: NDArray[np.float64]) -> Templates:
    """The model's images in the orientations `quaternions` (t, 4); `model` has an inversion centre at its origin."""
    device = response.plane.device
    rotations = torch.from_numpy(matrices_from_quaternions(quaternions)).float().to(device)
    half = _half_of(model)
    still = torch.zeros((256, 2), device=device)
    values = torch.cat(
        [predicted(half, response, part, still[: len(part)]).real for part in torch.split(rotations, 256)]
    )
    norms = values.norm(dim=1)
    return Templates(quaternions=quaternions, values=values / norms[:, None], norms=norms)


def _half_of(model: AtomModel) -> AtomModel:
    """One of every two atoms at x and -x, with twice the occupancy: its projection has the same real part."""
    z, y, x = model.positions.flip(1).unbind(1)
    middle, line = z.abs() <= _TINY, y.abs() <= _TINY
    centre = middle & line & (x.abs() <= _TINY)
    upper = (z > _TINY) | (middle & (y > _TINY)) | (middle & line & (x > _TINY))
    half = model.of(upper | centre)
    return replace(half, occupancies=half.occupancies * torch.where(centre[upper | centre], 1.0, 2.0))
