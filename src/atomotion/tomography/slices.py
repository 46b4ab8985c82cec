"""Projections of a density in many orientations: central slices of its spectrum."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from atomotion.tomography.forward import AtomModel
from atomotion.tomography.half_plane import HalfPlane
from atomotion.tomography.volume import FourierGrid, density_spectrum, grid_of

_BATCH = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Slicer:
    """A density ready to be projected: its spectrum on a grid twice as fine.

    Parameters
    ----------
    spectrum : (1, 2, size, size, size) float
        Real and imaginary parts, z y x.
    """

    spectrum: Tensor

    def __call__(self, plane: HalfPlane, rotations: Tensor) -> Tensor:
        """(b, m) coefficients of the density's projections, without lens or shift, by trilinear interpolation."""
        size = self.spectrum.shape[-1]
        # frequencies R^T k on the scale of grid_sample: -1 to 1 from the first point of the fine grid to the last
        at = torch.stack([plane.kx, plane.ky]) * (4.0 / (plane.step * (size - 1)))
        middle = 2.0 * (size // 2) / (size - 1) - 1.0
        parts = []
        for turn in torch.split(rotations, _BATCH):
            places = torch.einsum("bai,am->bmi", turn[:, :2], at) + middle
            values = grid_sample(self.spectrum, places[None, None], mode="bilinear", align_corners=True)
            parts.append(torch.complex(values[0, 0, 0], values[0, 1, 0]))
        return torch.cat(parts)


def _slicer_of(spectrum: Tensor) -> Slicer:
    """From a complex spectrum (size, size, size) on the fine grid."""
    return Slicer(spectrum=torch.stack([spectrum.real, spectrum.imag])[None].contiguous())


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
