"""The bands of spatial frequencies in which a particle is looked at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.data import InputError

_EDGE = 0.008  # softness of a band's edges [1/Å]
_LOWEST = 0.03  # below this lies uneven illumination [1/Å]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bands:
    """Filters for `scipy.fft.rfft2` of a box.

    Parameters
    ----------
    low : (ny, nx // 2 + 1) float
        The outline of the particle: all that is coarser than the lattice.
    lattice : (ny, nx // 2 + 1) float
        The lattice band.
    """

    low: NDArray[np.float32]
    lattice: NDArray[np.float32]


def frequencies(shape: tuple[int, int], pixel_size: float) -> NDArray[np.float64]:
    """|k| [1/Å] of every coefficient of `scipy.fft.rfft2`."""
    return np.hypot(fft.fftfreq(shape[0], pixel_size)[:, None], fft.rfftfreq(shape[1], pixel_size)[None, :])


def lattice_bands(shape: tuple[int, int], pixel_size: float, *, longest: float, shortest: float) -> Bands:
    """Soft-edged bands for boxes of `shape` (ny, nx).

    Parameters
    ----------
    shape : (ny, nx)
    pixel_size : float [Å]
    longest, shortest : float [Å]
        Periods at the ends of the lattice band; the part beyond the Nyquist frequency is left out.

    Raises
    ------
    InputError
        Where the pixels are too large to show a lattice.
    """
    first, last = 1.0 / longest, min(1.0 / shortest, 0.48 / pixel_size)
    if last < 1.2 * first:
        raise InputError(
            f"pixels of {pixel_size:g} Å cannot show a lattice of {shortest:g} to {longest:g} Å; "
            "the pixel size must be well below half of the period"
        )
    k = frequencies(shape, pixel_size)
    return Bands(low=_band(k, _LOWEST, first), lattice=_band(k, first, last))


def _band(k: NDArray[np.float64], low: float, high: float) -> NDArray[np.float32]:
    rise = 1.0 / (1.0 + np.exp(-(k - low) / _EDGE))
    fall = 1.0 / (1.0 + np.exp(np.minimum((k - high) / _EDGE, 80.0)))
    return (rise * fall).astype(np.float32)
