"""Boxes of a particle cut from a simulated raw liquid-cell movie, with boxes of the background beside it."""

from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from scipy import fft

from atomotion.data import Poses
from atomotion.simulate import recipe, simulate_movie
from atomotion.tomography.response import Optics


@dataclass(frozen=True, kw_only=True)
class RawBoxes:
    """As a tracker would hand them on; `box_centres` are on whole pixels."""

    images: np.ndarray
    background: np.ndarray
    box_centres: np.ndarray
    positions: np.ndarray
    poses: Poses
    pixel_size: float
    optics: Optics


def without_graphene(frames: np.ndarray, pixel_size: float) -> np.ndarray:
    """Frames with the coefficients zeroed that stand out of their ring in most frames: the support's lattice."""
    ny, nx = frames.shape[1:]
    window = np.hanning(ny)[:, None] * np.hanning(nx)
    power = np.median([np.abs(fft.rfft2(frame * window)) ** 2 for frame in frames[::4]], axis=0)
    k = np.hypot(fft.fftfreq(ny, pixel_size)[:, None], fft.rfftfreq(nx, pixel_size))
    ring = (k * pixel_size * ny).astype(int)
    typical = np.array([np.median(power[ring == each]) for each in range(ring.max() + 1)])
    spots = (power > 3.0 * typical[ring]) & (k > 0.4)
    return np.stack([fft.irfft2(np.where(spots, 0.0, fft.rfft2(each)), s=(ny, nx)) for each in frames])


def raw_boxes(
    positions: np.ndarray, *, dose: float, frames: int = 400, size: int = 80, jitter: float = 0.5, seed: int = 0
) -> RawBoxes:
    """`jitter` is the error [Å] of the boxes' centres along each axis."""
    rng = np.random.default_rng(seed)
    config = replace(recipe("liquid_cell"), frames=frames, dose=dose)
    atoms = Atoms(["Pt"] * len(positions), positions=positions)
    simulated = simulate_movie(config, rng, states=[(atoms, frames)])
    pixel_size = config.pixel_size
    movie = np.asarray(simulated.movie.frames[:], dtype=np.float32)
    movie = without_graphene(movie / movie.mean((1, 2), keepdims=True) - 1.0, pixel_size).astype(np.float32)
    truth = simulated.particles[0]
    corners = np.rint((truth.centres + rng.normal(scale=jitter, size=(frames, 2))) / pixel_size).astype(int)
    half = size // 2

    def box(frame: np.ndarray, x: int, y: int) -> np.ndarray:
        return frame[y - half : y + half, x - half : x + half]

    background = []
    while len(background) < 2 * frames:
        x, y = rng.integers(half, movie.shape[2] - half), rng.integers(half, movie.shape[1] - half)
        each = len(background) // 2
        if np.hypot(*(np.array([x, y]) * pixel_size - truth.centres[each])) > 27.0:
            background.append(box(movie[each], x, y))
    q = np.linspace(0.0, 1.5, 151)
    return RawBoxes(
        images=np.stack([box(frame, x, y) for frame, (x, y) in zip(movie, corners)]),
        background=np.stack(background),
        box_centres=corners * pixel_size,
        positions=truth.states[0].positions,
        poses=Poses(quaternions=truth.poses.quaternions, shifts=truth.centres - corners * pixel_size),
        pixel_size=pixel_size,
        optics=Optics(
            voltage=config.voltage,
            cs=config.cs,
            defocus=config.defocus,
            focal_spread=config.focal_spread,
            modulation=np.stack([0.5 * q, config.camera.mtf_nyquist**q], axis=1),
        ),
    )
