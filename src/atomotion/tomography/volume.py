"""The density: images put into a three-dimensional Fourier grid, and the most probable density from it."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from atomotion.tomography.coefficients import soft_edge
from atomotion.tomography.forward import AtomModel
from atomotion.tomography.half_plane import HalfPlane

_BATCH = 256
_MARGIN = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class FourierGrid:
    """A cube of Fourier coefficients with the spacing of a plane's, and a real-space cube of the same size.

    Parameters
    ----------
    size : int
        Odd number of coefficients along each axis, the zero frequency in the middle.
    step : float [1/Å]
        Their spacing.
    device : torch.device
    """

    size: int
    step: float
    device: torch.device

    @property
    def centre(self) -> int:
        """Index of the zero frequency, and of the particle's origin in real space."""
        return self.size // 2

    @property
    def voxel_size(self) -> float:
        """[Å]"""
        return 1.0 / (self.step * self.size)

    def axis(self) -> Tensor:
        """(size,) index along an axis relative to the centre."""
        return torch.arange(self.size, device=self.device) - self.centre

    def lengths(self) -> Tensor:
        """(size, size, size) distance from the centre, in steps."""
        square = self.axis().float().square()
        return torch.sqrt(square[:, None, None] + square[None, :, None] + square)


def grid_of(plane: HalfPlane) -> FourierGrid:
    """The grid that holds all frequencies of a plane in any orientation."""
    return FourierGrid(size=2 * (plane.reach + _MARGIN) + 1, step=plane.step, device=plane.device)


@dataclass(frozen=True, kw_only=True, slots=True)
class Accumulated:
    """Images in a Fourier grid: sums of data and of weights, for each of several sets of images.

    Parameters
    ----------
    grid : FourierGrid
    data : (f, size³) complex
        Sum of lens times data; order z, y, x.
    weight : (f, size³) float
        Sum of lens².
    """

    grid: FourierGrid
    data: Tensor
    weight: Tensor

    @property
    def mean_weight(self) -> float:
        """The mean weight of the coefficients that any image of the first set has seen."""
        weight = self.weight[0]
        return float(weight[weight > 0].mean())

    def without(self, part: int) -> "Accumulated":
        """All sets but one, added up."""
        return replace(
            self,
            data=(self.data.sum(0) - self.data[part])[None],
            weight=(self.weight.sum(0) - self.weight[part])[None],
        )

    def only(self, part: int) -> "Accumulated":
        """One of the sets."""
        return replace(self, data=self.data[part : part + 1], weight=self.weight[part : part + 1])


def accumulate(
    plane: HalfPlane,
    values: Tensor,
    lens: Tensor,
    rotations: Tensor,
    shifts: Tensor,
    *,
    weights: Tensor | None = None,
    sets: Tensor | None = None,
    count: int = 1,
) -> Accumulated:
    """Images put into a Fourier grid at their orientations, by trilinear interpolation.

    Parameters
    ----------
    plane : HalfPlane
    values : (n, m) complex
    lens : (m,) float
        What the coefficients of the density were multiplied with.
    rotations : (n, 3, 3), shifts : (n, 2)
    weights : (n,) float or None
    sets : (n,) int or None
        Which of the `count` sets each image belongs to.
    """
    grid = grid_of(plane)
    size = grid.size
    data = torch.zeros((count * size**3, 2), device=plane.device)
    weight = torch.zeros(count * size**3, device=plane.device)
    strength = torch.ones(len(values), device=plane.device) if weights is None else weights
    place = torch.zeros(len(values), dtype=torch.long, device=plane.device) if sets is None else sets
    square = lens.square()
    for start in range(0, len(values), _BATCH):
        part = slice(start, start + _BATCH)
        given = values[part] * plane.phases(-shifts[part]) * lens * strength[part, None]
        given = torch.view_as_real(given).reshape(-1, 2)
        power = (square * strength[part, None]).reshape(-1)
        for index, share in _corners(plane, rotations[part], grid):
            flat = (index + place[part, None] * size**3).reshape(-1)
            near = share.reshape(-1)
            weight.index_add_(0, flat, near * power)
            data.index_add_(0, flat, near[:, None] * given)
    summed = torch.view_as_complex(data).reshape(count, -1)
    weight = weight.reshape(count, -1)
    # the other half plane: conjugates at the opposite frequencies, which are the reverse of the flattened cube
    return Accumulated(grid=grid, data=summed + summed.flip(1).conj(), weight=weight + weight.flip(1))


