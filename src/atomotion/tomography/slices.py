"""Projections of a density in many orientations: central slices of its spectrum."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atomotion.tomography.forward import AtomModel
from atomotion.tomography.half_plane import HalfPlane
from atomotion.tomography.volume import FourierGrid, density_spectrum, grid_of, grid_shares

_BATCH = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Slicer:
    """A density ready to be projected: its spectrum on a grid twice as fine.

    Parameters
    ----------
    squares : (size³, 8) float
        At every point, z y x, the real and imaginary parts there and at the next points along x, y, and both: what
        interpolation needs lies side by side.
    size : int
        Of the fine grid.
    """

    squares: Tensor
    size: int

    def __call__(self, plane: HalfPlane, rotations: Tensor) -> Tensor:
        """(b, m) coefficients of the density's projections, without lens or shift, by trilinear interpolation."""
        parts = []
        for turn in torch.split(rotations, _BATCH):
            base, (along_z, along_y, along_x) = grid_shares(plane, turn, self.size // 2, self.size, 2.0)
            corner = torch.stack(
                [
                    (1.0 - along_y) * (1.0 - along_x),
                    (1.0 - along_y) * along_x,
                    along_y * (1.0 - along_x),
                    along_y * along_x,
                ],
                dim=-1,
            ).reshape(-1, 1, 4)
            flat, upper = base.reshape(-1), along_z.reshape(-1, 1)
            square = torch.lerp(self.squares[flat], self.squares[flat + self.size**2], upper)
            total = torch.bmm(corner, square.reshape(-1, 4, 2)).reshape(len(turn), -1, 2)
            parts.append(torch.view_as_complex(total))
        return torch.cat(parts)


def _slicer_of(spectrum: Tensor) -> Slicer:
    """From a complex spectrum (size, size, size) on the fine grid."""
    corners = [
        torch.roll(spectrum, (-dy, -dx), dims=(1, 2)) if dy or dx else spectrum for dy in (0, 1) for dx in (0, 1)
    ]
    squares = torch.view_as_real(torch.stack(corners, dim=-1)).reshape(-1, 8)
    return Slicer(squares=squares, size=len(spectrum))


def slicer(density: Tensor) -> Slicer:
    """What projects a density (size, size, size) z y x."""
    size = len(density)
    fine = 2 * size
    padded = torch.zeros((fine, fine, fine), device=density.device)
    start = fine // 2 - size // 2
    padded[start : start + size, start : start + size, start : start + size] = density
    return _slicer_of(torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(padded))))


def model_slicer(model: AtomModel, form_factor: tuple[np.ndarray, np.ndarray], plane: HalfPlane) -> Slicer:
    """What projects a model of atoms onto frequencies of `plane` by interpolation: faster than exact for many poses."""
    coarse = grid_of(plane)
    fine = FourierGrid(size=2 * coarse.size, step=0.5 * coarse.step, device=coarse.device)
    return _slicer_of(density_spectrum(model, form_factor, fine).reshape(fine.size, fine.size, fine.size))
