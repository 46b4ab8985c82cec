"""Simulated movies with their truth."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from atomotion.data.frames import Frames
from atomotion.data.movie import Movie
from atomotion.data.poses import Poses
from atomotion.simulate.bodies import Body
from atomotion.simulate.camera import Camera, CameraCurves
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.detector import Detector
from atomotion.simulate.multislice import MemoryStore, WaveStore
from atomotion.simulate.plan import Plan, States
from atomotion.simulate.scene import GaussianScene, Scene, TransferScene
from atomotion.simulate.waves import WaveScene

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
class ParticleTruth:
    """What is true of one particle in every frame of the file.

    Parameters
    ----------
    poses : Poses
        Orientation, and where the particle's origin lies relative to the centre of pixel n // 2 of the frame.
    centres : (t, 2) float, x y [Å]
        Where the origin lies in the movie, from the centre of its first pixel.
    mass_centres : (t, 2) float, x y [Å]
        The same of the mean of the atoms, which may be away from the origin.
    heights : (t,) float [Å]
        Of the origin along the beam; the defocus at the particle is the lens's plus this.
    states : tuple of ase.Atoms
        The particle in its own frame, state by state.
    state : (t,) int
        Which state a frame shows.
    ordered : (t,) bool
        False where the particle is molten.
    diameter : float [Å]
        Of the sphere with as many atoms of the bulk metal, in the first state.
    """

    poses: Poses
    centres: NDArray[np.float64]
    mass_centres: NDArray[np.float64]
    heights: NDArray[np.float64]
    states: tuple[Atoms, ...]
    state: NDArray[np.intp]
    ordered: NDArray[np.bool_]
    diameter: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedMovie:
    """A movie and everything that is true of it.

    Parameters
    ----------
    movie : Movie
        What the camera recorded.
    clean : (t, y, x) float32
        The expected intensity of every frame, in the movie's units.
    particles : tuple of ParticleTruth
    times : (t,) float [s]
        When the frame was recorded; lost frames leave gaps here that the movie does not show.
    drift : (t, 2) float, dx dy [Å]
        Of the stage, 0 at the start of the recording.
    graphene_deg : (s,) float [deg]
        Angle of a lattice vector of each sheet with x, modulo 60; those below the liquid come first.
    scene : Scene
        The source of the clean frames.
    timeline : (t,) int
        Index of every frame before frames were lost.
    bodies : tuple of Body
        The particles on that timeline.
    """

    movie: Movie
    clean: Frames
    particles: tuple[ParticleTruth, ...]
    times: NDArray[np.floating]
    drift: NDArray[np.floating]
    graphene_deg: NDArray[np.floating]
    scene: Scene
    timeline: NDArray[np.intp]
    bodies: tuple[Body, ...]

    @property
    def poses(self) -> Poses:
        """Of the first particle."""
        return self.particles[0].poses

    @property
    def ordered(self) -> NDArray[np.bool_]:
        """(t,) whether the first particle is ordered."""
        return self.particles[0].ordered

    @property
    def atoms(self) -> Atoms:
        """The first state of the first particle in its own frame."""
        return self.particles[0].states[0]

    @property
    def diameter(self) -> float:
        """Of the first particle [Å]."""
        return self.particles[0].diameter

    def positions(self, frame: int, particle: int = 0) -> NDArray[np.float64]:
        """(n, 3) x y z [Å] of a particle's atoms at a frame; x and y are relative to the centre of pixel n // 2."""
        return self.bodies[particle].positions(int(self.timeline[frame]))


