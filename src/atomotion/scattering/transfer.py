"""What the microscope makes of a weak projected potential: linear contrast transfer."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.scattering.electrons import interaction_constant, wavelength


def frequency_grid(shape: tuple[int, int], pixel_size: float) -> NDArray[np.float64]:
    """Spatial frequency k [1/Å] of every coefficient of `scipy.fft.rfft2` of a (ny, nx) image; (ny, nx // 2 + 1)."""
    ny, nx = shape
    return np.hypot(fft.fftfreq(ny, pixel_size)[:, None], fft.rfftfreq(nx, pixel_size)[None, :])


def contrast_transfer(
    k: NDArray[np.floating],
    *,
    voltage: float,
    cs: float = 0.0,
    defocus: float = 0.0,
    focal_spread: float = 0.0,
    amplitude_contrast: float = 0.0,
) -> NDArray[np.float64]:
    """Transfer of the phase of a weak object to the intensity: negative where atoms come out dark.

    ``T(k) = (sqrt(1 - w²) sin χ - w cos χ) exp(-(π λ Δ k²)² / 2)`` with ``χ(k) = -π λ δ k² + π Cs λ³ k⁴ / 2``, where δ
    is the defocus, Δ the focal spread and w the amplitude contrast. The image of the projected potential V is
    ``I = 1 + 2 σ F⁻¹[T F[V]]``.

    Parameters
    ----------
    k : float [1/Å]
        Any shape; see `frequency_grid`.
    voltage : float [V]
    cs : float [Å]
        Spherical aberration.
    defocus : float [Å]
        Positive is underfocus, which makes atoms dark where Cs is small; negative is overfocus, which with a negative
        Cs makes them bright. (abTEM's `defocus` has the same sign; its C10 the opposite one.)
    focal_spread : float [Å]
        Standard deviation of the focus within one exposure.
    amplitude_contrast : float
        Fraction w, 0 to 1.

    References
    ----------
    Reimer & Kohl, Transmission Electron Microscopy (2008), chapter 6.
    """
    wave = wavelength(voltage)
    k2 = np.asarray(k, dtype=float) ** 2
    chi = -np.pi * wave * defocus * k2 + 0.5 * np.pi * cs * wave**3 * k2**2
    envelope = np.exp(-0.5 * (np.pi * wave * focal_spread * k2) ** 2)
    w = amplitude_contrast
    result: NDArray[np.float64] = (np.sqrt(1.0 - w**2) * np.sin(chi) - w * np.cos(chi)) * envelope
    return result


def weak_phase_contrast(
    potential: NDArray[np.floating],
    *,
    pixel_size: float,
    voltage: float,
    cs: float = 0.0,
    defocus: float = 0.0,
    focal_spread: float = 0.0,
    amplitude_contrast: float = 0.0,
) -> NDArray[np.floating]:
    """Relative change of intensity, ``I - 1 = 2 σ F⁻¹[T F[V]]``, of a projected potential, in its own float type.

    Valid where the phase σ V is small: a single heavy atom, or the form of a picture, not its depth. The grid is
    taken as periodic, so leave as many empty pixels around the object as the transfer spreads it.

    Parameters
    ----------
    potential : (ny, nx) float [V Å]
        See `atomotion.scattering.project_atoms`.
    pixel_size : float [Å]
    voltage, cs, defocus, focal_spread, amplitude_contrast
        As in `contrast_transfer`.
    """
    ny, nx = potential.shape
    transfer = contrast_transfer(
        frequency_grid((ny, nx), pixel_size),
        voltage=voltage,
        cs=cs,
        defocus=defocus,
        focal_spread=focal_spread,
        amplitude_contrast=amplitude_contrast,
    )
    filtered = fft.irfft2(fft.rfft2(potential) * (2.0 * interaction_constant(voltage) * transfer), s=(ny, nx))
    return np.asarray(filtered, dtype=potential.dtype)
