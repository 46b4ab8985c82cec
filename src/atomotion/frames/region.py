"""The crystalline region of one frame, as paper and microscopist see it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from skimage.filters import threshold_otsu
from skimage.restoration import denoise_bilateral

from atomotion.frames.peaks import FramePeaks

_SPOT = 0.9  # standard deviation of the mask on a peak, over the particle's diameter
_PAIRS = 4  # peaks that are used at most
_PIXEL = 1.0  # the region is found on pixels of about this size [Å]
_BILATERAL = 2.0  # spatial width of the bilateral filter [px]


@dataclass(frozen=True, kw_only=True, slots=True)
class LatticeRegion:
    """Where one frame shows its lattice.

    Parameters
    ----------
    mask : (y, x) bool
    diameter : float [Å]
        Of the circle of the same area.
    centre : (x, y) float [px]
    """

    mask: NDArray[np.bool_]
    diameter: float
    centre: tuple[float, float]


def crystalline_region(
    box: NDArray[np.floating], peaks: FramePeaks, *, pixel_size: float, expected: float, pairs: int = _PAIRS
) -> LatticeRegion | None:
    """The region that carries the fringes of the strongest peaks; None without peaks.

    Peaks are masked in the Fourier transform, the envelopes of their fringes (inverse transform of one of ±k) are added
    in squares, smoothed by a bilateral filter and cut by Otsu's threshold; the largest connected part remains.

    Parameters
    ----------
    box : (y, x) float
    peaks : FramePeaks
    pixel_size : float [Å]
    expected : float [Å]
        Rough diameter of the particle: the masks are as wide as its peaks are, so that the blur of the envelope is the
        same part of every particle.
    pairs : int
        Strongest peaks that are used.

    References
    ----------
    Kang et al., Nat. Commun. 16 (2025), "2D image analysis": one pair of peaks, and the size of the mask not given.
    """
    if len(peaks.k) == 0:
        return None
    image = np.asarray(box, dtype=np.float64)
    spectrum = fft.fft2(image - image.mean())
    ky = fft.fftfreq(image.shape[0], pixel_size)[:, None]
    kx = fft.fftfreq(image.shape[1], pixel_size)[None, :]
    energy = np.zeros(image.shape)
    for x, y in peaks.k[:pairs]:
        mask = np.exp(-0.5 * ((kx - x) ** 2 + (ky - y) ** 2) / (_SPOT / expected) ** 2)
        energy += np.abs(fft.ifft2(spectrum * mask)) ** 2
    side = max(1, round(_PIXEL / pixel_size))
    ny, nx = (length // side for length in image.shape)
    coarse = np.sqrt(energy[: ny * side, : nx * side].reshape(ny, side, nx, side).mean(axis=(1, 3)))
    span = float(coarse.max() - coarse.min())
    if span <= 0:
        return None
    smooth = denoise_bilateral((coarse - coarse.min()) / span, sigma_color=0.1, sigma_spatial=_BILATERAL, mode="edge")
    parts, count = ndimage.label(smooth > threshold_otsu(smooth))
    sizes = ndimage.sum_labels(np.ones_like(smooth), parts, np.arange(1, count + 1))
    inside = parts == 1 + int(np.argmax(sizes))
    y, x = ndimage.center_of_mass(inside)
    full = np.zeros(image.shape, dtype=bool)
    full[: ny * side, : nx * side] = np.kron(inside, np.ones((side, side), dtype=bool))
    return LatticeRegion(
        mask=full,
        diameter=2.0 * float(np.sqrt(inside.sum() / np.pi)) * side * pixel_size,
        centre=((x + 0.5) * side - 0.5, (y + 0.5) * side - 0.5),
    )
