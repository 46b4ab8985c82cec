"""From boxes of a particle to whitened Fourier coefficients, whose correlations are log-likelihoods."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from atomotion.data import Frames, InputError
from atomotion.tomography.half_plane import HalfPlane, half_plane, restricted

_EDGE = 2.0  # Å: width of the soft edges of masks
_BATCH = 256
_SPOT = 3.0  # a coefficient with this many times the noise of its frequency belongs to a spot, not to the noise
_FEWEST_FOR_SPOTS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Coefficients:
    """Boxes as Fourier coefficients in units of their noise.

    The real and the imaginary part of a coefficient without signal have the variance 1 (before the mask, which lowers
    the power and ties neighbouring coefficients together, but not the projection on anything that lies inside it).

    Parameters
    ----------
    plane : HalfPlane
    values : (n, m) complex
    gain : (m,) float
        What the coefficients of the boxes were multiplied with.
    filled : float
        Mean square of the mask: the part of the coefficients that is independent.
    radius : float [Å]
        Of the mask.
    """

    plane: HalfPlane
    values: Tensor
    gain: Tensor
    filled: float
    radius: float

    def __len__(self) -> int:
        return len(self.values)

    def up_to(self, highest: float) -> "Coefficients":
        """The coefficients with ``k <= highest`` [1/Å] only."""
        used = self.plane.k <= highest
        return replace(self, plane=restricted(self.plane, used), values=self.values[:, used], gain=self.gain[used])

    def of(self, images: Tensor) -> "Coefficients":
        """The coefficients of some images: (k,) indices or (n,) bool."""
        return replace(self, values=self.values[images])

    def signal_power(self) -> Tensor:
        """(m,) power of the signal in units of that of the noise, mean over images and directions; not negative."""
        power = 0.5 * torch.stack([part.abs().square().mean(0) for part in torch.split(self.values, _BATCH)]).mean(0)
        return (radial_mean(power, self.plane) / self.filled - 1.0).clamp(min=0.0)

    def tempered(self, mismatch: float) -> "Coefficients":
        """The same with a part `mismatch` of the signal's power counted as noise.

        A model that is not complete leaves a residual that grows with the signal. With clean images it, not the noise,
        decides how much a difference of correlations means; with noisy ones this changes nothing.
        """
        factor = (1.0 + mismatch * self.signal_power()).rsqrt()
        return replace(self, values=self.values * factor, gain=self.gain * factor)


def box_coefficients(
    images: Frames,
    *,
    pixel_size: float,
    radius: float,
    resolution: float,
    longest: float,
    background: Frames | None = None,
    device: torch.device | str = "cpu",
) -> Coefficients:
    """Whitened coefficients of the boxes of a particle.

    Every box is multiplied with a disc of soft edge, after its mean inside the disc was taken off, and cut down to the
    disc. The power of the noise at each frequency comes from boxes without a particle (through the same disc) or, where
    there are none, from the rim of the boxes outside of the disc; frequencies that stand out of the noise of their
    length in all background boxes (the support's lattice) are left out.

    Parameters
    ----------
    images : (n, y, x)
        The particle's origin near pixel n // 2.
    pixel_size : float [Å]
    radius : float [Å]
        Of the disc.
    resolution : float [Å]
        Shortest period that is used.
    longest : float [Å]
        Longest period that is used.
    background : (b, y, x) or None
        Boxes of the same size without a particle.
    device : torch device

    Raises
    ------
    InputError
        For boxes that do not hold the disc, a resolution beyond what the pixels resolve, and boxes without noise.
    """
    shape = tuple(images.shape)
    _check(shape, pixel_size, radius, resolution)
    size = min(shape[1:])
    inner = min(size - size % 2, 2 * int(np.ceil((radius + 0.5 * _EDGE) / pixel_size)) + 2)
    plane = half_plane(inner, pixel_size, lowest=1.0 / longest, highest=1.0 / resolution, device=device)
    mask = disc(inner, pixel_size, radius, device=device)
    filled = float(mask.square().mean())
    if background is not None and background.shape[0] > 0:
        outside = masked_transform(background, plane, mask)
        each = outside.abs().square().mean(0) / filled
        power = radial_mean(each, plane)
        if len(outside) >= _FEWEST_FOR_SPOTS:
            usable = each < _SPOT * power
            power = radial_mean(each, plane, usable)
        else:
            usable = torch.ones_like(power, dtype=torch.bool)
    else:
        power = rim_power(images, plane, radius)
        usable = torch.ones_like(power, dtype=torch.bool)
    if not bool((power > 0).all()):
        raise InputError("the boxes have no noise outside of the particle; pass background boxes or a smaller disc")
    values = masked_transform(images, plane, mask)
    gain = (2.0 / power).sqrt()
    return Coefficients(
        plane=restricted(plane, usable),
        values=(values * gain)[:, usable],
        gain=gain[usable],
        filled=filled,
        radius=radius,
    )


def _check(shape: tuple[int, ...], pixel_size: float, radius: float, resolution: float) -> None:
    if len(shape) != 3 or shape[0] == 0:
        raise InputError(f"boxes of a particle are (n, y, x), but the shape is {shape}")
    if 2.0 * radius > min(shape[1:]) * pixel_size:
        raise InputError(
            f"a box of {min(shape[1:])} pixels of {pixel_size:g} Å does not hold a disc of radius {radius:.1f} Å; "
            "cut larger boxes or pass a smaller diameter"
        )
    if resolution < 2.0 * pixel_size:
        raise InputError(
            f"pixels of {pixel_size:g} Å do not resolve {resolution:g} Å; pass a resolution above two pixels"
        )


def disc(size: int, pixel_size: float, radius: float, *, device: torch.device | str = "cpu") -> Tensor:
    """(size, size) 1 inside of `radius` [Å] and 0 outside, with a soft edge of 2 Å centred on it."""
    axis = (torch.arange(size, device=device) - size // 2) * pixel_size
    r = torch.hypot(axis[:, None], axis[None, :])
    return soft_edge(r, radius)


def soft_edge(distance: Tensor, radius: float) -> Tensor:
    """1 below `radius`, 0 above, through half a cosine of 2 Å."""
    inside = ((radius - distance) / _EDGE + 0.5).clamp(0.0, 1.0)
    return 0.5 - 0.5 * torch.cos(torch.pi * inside)


def _batches(images: Frames, size: int, device: torch.device) -> Iterator[Tensor]:
    """Boxes, cut to `size` around their origin, some at a time."""
    _, ny, nx = images.shape
    top, left = ny // 2 - size // 2, nx // 2 - size // 2
    for start in range(0, int(images.shape[0]), _BATCH):
        block = np.asarray(images[start : start + _BATCH], dtype=np.float32)
        yield torch.from_numpy(np.ascontiguousarray(block[:, top : top + size, left : left + size])).to(device)


def masked_transform(images: Frames, plane: HalfPlane, mask: Tensor) -> Tensor:
    """(n, m) coefficients of boxes whose mean under the mask was taken off, times the mask."""
    parts = []
    for block in _batches(images, plane.size, plane.device):
        mean = (block * mask).sum((1, 2), keepdim=True) / mask.sum()
        parts.append(plane.transform((block - mean) * mask))
    return torch.cat(parts)


def rim_power(images: Frames, plane: HalfPlane, radius: float) -> Tensor:
    """(m,) power of the noise at the frequencies of `plane`, from what lies outside of the disc in every box."""
    size = min(images.shape[1:]) // 2 * 2
    whole = half_plane(size, plane.pixel_size, lowest=0.0, highest=float(plane.k.max()), device=plane.device)
    axis = (torch.arange(size, device=plane.device) - size // 2).abs() * plane.pixel_size
    taper = soft_edge(axis, 0.5 * size * plane.pixel_size - 0.5 * _EDGE)
    rim = (1.0 - disc(size, plane.pixel_size, radius, device=plane.device)) * taper[:, None] * taper
    total = torch.zeros(len(whole), device=plane.device)
    for block in _batches(images, size, plane.device):
        mean = (block * rim).sum((1, 2), keepdim=True) / rim.sum()
        total += whole.transform((block - mean) * rim).abs().square().sum(0)
    each = total / int(images.shape[0]) / rim.square().mean() * (plane.size / size) ** 2
    return _at(plane.k, *_profile(each, whole.k, 1.5 * max(whole.step, plane.step)))


def radial_mean(values: Tensor, plane: HalfPlane, used: Tensor | None = None) -> Tensor:
    """(m,) mean of (m,) values over all directions, as a smooth function of the length of the frequency."""
    chosen = torch.ones_like(plane.k, dtype=torch.bool) if used is None else used
    return _at(plane.k, *_profile(values[chosen], plane.k[chosen], 1.5 * plane.step))


def _profile(values: Tensor, k: Tensor, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean frequency and mean value of rings of this width that are not empty."""
    ring = np.floor(k.double().cpu().numpy() / width).astype(int)
    count = np.bincount(ring)
    centre = np.bincount(ring, k.double().cpu().numpy())[count > 0] / count[count > 0]
    return centre, np.bincount(ring, values.double().cpu().numpy())[count > 0] / count[count > 0]


def _at(k: Tensor, centre: np.ndarray, mean: np.ndarray) -> Tensor:
    return torch.from_numpy(np.interp(k.double().cpu().numpy(), centre, mean)).float().to(k.device)
