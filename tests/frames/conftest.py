"""Simulated boxes of one tumbling particle, with truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from atomotion.geometry.rotations import random_quaternions, rotate
from atomotion.particles.ideal import equivalent_diameter, fcc_sphere
from atomotion.scattering import peng_atoms, project_atoms, weak_phase_contrast
from atomotion.simulate.motion import tumbling

PIXEL = 0.358
LATTICE = 3.92


@dataclass(frozen=True, kw_only=True)
class Boxes:
    frames: np.ndarray
    diameter: np.ndarray
    quaternions: np.ndarray


def peeled(diameter: float, losses: Sequence[float], rng: np.random.Generator) -> list[np.ndarray]:
    """Positions of a sphere and of what is left when its outermost atoms leave."""
    atoms = fcc_sphere("Pt", diameter, centre=(0.13, 0.21, 0.07)).positions
    states = [atoms - atoms.mean(axis=0)]
    for loss in losses:
        last = states[-1]
        depth = np.linalg.norm(last, axis=1) + rng.normal(scale=0.4, size=len(last))
        kept = last[np.argsort(depth)[: round(len(last) * (1 - loss))]]
        states.append(kept - kept.mean(axis=0))
    return states


def simulated(
    lengths: Sequence[int],
    *,
    losses: Sequence[float] = (),
    diameter: float = 22.0,
    seed: int = 0,
    dose: float = 50.0,
    size: int = 96,
    degrees: float = 6.0,
    contrast: float = 0.7,
) -> Boxes:
    rng = np.random.default_rng(seed)
    states = peeled(diameter, losses, rng)
    which = np.repeat(np.arange(len(states)), lengths)
    poses = tumbling(
        len(which), start=random_quaternions(1, rng)[0], rms_deg=degrees, memory=0.0, cone_deg=None, rng=rng
    )
    frames = np.empty((len(which), size, size), dtype=np.float32)
    for index, (state, pose) in enumerate(zip(which, poses)):
        atoms = states[state]
        potential = project_atoms(
            rotate(pose, atoms).astype(np.float32), peng_atoms(["Pt"] * len(atoms), u_iso=0.008), shape=(size, size),
            pixel_size=PIXEL, shift=rng.normal(scale=0.25, size=2),
        )  # fmt: skip
        image = 1 + contrast * weak_phase_contrast(
            potential, pixel_size=PIXEL, voltage=3e5, cs=-1.1e5, defocus=-80.0, focal_spread=10.0
        )
        frames[index] = rng.poisson(np.maximum(image, 0.02) * dose * PIXEL**2)
    truth = np.array([equivalent_diameter(len(each), LATTICE) for each in states])
    return Boxes(frames=frames, diameter=truth[which], quaternions=poses)


@pytest.fixture(scope="session")
def simulate() -> Callable[..., Boxes]:
    return simulated


@pytest.fixture(scope="session")
def stepping() -> Boxes:
    """A quarter of the atoms leave after 150 of 300 frames, at 50 e/Å² per frame."""
    return simulated((150, 150), losses=(0.25,), seed=1)


@pytest.fixture(scope="session")
def steady() -> Boxes:
    """300 frames of a particle that only turns."""
    return simulated((300,), diameter=20.0, seed=2)
