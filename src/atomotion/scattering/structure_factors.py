"""Structure factors of atoms on the frequencies of an image, as products of one-dimensional factors."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from atomotion.scattering.electrons import BORN
from atomotion.scattering.form_factors import electron_form_factor
from atomotion.scattering.lobato import lobato_form_factor

FormFactors = Literal["peng", "lobato"]


def structure_factors(
    positions: ArrayLike,
    *,
    shape: tuple[int, int],
    pixel_size: float,
    path: float = 0.0,
    weights: ArrayLike | None = None,
) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """The transforms of point atoms that lie at their heights, exact wherever the atoms lie between pixels.

    ``C(k) = sum_j w_j cos(p k² z_j) exp(-2πi k·x_j)`` and ``S(k)`` with the sine. With ``p = π λ`` these are what a
    lens sees of a thin object that is not flat: an atom at height z has the defocus ``δ + z``, so that the image of a
    weak object is ``2 σ F⁻¹[f (sin χ C - cos χ S)]`` (Ewald's sphere; with p = 0, the flat sphere, C is the plain
    structure factor and S is 0). ``exp(-2πi k·x ± i p k² z)`` is a product of a factor of (x, z, kx) and one of
    (y, z, ky), so that each sum over atoms is one matrix product.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
        x and y relative to the centre of pixel n // 2; the grid is periodic.
    shape : (ny, nx)
        Of the image.
    pixel_size : float [Å]
    path : float [Å]
        p; 0 for the flat sphere.
    weights : (n,) float, optional

    Returns
    -------
    C, S : (ny, nx // 2 + 1) complex64
        In the layout of `scipy.fft.rfft2`; their inverse transforms have the origin at pixel n // 2.
    """
    xyz = np.asarray(positions, dtype=float).reshape(-1, 3)
    ny, nx = shape
    ky, kx = fft.fftfreq(ny, pixel_size), fft.rfftfreq(nx, pixel_size)
    # the origin of the image lies at pixel n // 2
    x, y = xyz[:, 0] + (nx // 2) * pixel_size, xyz[:, 1] + (ny // 2) * pixel_size
    half = ky[: ny // 2 + 1]
    along_x, along_y = _waves(x, kx), _waves(y, np.abs(half))
    if ny % 2 == 0:
        along_y[:, -1] = np.conj(along_y[:, -1])  # scipy counts the Nyquist frequency as negative
    along_y = np.concatenate([along_y, np.conj(along_y[:, (ny - 1) // 2 : 0 : -1])], axis=1)
    if weights is not None:
        along_y *= np.asarray(weights, dtype=np.float32)[:, None]
    if path == 0.0:
        plain: NDArray[np.complex64] = along_y.T @ along_x
        return plain, np.zeros((1, 1), dtype=np.complex64)
    turn_x, turn_y = (_turns(path * xyz[:, 2], k) for k in (kx, ky))
    above: NDArray[np.complex64] = (along_y * turn_y).T @ (along_x * turn_x)
    below: NDArray[np.complex64] = (along_y * np.conj(turn_y)).T @ (along_x * np.conj(turn_x))
    return 0.5 * (above + below), np.complex64(-0.5j) * (above - below)


def _waves(at: NDArray[np.float64], k: NDArray[np.float64]) -> NDArray[np.complex64]:
    """(n, k) exp(-2πi k x), float32 after whole turns are taken off."""
    turns = at[:, None] * k
    angle = ((turns - np.rint(turns)) * (-2.0 * np.pi)).astype(np.float32)
    return _cis(angle)


def _turns(path_z: NDArray[np.float64], k: NDArray[np.float64]) -> NDArray[np.complex64]:
    return _cis((path_z[:, None] * k**2).astype(np.float32))


def _cis(angle: NDArray[np.float32]) -> NDArray[np.complex64]:
    # sine and cosine of float32 are several times as fast as the complex exponential
    result = np.empty(angle.shape, dtype=np.complex64)
    np.cos(angle, out=result.real)
    np.sin(angle, out=result.imag)
    return result


def atomic_potential(
    element: str, k: NDArray[np.float64], *, u_iso: float = 0.0, table: FormFactors = "peng"
) -> NDArray[np.float64]:
    """The transform of an atom's projected potential [V Å³], with its thermal motion.

    ``h² / (2π m e) f(k) exp(-2π² u_iso k²)``

    Parameters
    ----------
    element : str
    k : float [1/Å]
        Any shape.
    u_iso : float [Å²]
        Mean-square displacement along one axis.
    table : str
        "peng" or "lobato".
    """
    form_factor = electron_form_factor(element, k) if table == "peng" else lobato_form_factor(element, k)
    result: NDArray[np.float64] = BORN * form_factor * np.exp(-2.0 * np.pi**2 * u_iso * k**2)
    return result


def by_element(elements: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """The atoms (indices) of every element."""
    symbols = np.asarray(elements)
    return {str(symbol): np.flatnonzero(symbols == symbol) for symbol in np.unique(symbols)}
