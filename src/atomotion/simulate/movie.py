"""Simulated movies with their truth."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from atomotion.data.frames import Frames
from atomotion.data.movie import Movie
from atomotion.data.poses import Poses
from atomotion.particles.ideal import equivalent_diameter, lattice_constant, particle
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.detector import Detector
from atomotion.simulate.motion import poses_of
from atomotion.simulate.scene import Scene, arrangements
from atomotion.simulate.states import states_of

_DARK_FRAME = 0.1


class SimulatedFrames:
    """Frames (t, y, x) float32 that are computed whenever they are read.

    Parameters
    ----------
    shape : (t, y, x)
    make : callable
        The frame (y, x) of an index.
    """

    def __init__(self, shape: tuple[int, int, int], make: Callable[[int], NDArray[np.float32]]) -> None:
        self.shape: tuple[int, ...] = shape
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self._make = make

    def __getitem__(self, key: Any, /) -> NDArray[np.float32]:
        """Frames as an array; an integer or slice for t, then optionally slices for y and x."""
        t, *inside = key if isinstance(key, tuple) else (key,)
        if not isinstance(t, slice):
            index = range(self.shape[0])[int(t)]
            return self._make(index)[tuple(inside)]
        frames = [self._make(index)[tuple(inside)] for index in range(self.shape[0])[t]]
        if frames:
            return np.stack(frames)
        return np.empty((0, *self.shape[1:]), dtype=np.float32)[(slice(None), *inside)]


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedMovie:
    """A movie and everything that is true of it.

    Parameters
    ----------
    movie : Movie
        What the camera recorded.
    clean : (t, y, x) float32
        The expected intensity of every frame, in the movie's units.
    poses : Poses
        True orientation of every frame, and where the particle's origin lies relative to pixel n // 2.
    ordered : (t,) bool
        Whether the particle is ordered.
    times : (t,) float [s]
        When the frame was recorded; lost frames leave gaps here that the movie does not show.
    atoms : ase.Atoms
        The ordered particle in its own frame.
    diameter : float [Å]
        Of the sphere with as many atoms of the bulk metal.
    scene : Scene
        The source of the clean frames.
    timeline : (t,) int
        Index of every frame before frames were lost.
    """

    movie: Movie
    clean: Frames
    poses: Poses
    ordered: NDArray[np.bool_]
    times: NDArray[np.floating]
    atoms: Atoms
    diameter: float
    scene: Scene
    timeline: NDArray[np.intp]

    @property
    def drift(self) -> NDArray[np.floating]:
        """(t, 2) dx dy [Å] of the stage, 0 at the start of the recording."""
        return self.poses.shifts

    def positions(self, frame: int) -> NDArray[np.float64]:
        """(n, 3) x y z [Å] of all atoms at a frame; x and y are relative to the centre of pixel n // 2."""
        return self.scene.positions(int(self.timeline[frame]))


def simulate_movie(
    config: MovieConfig,
    rng: np.random.Generator,
    *,
    lazy: bool = False,
    on_step: Callable[[int, int], None] | None = None,
) -> SimulatedMovie:
    """A movie of a particle that turns, drifts and switches between order and disorder, with its truth.

    Parameters
    ----------
    config : MovieConfig
    rng : numpy.random.Generator
        The same state gives the same movie, whichever frames are read in whichever blocks.
    lazy : bool
        Compute frames whenever they are read, for movies larger than memory; otherwise the movie and the clean frames
        are arrays.
    on_step : callable, optional
        Called with (done, total) frames.

    Raises
    ------
    UsageError
        Where the parameters contradict each other.
    """
    take = _Take(config, rng)
    frames, clean = take.frames(take.detector.record), take.frames(take.clean)
    if not lazy:
        frames, clean = _in_memory((frames, clean), on_step)
    kept = take.timeline
    return SimulatedMovie(
        movie=_movie(config, frames, "a simulated movie"),
        clean=clean,
        poses=Poses(quaternions=take.poses.quaternions[kept], shifts=take.poses.shifts[kept]),
        ordered=take.ordered[kept],
        times=kept * config.frame_time,
        atoms=take.atoms,
        diameter=take.diameter,
        scene=take.scene,
        timeline=kept,
    )


