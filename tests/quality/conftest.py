"""Small movies with a known truth, and denoisers with known properties."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve


def scene(electrons, shape=(24, 48, 48), moving=True):
    """A blob with fringes of 7 px in front of a constant, moving 0.35 px a frame, in electrons per pixel."""
    t, y, x = (np.arange(n).reshape(s) for n, s in zip(shape, ((-1, 1, 1), (1, -1, 1), (1, 1, -1)), strict=True))
    shift = 0.35 * t if moving else 0.0 * t
    r2 = (x - 0.4 * shape[2] - shift) ** 2 + (y - 0.5 * shape[1]) ** 2
    fringes = 1 + 0.7 * np.cos(2 * np.pi * (x - shift) / 7)
    return electrons * (1 - 0.5 * np.exp(-r2 / 72) * fringes)


def gaussian(movie, sigma=(1.5, 1.5, 1.5)):
    return gaussian_filter(np.asarray(movie[:], dtype=float), sigma, mode="wrap")


@cache
def centre_weight(sigma=(1.5, 1.5, 1.5)):
    impulse = np.zeros((64, 64, 64))
    impulse[32, 32, 32] = 1
    return float(gaussian_filter(impulse, sigma, mode="wrap")[32, 32, 32])


def with_hole(movie, sigma=(1.5, 1.5, 1.5), hole=0):
    """A Gaussian mean of the others: the pixel itself, or (2 hole + 1)² pixels of its frame, have no weight."""
    movie = np.asarray(movie[:], dtype=float)
    kernel, cover = _kernel(sigma, hole, movie.shape)
    return fftconvolve(movie, kernel, mode="same") / cover


@cache
def _kernel(sigma, hole, shape):
    kernel = np.ones((1, 1, 1))
    for axis, width in enumerate(sigma):
        reach = int(4 * width + 0.5)
        line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(width, 1e-3)) ** 2)
        kernel = kernel * line.reshape([-1 if a == axis else 1 for a in range(3)])
    t, y, x = (n // 2 for n in kernel.shape)
    kernel[t, y - hole : y + hole + 1, x - hole : x + hole + 1] = 0
    return kernel, fftconvolve(np.ones(shape), kernel, mode="same")


@pytest.fixture(scope="session")
def small():
    return SimpleNamespace(scene=scene, gaussian=gaussian, centre_weight=centre_weight, with_hole=with_hole)
