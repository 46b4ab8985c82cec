"""Simulated boxes of one tumbling, irregular particle, made by other code than that which reconstructs it."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from atomotion.data import Poses
from atomotion.geometry.rotations import compose, random_quaternions, rotate, small_random_quaternions
from atomotion.neighbours import coordination_numbers, neighbour_pairs
from atomotion.particles import fcc_sphere
from atomotion.scattering.atom_gaussians import peng_atoms
from atomotion.scattering.projections import project_atoms

NEIGHBOUR_RADIUS = 3.3  # Å
LATTICE = 3.93  # Å
PIXEL_SIZE = 0.358  # Å


@dataclass(frozen=True, kw_only=True)
class Phantom:
    """Boxes and the truth behind them."""

    images: np.ndarray
    positions: np.ndarray
    poses: Poses
    pixel_size: float = PIXEL_SIZE


def coordination(positions: np.ndarray) -> np.ndarray:
    return coordination_numbers(neighbour_pairs(positions, NEIGHBOUR_RADIUS))


def irregular_particle(
    atoms: int, rng: np.random.Generator, *, bulk: float = 0.06, surface: float = 0.20, removed: int = 30
) -> np.ndarray:
    """(n, 3) positions: an ellipsoid with random facets and pits, displaced by `bulk` and `surface` [Å] per axis."""
    sites = fcc_sphere("Pt", 44.0, lattice=LATTICE, centre=rng.uniform(-0.5, 0.5, 3)).positions
    axes = rng.permutation([0.93, 1.0, 1.07])
    normals = rng.normal(size=(10, 3))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    depth = np.maximum(np.linalg.norm(sites / axes, axis=1), (sites @ normals.T / rng.uniform(0.8, 1.05, 10)).max(1))
    points = sites[np.argsort(depth)[: atoms + removed]]
    for _ in range(removed):
        count = coordination(points)
        outer = np.flatnonzero(count < 9)
        weight = np.exp(-(count[outer] - 5) / 1.5)
        points = np.delete(points, rng.choice(outer, p=weight / weight.sum()), axis=0)
    points = points[coordination(points) >= 3]
    outer = coordination(points) < 10
    points = points + rng.normal(size=points.shape) * np.where(outer, surface, bulk)[:, None]
    points = points * (1.0 + np.where(outer, -0.008, 0.004))[:, None]
    return points - points.mean(axis=0)


def walk(n: int, rms_deg: float, rng: np.random.Generator) -> np.ndarray:
    """(n, 4) random walk of the orientation."""
    steps = small_random_quaternions(n, rms_deg, rng)
    turned = [random_quaternions(1, rng)[0]]
    for step in steps[1:]:
        turned.append(compose(step, turned[-1]))
    return np.array(turned)


def simulate(
    n: int,
    *,
    atoms: int = 300,
    size: int = 96,
    snr_db: float = 10.0,
    step_deg: float | None = 6.0,
    seed: int = 0,
    u_iso: float = 3.0 / (8.0 * np.pi**2),
    offset_px: float = 1.5,
    removed: int = 30,
    positions: np.ndarray | None = None,
    turned: np.ndarray | None = None,
) -> Phantom:
    """Projected potentials with noise of 1 px blur; `step_deg` None gives unordered orientations.

    `positions` takes the place of an irregular FCC particle, `turned` (n, 4) that of random orientations.

    The ratio of variances, signal over noise, is that inside the particle's disc.
    """
    rng = np.random.default_rng(seed)
    if positions is None:
        positions = irregular_particle(atoms, rng, removed=removed)
    if turned is None:
        turned = random_quaternions(n, rng) if step_deg is None else walk(n, step_deg, rng)
    shifts = rng.uniform(-offset_px, offset_px, (n, 2)) * PIXEL_SIZE
    gaussians = peng_atoms(["Pt"] * len(positions), u_iso=u_iso)
    images = np.stack(
        [
            project_atoms(
                rotate(q, positions).astype(np.float32), gaussians, shape=(size, size), pixel_size=PIXEL_SIZE, shift=s
            )
            for q, s in zip(turned, shifts)
        ]
    )
    axis = (np.arange(size) - size // 2) * PIXEL_SIZE
    inside = np.hypot(axis[:, None], axis) < np.linalg.norm(positions, axis=1).max() + 1.5
    frequency = fft.fftfreq(size)
    blur = np.exp(-2.0 * np.pi**2 * (frequency[:, None] ** 2 + frequency**2))
    noise = fft.ifft2(fft.fft2(rng.normal(size=images.shape).astype(np.float32)) * blur).real
    noise *= np.sqrt(images[:, inside].var() / 10.0 ** (snr_db / 10.0)) / noise.std()
    return Phantom(
        images=(images + noise).astype(np.float32),
        positions=positions,
        poses=Poses(quaternions=turned, shifts=shifts),
    )