def simulate_movie(
    config: MovieConfig,
    rng: np.random.Generator,
    *,
    states: States | Sequence[States] | None = None,
    paths: Sequence[NDArray[np.floating]] | None = None,
    curves: CameraCurves | None = None,
    waves: WaveStore | None = None,
    workers: int = 1,
    lazy: bool = False,
    on_step: Callable[[int, int], None] | None = None,
) -> SimulatedMovie:
    """A movie of particles that turn, diffuse, drift and change, with its truth.

    Parameters
    ----------
    config : MovieConfig
    rng : numpy.random.Generator
        The same state gives the same movie, whichever frames are read in whichever blocks.
    states : sequence of (ase.Atoms, frames), optional
        The particle instead of the config's: its atoms in its own frame, and for how many frames they stay so; the last
        state lasts to the end. A sequence of such sequences is one per particle.
    paths : sequence of (t, 2) float, x y [Å], optional
        One per particle: where its origin is on the stage, from the centre of pixel n // 2, instead of its own
        diffusion; the drift is added. t counts frames that will be lost.
    curves : CameraCurves, optional
        Of the camera, instead of the generic ones.
    waves : WaveStore, optional
        Where exit waves of multislice are kept for the next time; None keeps them as long as the movie.
    workers : int
        Processes that compute them; for other images, threads that make a movie in memory.
    lazy : bool
        Compute frames whenever they are read, for movies larger than memory; otherwise the movie and the clean frames
        are arrays.
    on_step : callable, optional
        Called with (done, total) frames.

    Raises
    ------
    UsageError
        Where the parameters contradict each other, or paths do not fit the movie.
    """
    take = _Take(config, rng, states, curves, waves, workers, paths)
    frames, clean = take.frames(take.detector.record), take.frames(take.clean)
    if not lazy:
        # exit waves are spread over processes, and read in order
        threads = 1 if config.image == "multislice" else workers
        frames, clean = _in_memory((frames, clean), on_step, threads)
    kept = take.plan.kept
    return SimulatedMovie(
        movie=_movie(config, frames, "a simulated movie", take.stored_per_electron),
        clean=clean,
        particles=tuple(_truth(body, config, kept) for body in take.plan.bodies),
        times=kept * config.frame_time,
        drift=take.plan.drift[kept],
        graphene_deg=take.scene.surroundings.graphene_deg,
        scene=take.scene,
        timeline=kept,
        bodies=take.plan.bodies,
    )


def vacuum_movie(
    config: MovieConfig, rng: np.random.Generator, *, curves: CameraCurves | None = None, lazy: bool = False
) -> Movie:
    """A movie of nothing, with the same size, dose and noise as `simulate_movie` gives for this config.

    Parameters
    ----------
    config : MovieConfig
    rng : numpy.random.Generator
    curves : CameraCurves, optional
    lazy : bool
        As in `simulate_movie`.
    """
    # the level of Gaussian noise follows from the particle, which is not needed otherwise
    ideal = config.camera.mode == "ideal"
    sigma = _Take(config, rng, None, curves).sigma if ideal and config.noise == "gaussian" else 0.0
    level = config.dose * config.pixel_size**2
    empty = np.full((config.height_px, config.width_px), level, dtype=np.float32)
    # the second draw: a movie that is made from an equal generator has other noise
    seed = int(rng.integers(2**63, size=2)[1])
    detector: Detector | Camera
    stored = config.units_per_electron
    if ideal:
        detector = Detector(config, lambda frame: empty, seed=seed, sigma=sigma)
    else:
        detector = Camera(config, curves, lambda frame: empty, seed=seed)
        stored *= detector.efficiency
    frames: Frames = SimulatedFrames((config.frames, config.height_px, config.width_px), detector.record)
    if not lazy:
        (frames,) = _in_memory((frames,), None)
    return _movie(config, frames, "a simulated vacuum", stored)