def vacuum_movie(config: MovieConfig, rng: np.random.Generator, *, lazy: bool = False) -> Movie:
    """A movie of nothing, with the same size, dose and noise as `simulate_movie` gives for this config.

    Parameters
    ----------
    config : MovieConfig
    rng : numpy.random.Generator
    lazy : bool
        As in `simulate_movie`.
    """
    # the level of Gaussian noise follows from the particle, which is not needed otherwise
    sigma = _Take(config, rng).sigma if config.noise == "gaussian" else 0.0
    level = config.dose * config.pixel_size**2
    empty = np.full((config.height_px, config.width_px), level, dtype=np.float32)
    # the second draw: a movie that is made from an equal generator has other noise
    seed = int(rng.integers(2**63, size=2)[1])
    detector = Detector(config, lambda frame: empty, seed=seed, sigma=sigma)
    frames: Frames = SimulatedFrames((config.frames, config.height_px, config.width_px), detector.record)
    if not lazy:
        (frames,) = _in_memory((frames,), None)
    return _movie(config, frames, "a simulated vacuum")


class _Take:
    """All that is drawn before the first frame is recorded."""

    def __init__(self, config: MovieConfig, rng: np.random.Generator) -> None:
        self.config = config
        self.seed = int(rng.integers(2**63))
        motion, states, melting, support, losses = (
            np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(stream,))) for stream in range(5)
        )
        total = config.frames + config.dropped_frames
        self.atoms = particle(config.kind, config.element, config.diameter)
        self.diameter = equivalent_diameter(len(self.atoms), lattice_constant(config.element))
        self.poses = poses_of(config, total, motion)
        self.ordered = states_of(config, total, states)
        where = arrangements(self.atoms, self.ordered, config.disorder, melting)
        self.scene = Scene(config, self.diameter, where, self.poses, support)
        # the first frame is never lost, so that a dark first frame stays the first
        lost = 1 + losses.permutation(total - 1)[: config.dropped_frames]
        self.timeline = np.delete(np.arange(total), lost)
        self.electrons = config.dose * config.pixel_size**2
        self.sigma = self._noise_level() if config.noise == "gaussian" else 0.0
        # the clean and the recorded frame of an index are usually asked for one after the other
        self.expected = lru_cache(maxsize=2)(self._expected)
        self.detector = Detector(config, self.expected, seed=self.seed, sigma=self.sigma)

    def _expected(self, frame: int) -> NDArray[np.float32]:
        """(y, x) expected electrons of a frame of the full timeline."""
        level = self.electrons * (_DARK_FRAME if frame == 0 and self.config.dark_first_frame else 1.0)
        return self.scene.relative_intensity(frame) * np.float32(level)

    def clean(self, frame: int) -> NDArray[np.float32]:
        """(y, x) expected intensity of a frame of the full timeline, as it is stored."""
        return self.expected(frame) * np.float32(self.config.units_per_electron)

    def frames(self, make: Callable[[int], NDArray[np.float32]]) -> Frames:
        """The frames that were not lost."""
        shape = (len(self.timeline), self.config.height_px, self.config.width_px)
        return SimulatedFrames(shape, lambda index: make(int(self.timeline[index])))

    def _noise_level(self) -> float:
        """Standard deviation [electrons] that gives the wanted ratio of variances in the particle's disc."""
        config = self.config
        y = (np.arange(config.height_px) - config.height_px // 2)[:, None] * config.pixel_size
        x = (np.arange(config.width_px) - config.width_px // 2)[None, :] * config.pixel_size
        ordered = np.flatnonzero(self.ordered)
        variances = []
        for frame in ordered[:: max(1, len(ordered) // 16)] if len(ordered) else [0]:
            dx, dy = self.poses.shifts[frame]
            disc = np.hypot(x - dx, y - dy) <= self.diameter / 2.0
            if disc.any():
                variances.append(float(np.var(self.scene.relative_intensity(int(frame))[disc])))
        return self.electrons * math.sqrt(float(np.mean(variances)) / 10.0 ** (config.snr_db / 10.0))


def _in_memory(
    stacks: tuple[Frames, ...], on_step: Callable[[int, int], None] | None
) -> tuple[NDArray[np.float32], ...]:
    """The same stacks as arrays, read frame by frame together."""
    arrays = tuple(np.empty(stack.shape, dtype=np.float32) for stack in stacks)
    total = stacks[0].shape[0]
    for index in range(total):
        for array, stack in zip(arrays, stacks, strict=True):
            array[index] = stack[index]
        if on_step is not None:
            on_step(index + 1, total)
    return arrays


def _movie(config: MovieConfig, frames: Frames, source: str) -> Movie:
    lens = config.image == "transfer"
    return Movie(
        frames=frames,
        pixel_size=config.pixel_size,
        frame_time=config.frame_time,
        dose=config.dose,
        units_per_electron=config.units_per_electron,
        contrast=config.contrast,
        voltage=config.voltage if lens else None,
        cs=config.cs if lens else None,
        defocus=config.defocus if lens else None,
        detector="simulated",
        metadata={"source": source},
    )