def grid_shares(
    plane: HalfPlane, rotations: Tensor, centre: int, size: int, scale: float
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Where each frequency lies in a grid of `size`, whose points are ``step / scale`` apart.

    The frequency in the particle's own axes is ``R^T k``.

    Returns
    -------
    base : (b, m) int
        Flat z y x index of the grid point below it along all axes.
    shares : three (b, m) float
        Its distance from there along z, y, x, 0 to 1.
    """
    factor = scale / plane.step
    at = [
        (rotations[:, 0, axis, None] * plane.kx + rotations[:, 1, axis, None] * plane.ky) * factor + centre
        for axis in (2, 1, 0)
    ]
    low = [torch.floor(each) for each in at]
    z, y, x = (floor.long() for floor in low)
    return (z * size + y) * size + x, (at[0] - low[0], at[1] - low[1], at[2] - low[2])


def _corners(plane: HalfPlane, rotations: Tensor, grid: FourierGrid) -> list[tuple[Tensor, Tensor]]:
    """The eight grid points around each frequency, as flat z y x indices (b, m), and their trilinear shares."""
    size = grid.size
    base, shares = grid_shares(plane, rotations, grid.centre, size, 1.0)
    found = []
    for dz in (0, 1):
        along_z = shares[0] if dz else 1.0 - shares[0]
        for dy in (0, 1):
            along_zy = along_z * (shares[1] if dy else 1.0 - shares[1])
            for dx in (0, 1):
                found.append((base + (dz * size + dy) * size + dx, along_zy * (shares[2] if dx else 1.0 - shares[2])))
    return found


def density_spectrum(model: AtomModel, form_factor: tuple[np.ndarray, np.ndarray], grid: FourierGrid) -> Tensor:
    """(size³,) complex Fourier coefficients of a model of atoms on a grid; `form_factor` is k [1/Å] and f [Å]."""
    axis = grid.axis().float() * grid.step
    tables = [
        torch.polar(torch.ones((grid.size, len(model)), device=grid.device), -2.0 * np.pi * axis[:, None] * along)
        for along in model.positions.T
    ]
    x, y, z = tables
    k = grid.lengths() * grid.step
    factor = np.interp(k.cpu().numpy(), *form_factor)
    factor = torch.from_numpy(factor).float().to(grid.device) * torch.exp(-0.25 * model.b_factor * k.square())
    pairs = (z * model.occupancies)[:, None, :] * y[None, :, :]
    total = (pairs.reshape(-1, len(model)) @ x.T).reshape(grid.size, grid.size, grid.size)
    return (total * factor).reshape(-1)


def volume_of(
    accumulated: Accumulated,
    *,
    prior: Tensor | None = None,
    precision: Tensor | float = 0.0,
    radius: float | None = None,
    positive: bool = True,
) -> Tensor:
    """The most probable density, (size, size, size) z y x, given the images and a prior.

    ``F = (sum lens d + p F0) / (sum lens² + p)`` where the prior says that F is normal about F0 with the precision p
    (the inverse of the variance of its real and imaginary parts). Interpolation at the insertion is undone by dividing
    the density by sinc²; outside of a sphere it is zero.

    Parameters
    ----------
    accumulated : Accumulated
        Of one set.
    prior : (size³,) complex or None
        F0; None is zero.
    precision : float or (size³,) float
    radius : float [Å] or None
        Of the sphere, with a soft edge of 2 Å.
    positive : bool
        Set negative densities to zero.
    """
    grid = accumulated.grid
    weight = accumulated.weight[0] + precision
    total = accumulated.data[0] if prior is None else accumulated.data[0] + precision * prior
    floor = 1e-6 * float(weight.max())
    spectrum = torch.where(weight > floor, total / weight.clamp(min=floor), torch.zeros_like(total))
    cube = spectrum.reshape(grid.size, grid.size, grid.size)
    density = torch.fft.fftshift(torch.fft.ifftn(torch.fft.ifftshift(cube)).real)
    along = torch.sinc(grid.axis().float() / grid.size).square()
    density = density / (along[:, None, None] * along[None, :, None] * along).clamp(min=0.05)
    if radius is not None:
        density = density * soft_edge(grid.lengths() * grid.voxel_size, radius)
    return density.clamp(min=0.0) if positive else density
