"""Total-variation denoising: the smoothest image, in total variation, that explains the frames."""

import numpy as np
from numpy.typing import NDArray

# the energy is then within a few parts in a thousand of its minimum at any weight in use
_ITERATIONS = 80


def total_variation(
    values: NDArray[np.floating], *, weight: float, iterations: int = _ITERATIONS
) -> NDArray[np.float32]:
    r"""The minimiser of the Rudin-Osher-Fatemi functional, from Chambolle's dual problem.

    .. math:: \min_u \int |\nabla u| + \frac{1}{2\,w} \int (u - y)^2
              = \min_u \max_{|p| \le 1} \; \ldots, \quad u = y + w\,\mathrm{div}\,p

    The dual field p is found by fast gradient projection. ``skimage.restoration.denoise_tv_chambolle`` solves the same
    problem with plain gradient projection; at strong weights it stops far from the minimum.

    Parameters
    ----------
    values : (y, x) or (t, y, x) float
        Scaled so that the noise has a standard deviation of 1; a stack is denoised with the gradient along time too.
    weight : float
        w, in standard deviations of the noise.
    iterations : int

    References
    ----------
    Rudin, Osher and Fatemi, Physica D 60, 259 (1992); Chambolle, J. Math. Imaging Vis. 20, 89 (2004); Beck and
    Teboulle, IEEE Trans. Image Process. 18, 2419 (2009).
    """
    values = np.asarray(values, dtype=np.float32)
    if weight == 0:
        return values.copy()
    w = np.float32(weight)
    step = np.float32(1.0 / (4 * values.ndim * weight))
    field = np.zeros((values.ndim, *values.shape), dtype=np.float32)
    ahead, new = field.copy(), field.copy()
    image = np.empty_like(values)
    momentum = 1.0
    for _ in range(iterations):
        _explained(values, ahead, w, image)
        _gradient(image, new)
        new *= step
        new += ahead
        # onto the fields of length 1 or less
        length = np.sqrt(np.einsum("a...,a...->...", new, new))
        np.maximum(length, 1, out=length)
        new /= length
        later = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        np.subtract(new, field, out=ahead)
        ahead *= np.float32((momentum - 1.0) / later)
        ahead += new
        field, new, momentum = new, field, later
    return _explained(values, field, w, image)


def _gradient(image: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Forward differences along every axis, (axes, ...); 0 where there is no next pixel."""
    for axis, along in enumerate(out):
        before, after = _neighbours(image.ndim, axis)
        np.subtract(image[after], image[before], out=along[before])


def _explained(
    values: NDArray[np.float32], field: NDArray[np.float32], weight: np.float32, out: NDArray[np.float32]
) -> NDArray[np.float32]:
    """``values + weight * div field``, with div minus the adjoint of the forward differences."""
    out[...] = 0
    for axis, along in enumerate(field):
        before, after = _neighbours(values.ndim, axis)
        out[before] += along[before]
        out[after] -= along[before]
    out *= weight
    out += values
    return out


def _neighbours(axes: int, axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All pixels that have a next one along an axis, and those next ones."""
    before, after = [slice(None)] * axes, [slice(None)] * axes
    before[axis], after[axis] = slice(0, -1), slice(1, None)
    return tuple(before), tuple(after)
