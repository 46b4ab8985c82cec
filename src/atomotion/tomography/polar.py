"""Fourier coefficients on circles, where a rotation in the plane is a displacement along each circle."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import fft
from torch import Tensor

from atomotion.tomography.half_plane import HalfPlane

_BATCH = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class PolarGrid:
    """Circles of frequencies with equal numbers of angles.

    Values (b, m) are those of the upper half of each circle, circle by circle; the lower half holds the conjugates.

    Parameters
    ----------
    plane : HalfPlane
        The m frequencies. Its `flat` has no meaning here.
    circles : int
    angles : int
        On a whole circle; even.
    """

    plane: HalfPlane
    circles: int
    angles: int

    @property
    def turn(self) -> float:
        """Angle between neighbouring points [rad]."""
        return 2.0 * math.pi / self.angles

    def spectra(self, values: Tensor) -> Tensor:
        """(b, circles, angles / 2 + 1) complex: the transform along the circles of values (b, m).

        With ``x(θ + π) = x(θ)*`` the real part has even orders only and the imaginary part odd ones. Their sum u is
        real and holds all: ``Re sum x y* = sum u v`` over a whole circle.
        """
        half = values.reshape(len(values), self.circles, -1)
        return torch.fft.rfft(torch.cat([half.real + half.imag, half.real - half.imag], dim=-1))

    def correlations(self, product: Tensor) -> Tensor:
        """(..., angles) correlation of an image with a reference that was turned by 0, 1, 2, ... steps.

        Parameters
        ----------
        product : (..., angles / 2 + 1) complex
            The image's spectra times the conjugate ones of the reference, summed over circles.
        """
        return 0.5 * torch.fft.irfft(product, n=self.angles)

    def turned(self, values: Tensor, steps: Tensor) -> Tensor:
        """Values (b, m) after a rotation in the plane by each of `steps` (b,) steps."""
        half = self.angles // 2
        from_angle = (torch.arange(half, device=steps.device) - steps[:, None]) % self.angles
        lower = (from_angle >= half)[:, None, :].expand(-1, self.circles, -1)
        index = (from_angle % half)[:, None, :].expand(-1, self.circles, -1)
        taken = values.reshape(len(values), self.circles, half).gather(2, index)
        return torch.where(lower, taken.conj(), taken).reshape(len(values), -1)


def polar_grid(
    size: int,
    pixel_size: float,
    *,
    lowest: float,
    highest: float,
    radius: float,
    device: torch.device | str = "cpu",
) -> PolarGrid:
    """Circles one coefficient apart with ``lowest <= k <= highest`` [1/Å].

    There are about as many angles as pixels on the rim of a disc of `radius` [Å].
    """
    step = 1.0 / (size * pixel_size)
    first, last = math.ceil(lowest / step - 1e-6), math.floor(highest / step + 1e-6)
    angles = 2 * int(fft.next_fast_len(max(8, math.ceil(math.pi * radius / pixel_size)), real=True))
    k = step * torch.arange(first, last + 1, dtype=torch.float64)
    theta = torch.arange(angles // 2, dtype=torch.float64) * (2.0 * math.pi / angles)
    plane = HalfPlane(
        size=size,
        pixel_size=pixel_size,
        reach=last,
        kx=(k[:, None] * torch.cos(theta)).reshape(-1).float().to(device),
        ky=(k[:, None] * torch.sin(theta)).reshape(-1).float().to(device),
        k=k.repeat_interleave(angles // 2).float().to(device),
        flat=torch.empty(0, dtype=torch.long, device=device),
    )
    return PolarGrid(plane=plane, circles=len(k), angles=angles)


def polar_transform(images: Tensor, grid: PolarGrid) -> Tensor:
    """(n, m) coefficients of (n, size, size) images at the frequencies of the grid, exactly; origin pixel size // 2."""
    plane = grid.plane
    place = (torch.arange(plane.size, device=plane.device) - plane.size // 2) * plane.pixel_size
    along_x = torch.outer(place, plane.kx) * (-2.0 * np.pi)
    along_y = torch.outer(place, plane.ky) * (-2.0 * np.pi)
    wave_x = torch.cat([torch.cos(along_x), torch.sin(along_x)], dim=1)
    wave_y = torch.polar(torch.ones_like(along_y), along_y)
    parts = []
    for block in torch.split(images, _BATCH):
        rows = (block.reshape(-1, plane.size) @ wave_x).reshape(len(block), plane.size, 2, -1)
        parts.append((torch.complex(rows[:, :, 0], rows[:, :, 1]) * wave_y).sum(dim=1))
    return torch.cat(parts)
