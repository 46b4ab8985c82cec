"""The Fourier coefficients of a box that are used: half of the plane, up to a highest frequency, as one vector."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class HalfPlane:
    """Which coefficients of a square box are kept, and in which order.

    The other half plane holds the complex conjugates. All tensors are on one device.

    Parameters
    ----------
    size : int
        Pixels along each side of the box; its origin is pixel ``size // 2``.
    pixel_size : float [Å]
    reach : int
        Largest index of a frequency along either axis; frequencies are multiples of `step`.
    kx, ky, k : (m,) float [1/Å]
        Frequency of each coefficient along x and y, and its length.
    flat : (m,) int
        Place of each coefficient in a table (2 reach + 1, reach + 1) of ky = -reach ... reach, kx = 0 ... reach.
    """

    size: int
    pixel_size: float
    reach: int
    kx: Tensor
    ky: Tensor
    k: Tensor
    flat: Tensor

    def __len__(self) -> int:
        return len(self.k)

    @property
    def step(self) -> float:
        """Distance of neighbouring frequencies [1/Å]."""
        return 1.0 / (self.size * self.pixel_size)

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.k.device

    def transform(self, images: Tensor) -> Tensor:
        """(n, m) complex coefficients of (n, size, size) images, with phases relative to pixel ``size // 2``."""
        spectrum = torch.fft.rfft2(torch.fft.ifftshift(images, dim=(-2, -1)))
        rows = torch.arange(-self.reach, self.reach + 1, device=images.device) % self.size
        return spectrum[:, rows, : self.reach + 1].reshape(len(images), -1)[:, self.flat]

    def phases(self, shifts: Tensor) -> Tensor:
        """(n, m) factors ``exp(-2πi k·s)`` by which a displacement s (n, 2) x y [Å] multiplies the coefficients."""
        angle = shifts[:, :1] * self.kx + shifts[:, 1:] * self.ky
        return torch.polar(torch.ones_like(angle), -2.0 * math.pi * angle)


def half_plane(
    size: int, pixel_size: float, *, lowest: float, highest: float, device: torch.device | str = "cpu"
) -> HalfPlane:
    """All coefficients with ``lowest < k <= highest`` [1/Å] of a box of `size` pixels."""
    step = 1.0 / (size * pixel_size)
    reach = min(int(highest / step), size // 2 - 1)
    ky, kx = torch.meshgrid(torch.arange(-reach, reach + 1), torch.arange(reach + 1), indexing="ij")
    k = step * torch.sqrt((kx**2 + ky**2).double())
    used = (k <= highest) & (k > lowest) & ~((kx == 0) & (ky <= 0))
    return HalfPlane(
        size=size,
        pixel_size=pixel_size,
        reach=reach,
        kx=(step * kx[used].double()).float().to(device),
        ky=(step * ky[used].double()).float().to(device),
        k=k[used].float().to(device),
        flat=torch.nonzero(used.flatten()).flatten().to(device),
    )


def restricted(plane: HalfPlane, used: Tensor) -> HalfPlane:
    """The plane with only the coefficients that `used` (m,) bool marks; its reach shrinks to what they need."""
    columns = plane.reach + 1
    row = torch.div(plane.flat, columns, rounding_mode="floor") - plane.reach
    column = plane.flat % columns
    row, column = row[used], column[used]
    reach = int(torch.maximum(row.abs(), column).max())
    return HalfPlane(
        size=plane.size,
        pixel_size=plane.pixel_size,
        reach=reach,
        kx=plane.kx[used],
        ky=plane.ky[used],
        k=plane.k[used],
        flat=(row + reach) * (reach + 1) + column,
    )
