"""The linear B-spline smoother that the reference program called total variation."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

# samples at 0, 1, 2 of the symmetric kernels: the quadratic B-spline, the quintic one, and minus its second difference
_QUADRATIC = (3 / 4, 1 / 8)
_QUINTIC = (11 / 20, 13 / 60, 1 / 120)
_SECOND_DIFFERENCE = (1.0, -1 / 3, -1 / 6)
# reflected border, so that opposite edges do not meet
_BORDER = 16


def spline_smooth(frame: NDArray[np.floating], *, strength: float) -> NDArray[np.float32]:
    r"""The frame under the Tikhonov filter of quadratic B-splines.

    .. math:: \hat f(k) = \hat y(k) \frac{|B(k)|^2}{|B(k)|^2 + \lambda R(k)}

    with B the samples of the separable quadratic B-spline and R those of the energy of its gradient: the quintic spline
    in one direction times its negative second difference in the other, summed over both directions. The filter is
    linear: it takes fine detail away with the noise and keeps no edges, which total variation would.

    Parameters
    ----------
    frame : (y, x) float
    strength : float
        λ; 10 in the reference program, whose division of λ by the number of pixels undoes the scaling of its transform.

    References
    ----------
    Unser and Blu, IEEE Trans. Signal Process. 53 (2005). SIMPLE/SINGLE names it "TV" up to 2026-07-15.
    """
    padded = np.pad(np.asarray(frame, dtype=np.float32), _BORDER, mode="symmetric")
    response = _response((padded.shape[0], padded.shape[1]), strength)
    smooth = fft.irfft2(fft.rfft2(padded) * response, s=padded.shape)
    inside: NDArray[np.float32] = smooth[_BORDER:-_BORDER, _BORDER:-_BORDER].astype(np.float32)
    return inside


def _response(shape: tuple[int, int], strength: float) -> NDArray[np.float32]:
    y, x = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None, :]
    spline = (_spectrum(_QUADRATIC, y) * _spectrum(_QUADRATIC, x)) ** 2
    gradient = _spectrum(_QUINTIC, y) * _spectrum(_SECOND_DIFFERENCE, x)
    gradient = gradient + _spectrum(_SECOND_DIFFERENCE, y) * _spectrum(_QUINTIC, x)
    return (spline / (spline + strength * gradient)).astype(np.float32)


def _spectrum(samples: tuple[float, ...], frequency: NDArray[np.floating]) -> NDArray[np.floating]:
    """Transform of a symmetric kernel from its samples at 0, 1, 2, ...; the frequency is in cycles per pixel."""
    return samples[0] + 2 * sum(
        value * np.cos(2 * np.pi * lag * frequency) for lag, value in enumerate(samples[1:], start=1)
    )
