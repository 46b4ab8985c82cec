"""Boxes as the published reconstruction takes them: normalised, masked, without any correction for the microscope."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atomotion.data import Frames, InputError
from atomotion.tomography.coefficients import disc
from atomotion.tomography.half_plane import HalfPlane, half_plane
from atomotion.tomography.polar import PolarGrid, polar_grid, polar_transform
from atomotion.tomography.published_search import normalised
from atomotion.tomography.response import Optics

_EDGE = 2.0  # Å, of the mask
_MASK = 1.5  # diameters of the particle
_QUIET = 1e-3  # of an image's own standard deviation


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskedImages:
    """Boxes of a particle, cut to the mask.

    Parameters
    ----------
    pixels : (n, size, size) float
        Mean 0 and variance 1 outside of the mask, times the soft mask.
    pixel_size : float [Å]
    radius : float [Å]
        Of the mask.
    optics : Optics
    """

    pixels: Tensor
    pixel_size: float
    radius: float
    optics: Optics

    def __len__(self) -> int:
        return len(self.pixels)

    def on_circles(self, *, lowest: float, highest: float) -> tuple[PolarGrid, Tensor]:
        """A grid of circles with ``lowest <= k <= highest`` [1/Å] and the images there, (n, m), of the norm 1."""
        grid = polar_grid(
            self.pixels.shape[-1],
            self.pixel_size,
            lowest=lowest,
            highest=highest,
            radius=self.radius,
            device=self.pixels.device,
        )
        return grid, normalised(polar_transform(self.pixels, grid) * self._sign(grid.plane.k))

    def on_plane(self, *, highest: float) -> tuple[HalfPlane, Tensor]:
        """All coefficients up to `highest` [1/Å], (n, m), for the density."""
        plane = half_plane(
            self.pixels.shape[-1], self.pixel_size, lowest=0.0, highest=highest, device=self.pixels.device
        )
        values = torch.cat([plane.transform(part) for part in torch.split(self.pixels, 256)])
        return plane, values * self._sign(plane.k)

    def _sign(self, k: Tensor) -> Tensor:
        return torch.where(self.optics.transfer(k, self.pixel_size) < 0.0, -1.0, 1.0)


def masked_images(
    images: Frames,
    *,
    pixel_size: float,
    diameter: float,
    mask_diameter: float | None,
    optics: Optics,
    device: torch.device | str = "cpu",
) -> MaskedImages:
    """Boxes normalised by what lies outside of the mask, and masked.

    Parameters
    ----------
    images : (n, y, x)
        Raw or denoised.
    pixel_size : float [Å]
    diameter : float [Å]
        Of the particle.
    mask_diameter : float [Å] or None
        None is 1.5 diameters, or what the box holds.
    optics : Optics
        Only the sign of its transfer is used, so that atoms become bright.
    device : torch device

    Raises
    ------
    InputError
        For boxes that do not hold the mask, are empty, or have values that are not finite.
    """
    shape = tuple(images.shape)
    if len(shape) != 3 or shape[0] == 0:
        raise InputError(f"boxes of a particle are (n, y, x), but the shape is {shape}")
    room = min(shape[1:]) * pixel_size - _EDGE
    across = min(_MASK * diameter, room) if mask_diameter is None else mask_diameter
    if across > room or diameter > room:
        raise InputError(
            f"a box of {min(shape[1:])} pixels of {pixel_size:g} Å does not hold a mask of "
            f"{max(across, diameter):.1f} Å with its soft edge; cut larger boxes or pass a smaller diameter"
        )
    radius = 0.5 * across
    size = min(min(shape[1:]) // 2 * 2, 2 * int(np.ceil((radius + 0.5 * _EDGE) / pixel_size)) + 2)
    outer = 1.0 - disc(min(shape[1:]), pixel_size, radius)
    mask = disc(size, pixel_size, radius, device=device)
    parts = []
    for start in range(0, shape[0], 256):
        block = torch.from_numpy(np.asarray(images[start : start + 256], dtype=np.float32))
        parts.append(_middle(_normalised(_middle(block, len(outer)), outer), size).to(device) * mask)
    return MaskedImages(pixels=torch.cat(parts), pixel_size=pixel_size, radius=radius, optics=optics)


def _middle(images: Tensor, size: int) -> Tensor:
    """The `size` pixels around the origin, along both axes."""
    top, left = images.shape[-2] // 2 - size // 2, images.shape[-1] // 2 - size // 2
    return images[..., top : top + size, left : left + size]


def _normalised(images: Tensor, outer: Tensor) -> Tensor:
    weight = outer / outer.sum()
    mean = (images * weight).sum((1, 2), keepdim=True)
    spread = ((images - mean).square() * weight).sum((1, 2), keepdim=True).sqrt()
    own = images.std(dim=(1, 2), keepdim=True)
    if not bool((torch.isfinite(own) & (own > 0.0)).all()):
        raise InputError("a box is empty or has values that are not finite; leave it out")
    # a clean background, as simulations without noise have it, is no measure of anything
    return (images - mean) / torch.where(spread > _QUIET * own, spread, own)
