"""Densities with known atoms: exact in Fourier space, so that the room under test has no part in making them."""

import numpy as np
import pytest
from scipy import fft

from atomotion.data import DensityMap
from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.scattering import electron_form_factor

# h² / (2π m e) [V Å²]
BORN = 47.87801
PAIRS = ((0, 1), (0, 2), (1, 2))


def frequencies(shape, size):
    nz, ny, nx = shape
    return np.fft.fftfreq(nz, size), np.fft.fftfreq(ny, size), np.fft.rfftfreq(nx, size)


def low_passed(values, size, resolution, edge=0.1):
    """Without anything finer than `resolution`: half a cosine over the last tenth of the band."""
    z, y, x = frequencies(values.shape, size)
    k = np.sqrt(z[:, None, None] ** 2 + y[None, :, None] ** 2 + x**2)
    kept = 0.5 + 0.5 * np.cos(np.pi * np.clip((k - (1 - edge) / resolution) / (edge / resolution), 0.0, 1.0))
    return fft.irfftn(fft.rfftn(values) * kept, s=values.shape)


def exact_density(positions, tensors, *, shape, size, resolution, element="Pt", occupancy=None, first=None):
    """Sum over atoms of form factor, displacement and place, frequency by frequency; voxels hold means over cubes."""
    z, y, x = frequencies(shape, size)
    k = np.sqrt(z[:, None, None] ** 2 + y[None, :, None] ** 2 + x**2)
    kept = k <= 1.0 / resolution
    iz, iy, ix = np.nonzero(kept)
    q = np.stack([x[ix], y[iy], z[iz]], axis=1)
    origin = -(np.array(shape[::-1]) // 2) * size if first is None else np.asarray(first)
    total = np.zeros(len(q), dtype=complex)
    weights = np.ones(len(positions)) if occupancy is None else occupancy
    products = np.stack([q[:, 0] ** 2, q[:, 1] ** 2, q[:, 2] ** 2, *(2 * q[:, a] * q[:, b] for a, b in PAIRS)], axis=1)
    for place, tensor, weight in zip(positions, tensors, weights, strict=True):
        blur = products @ [*np.diag(tensor), *(tensor[a, b] for a, b in PAIRS)]
        along = [np.exp(-2j * np.pi * f * c) for f, c in zip((z, y, x), (place - origin)[::-1], strict=True)]
        total += weight * np.exp(-2.0 * np.pi**2 * blur) * along[0][iz] * along[1][iy] * along[2][ix]
    total *= BORN * electron_form_factor(element, np.linalg.norm(q, axis=1))
    total *= np.sinc(q * size).prod(axis=1)
    spectrum = np.zeros(k.shape, dtype=complex)
    spectrum[kept] = total
    return low_passed(fft.irfftn(spectrum, s=shape) / size**3, size, resolution)


def isotropic(n, u):
    return np.asarray(u, dtype=float).reshape(-1, 1, 1) * np.eye(3) * np.ones((n, 1, 1))


def with_noise(values, snr, rng, *, size, resolution, inside):
    """Noise in the map's own band; `snr` is the ratio of standard deviations in the voxels `inside`."""
    noise = low_passed(rng.normal(size=values.shape), size, resolution)
    return values + noise * (values[inside].std() / snr / noise.std())


def turned(positions, rng, shift=0.5):
    turn = matrices_from_quaternions(random_quaternions(1, rng)[0])
    return (positions - positions.mean(axis=0)) @ turn.T + rng.uniform(-shift, shift, size=3)


def noisy_map(positions, *, shape, size, resolution, rng, snr=None, u=0.05, occupancy=None, first=None):
    """A map of atoms with one displacement, with noise as strong as the particle's density over `snr`."""
    tensors = isotropic(len(positions), u)
    values = exact_density(
        positions, tensors, shape=shape, size=size, resolution=resolution, occupancy=occupancy, first=first
    )
    if snr is not None:
        origin = -(np.array(shape[::-1]) // 2) * size if first is None else np.asarray(first)
        at = np.rint((positions - origin) / size).astype(int)
        inside = tuple(slice(low, high + 1) for low, high in zip(at.min(axis=0)[::-1], at.max(axis=0)[::-1]))
        values = with_noise(values, snr, rng, size=size, resolution=resolution, inside=inside)
    return DensityMap(
        values=values.astype(np.float32), voxel_size=size, origin=None if first is None else tuple(map(float, first))
    )


@pytest.fixture(scope="session")
def scenes():
    """The functions of this file, for tests in other folders of the room."""
    return {
        "exact_density": exact_density,
        "isotropic": isotropic,
        "low_passed": low_passed,
        "noisy_map": noisy_map,
        "turned": turned,
        "with_noise": with_noise,
    }
