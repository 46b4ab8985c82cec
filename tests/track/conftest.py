"""Movies of tumbling particles on paths that a test prescribes: weak-phase images, graphene as waves, Poisson noise."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from atomotion.geometry.rotations import rotate
from atomotion.particles.ideal import particle
from atomotion.simulate import recipe
from atomotion.simulate.kinematic import KinematicImage, add_into
from atomotion.simulate.motion import orientations
from atomotion.track.graphene import ORDERS, spot_positions

PIXEL = 0.358
AMPLITUDES = (0.012, 0.008, 0.004)  # of graphene's waves, relative to the mean
QUANTUM_EFFICIENCY = 0.5


def walk(n: int, start: tuple[float, float], step: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """(n, 2) x y [Å] of a random walk with that root-mean-square step, both axes together."""
    steps = rng.normal(0, step / np.sqrt(2), (n, 2))
    steps[0] = 0
    return np.array(start) + np.cumsum(steps, axis=0)


def waves(shape: tuple[int, int], angles: tuple[float, ...], rng: np.random.Generator) -> NDArray[np.floating]:
    """(y, x) graphene, relative to the mean."""
    y, x = (np.arange(size) * PIXEL for size in shape)
    total = np.zeros(shape)
    for angle in angles:
        for orders, amplitude in zip(ORDERS, AMPLITUDES, strict=True):
            for kx, ky in spot_positions(angle, orders):
                total += amplitude * np.cos(2 * np.pi * (kx * x[None, :] + ky * y[:, None]) + rng.uniform(0, 2 * np.pi))
    return total


def liquid_movie(
    paths: NDArray[np.floating],
    *,
    shape: tuple[int, int] = (256, 256),
    dose: float = 50.0,
    seed: int = 0,
    angles: tuple[float, ...] = (7.0, 23.0),
    hidden: NDArray[np.bool_] | None = None,
    diameter: float = 20.8,
    rotation_deg: float = 6.0,
) -> NDArray[np.float32]:
    """(t, y, x) electrons, of particles at `paths` (t, p, 2) x y [Å] from the centre of the first pixel."""
    rng = np.random.default_rng(seed)
    frames = len(paths)
    config = replace(recipe("liquid_cell"), frames=frames, rotation_deg=rotation_deg, rotation_memory=0.0)
    atoms = particle("truncated_octahedron", "Pt", diameter).positions
    image = KinematicImage(config, elements=["Pt"], reach=float(np.linalg.norm(atoms, axis=1).max()), highest=0.0)
    turned = [orientations(config, frames, rng) for _ in range(paths.shape[1])]
    background = waves(shape, angles, rng)
    result = np.empty((frames, *shape), dtype=np.float32)
    for t in range(frames):
        intensity = 1.0 + background
        for p, place in enumerate(paths[t]):
            if hidden is None or not hidden[t, p]:
                pixel = np.rint(place / PIXEL).astype(int)
                here = rotate(turned[p][t], atoms) + np.r_[place - pixel * PIXEL, 0.0]
                add_into(intensity, image.change(here, ["Pt"] * len(here)), (int(pixel[1]), int(pixel[0])))
        counts = rng.poisson(np.maximum(intensity, 0) * dose * PIXEL**2 * QUANTUM_EFFICIENCY)
        result[t] = counts / QUANTUM_EFFICIENCY
    return result


@pytest.fixture(scope="session")
def make_movie() -> Callable[..., NDArray[np.float32]]:
    return liquid_movie


@pytest.fixture(scope="session")
def make_walk() -> Callable[..., NDArray[np.floating]]:
    return walk


@pytest.fixture(scope="session")
def make_waves() -> Callable[..., NDArray[np.floating]]:
    return waves
