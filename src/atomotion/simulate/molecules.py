"""Water molecules one by one, in a layer around the particles."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.spatial import cKDTree

from atomotion.scattering.structure_factors import atomic_potential
from atomotion.simulate.canvas import Canvas
from atomotion.simulate.liquid import OH, THERMAL, WATER_DENSITY

_APART = 2.5  # Å, least distance of two oxygens, and of an oxygen from an atom of a particle
_ANGLE_DEG = 104.52  # H-O-H
_SLAB = 20.0  # Å, molecules of a slab share a height


class WaterMolecules:
    """A periodic layer of water at 0.997 g/cm³, shuffled for every frame.

    Oxygens are put at random one after the other, none nearer than 2.5 Å to another, once; every frame moves the layer
    by a random vector, mirrors it at random, and turns all molecules at random. Molecules that would lie in a particle
    are left out.

    Parameters
    ----------
    canvas : Canvas
    thickness : float [Å]
    rng : numpy.random.Generator
    """

    def __init__(self, canvas: Canvas, thickness: float, rng: np.random.Generator) -> None:
        self.canvas = canvas
        ny, nx = canvas.shape
        self.size = np.array([nx * canvas.pixel_size, ny * canvas.pixel_size, thickness])
        self.oxygens = packed(self.size, round(WATER_DENSITY * float(np.prod(self.size))), _APART, rng)
        slabs = max(1, round(thickness / _SLAB))
        self.heights = (np.arange(slabs) + 0.5) / slabs * thickness - thickness / 2.0
        self._potentials = [atomic_potential(element, canvas.k, u_iso=THERMAL) for element in ("O", "H")]
        # a molecule is shared between four pixels, which blurs it by this much
        self._sharing = np.sinc(fft.fftfreq(ny))[:, None] ** 2 * np.sinc(fft.rfftfreq(nx)) ** 2

    def layers(
        self, occupied: NDArray[np.floating], rng: np.random.Generator
    ) -> list[tuple[float, NDArray[np.complexfloating]]]:
        """Height [Å] of each slab, and the transform of its projected potential times the pixel's area.

        Parameters
        ----------
        occupied : (n, 3) float [Å]
            Atoms of particles, x and y relative to pixel n // 2.
        rng : numpy.random.Generator
        """
        where = (self.oxygens + rng.uniform(0.0, self.size)) % self.size - self.size / 2.0
        where *= rng.choice([-1.0, 1.0], size=3)
        if len(occupied):
            where = where[cKDTree(occupied).query(where, distance_upper_bound=_APART)[0] > _APART]
        hydrogens = (where[:, None] + _bonds(len(where), rng)).reshape(-1, 3)
        slabs = len(self.heights)
        result = []
        total = [np.zeros((slabs, *self.canvas.shape), dtype=np.float32) for _ in range(2)]
        for atoms, grid in zip((where, hydrogens), total, strict=True):
            slab = np.clip(((atoms[:, 2] / self.size[2] + 0.5) * slabs).astype(int), 0, slabs - 1)
            for index in range(slabs):
                grid[index] = self._shared(atoms[slab == index, :2])
        for index, height in enumerate(self.heights):
            transform = sum(
                fft.rfft2(grid[index]) * potential for grid, potential in zip(total, self._potentials, strict=True)
            )
            result.append((float(height), np.asarray(transform / self._sharing, dtype=np.complex64)))
        return result

    def _shared(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points x y [Å] put on the grid, each shared between its four nearest pixels."""
        ny, nx = self.canvas.shape
        at = points / self.canvas.pixel_size + np.array([nx // 2, ny // 2])
        low = np.floor(at).astype(np.intp)
        part = at - low
        grid = np.zeros(ny * nx)
        for step_x in (0, 1):
            for step_y in (0, 1):
                share = np.abs(1 - step_x - part[:, 0]) * np.abs(1 - step_y - part[:, 1])
                flat = (low[:, 1] + step_y) % ny * nx + (low[:, 0] + step_x) % nx
                grid += np.bincount(flat, weights=share, minlength=ny * nx)
        return grid.reshape(ny, nx)


def packed(size: NDArray[np.float64], count: int, apart: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, 3) points in a periodic box, put in one after the other, none nearer than `apart` to another."""
    points = np.empty((0, 3))
    while len(points) < count:
        trial = rng.uniform(0.0, size, size=(2 * (count - len(points)) + 100, 3))
        if len(points):
            distance = cKDTree(points, boxsize=size).query(trial, distance_upper_bound=apart)[0]
            trial = trial[distance > apart]
        near = cKDTree(trial, boxsize=size).query_pairs(apart, output_type="ndarray")
        trial = np.delete(trial, np.unique(near[:, 1]), axis=0)
        points = np.concatenate([points, trial])
    return points[:count]


def _bonds(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, 2, 3) from the oxygen to both hydrogens, in random orientations."""
    first = rng.normal(size=(n, 3))
    first /= np.linalg.norm(first, axis=1)[:, None]
    second = rng.normal(size=(n, 3))
    second -= (second * first).sum(axis=1)[:, None] * first
    second /= np.linalg.norm(second, axis=1)[:, None]
    half = np.deg2rad(_ANGLE_DEG) / 2.0
    along, across = OH * np.cos(half) * first, OH * np.sin(half) * second
    return np.stack([along + across, along - across], axis=1)