class _Take:
    """The plan of a movie, what falls on the camera, and the camera."""

    def __init__(
        self,
        config: MovieConfig,
        rng: np.random.Generator,
        states: States | Sequence[States] | None,
        curves: CameraCurves | None,
        waves: WaveStore | None = None,
        workers: int = 1,
        paths: Sequence[NDArray[np.floating]] | None = None,
    ) -> None:
        self.config = config
        self.seed = int(rng.integers(2**63))
        self.plan = Plan(config, self.seed, states, paths)
        around = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(3,)))
        bodies, stage = self.plan.bodies, self.plan.drift
        self.scene: Scene
        if config.image == "multislice":
            store = MemoryStore() if waves is None else waves
            self.scene = WaveScene(config, bodies, stage, seed=self.seed, rng=around, store=store, workers=workers)
        else:
            kind = GaussianScene if config.image == "gaussian" else TransferScene
            self.scene = kind(config, bodies, stage, seed=self.seed, rng=around)
        self.electrons = config.dose * config.pixel_size**2
        self.stored_per_electron = config.units_per_electron
        # the clean and the recorded frame of an index are usually asked for one after the other, in each thread
        self.arriving: Callable[[int], NDArray[np.float32]] = lru_cache(maxsize=2 + 2 * workers)(self._arriving)
        self.sigma = 0.0
        self.detector: Detector | Camera
        expected: Callable[[int], NDArray[np.float32]]
        if config.camera.mode == "ideal":
            if config.noise == "gaussian":
                self.sigma = self._noise_level()
            self.detector = Detector(config, self.arriving, seed=self.seed, sigma=self.sigma)
            expected = self.arriving
        else:
            self.detector = camera = Camera(config, curves, self.arriving, seed=self.seed)
            expected = camera.expected
            self.stored_per_electron *= camera.efficiency
        self._expected = expected

    def _arriving(self, frame: int) -> NDArray[np.float32]:
        """(y, x) expected electrons of a frame of the full timeline."""
        level = self.electrons * (_DARK_FRAME if frame == 0 and self.config.dark_first_frame else 1.0)
        return self.scene.relative_intensity(frame) * np.float32(level)

    def clean(self, frame: int) -> NDArray[np.float32]:
        """(y, x) expected intensity of a frame of the full timeline, as it is stored."""
        return self._expected(frame) * np.float32(self.config.units_per_electron)

    def frames(self, make: Callable[[int], NDArray[np.float32]]) -> Frames:
        """The frames that were not lost."""
        kept = self.plan.kept
        shape = (len(kept), self.config.height_px, self.config.width_px)
        return SimulatedFrames(shape, lambda index: make(int(kept[index])))

    def _noise_level(self) -> float:
        """Standard deviation [electrons] that gives the wanted ratio of variances in the first particle's disc."""
        config, body = self.config, self.plan.bodies[0]
        y = (np.arange(config.height_px) - config.height_px // 2)[:, None] * config.pixel_size
        x = (np.arange(config.width_px) - config.width_px // 2)[None, :] * config.pixel_size
        ordered = np.flatnonzero(body.ordered)
        variances = []
        for frame in ordered[:: max(1, len(ordered) // 16)] if len(ordered) else [0]:
            dx, dy = body.poses.shifts[frame]
            disc = np.hypot(x - dx, y - dy) <= body.diameter / 2.0
            if disc.any():
                variances.append(float(np.var(self.scene.relative_intensity(int(frame))[disc])))
        return self.electrons * math.sqrt(float(np.mean(variances)) / 10.0 ** (config.snr_db / 10.0))


def _truth(body: Body, config: MovieConfig, kept: NDArray[np.intp]) -> ParticleTruth:
    shifts = body.poses.shifts[kept]
    middle = np.array([config.width_px // 2, config.height_px // 2]) * config.pixel_size
    off = np.array([body.turned(int(frame)).mean(axis=0)[:2] for frame in kept])
    return ParticleTruth(
        poses=Poses(quaternions=body.poses.quaternions[kept], shifts=shifts),
        centres=middle + shifts,
        mass_centres=middle + shifts + off,
        heights=body.heights[kept],
        states=body.states,
        state=body.state[kept],
        ordered=body.ordered[kept],
        diameter=body.diameter,
    )


def _in_memory(
    stacks: tuple[Frames, ...], on_step: Callable[[int, int], None] | None, threads: int = 1
) -> tuple[NDArray[np.float32], ...]:
    """The same stacks as arrays, read frame by frame together."""
    arrays = tuple(np.empty(stack.shape, dtype=np.float32) for stack in stacks)
    total = stacks[0].shape[0]

    def read(index: int) -> None:
        for array, stack in zip(arrays, stacks, strict=True):
            array[index] = stack[index]

    with ThreadPoolExecutor(threads) as pool:
        for index, _ in enumerate(map(read, range(total)) if threads == 1 else pool.map(read, range(total))):
            if on_step is not None:
                on_step(index + 1, total)
    return arrays


def _movie(config: MovieConfig, frames: Frames, source: str, stored_per_electron: float) -> Movie:
    lens = config.image != "gaussian"
    return Movie(
        frames=frames,
        pixel_size=config.pixel_size,
        frame_time=config.frame_time,
        dose=config.dose,
        units_per_electron=stored_per_electron,
        contrast=config.contrast,
        voltage=config.voltage if lens else None,
        cs=config.cs if lens else None,
        defocus=config.defocus if lens else None,
        detector="simulated" if config.camera.mode == "ideal" else f"simulated, {config.camera.mode}",
        metadata={"source": source},
    )
