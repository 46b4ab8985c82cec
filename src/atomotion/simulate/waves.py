"""Whole frames by multislice: the particles' exit waves times what surrounds them, through the lens."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.scattering.electrons import interaction_constant, wavelength
from atomotion.simulate.bodies import Body
from atomotion.simulate.canvas import Canvas
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.kinematic import KinematicImage, pixel_average
from atomotion.simulate.multislice import WaveStore, box_around, resized, stored_exit_waves
from atomotion.simulate.scene import canvas_of
from atomotion.simulate.surroundings import Surroundings

_PHONONS = 11  # the place of the frozen phonons among the streams of random numbers that one seed gives
_CHUNK = 16  # frames whose waves are computed and kept together
# intensities have twice the frequencies of the wave
_FINER = 2


class WaveScene:
    """Every particle's exit wave, times the transmission of the surroundings, imaged by a coherent lens.

    The wave in the plane of the defocus is the product over particles and layers, each brought there from its own
    height through vacuum. The lens multiplies its transform with ``exp(-iχ) E``, and the intensity is
    averaged over the frozen phonons.

    Parameters
    ----------
    config : MovieConfig
    bodies : sequence of Body
    drift : (t, 2) float [Å]
        Of the stage.
    seed : int
    rng : numpy.random.Generator
        Makes what is around the particles.
    store : WaveStore
    workers : int
        Processes that compute waves.

    Raises
    ------
    UsageError
        Where abTEM is not installed, or atoms have the other contrast than was asked for.
    """

    def __init__(
        self,
        config: MovieConfig,
        bodies: Sequence[Body],
        drift: NDArray[np.floating],
        *,
        seed: int,
        rng: np.random.Generator,
        store: WaveStore,
        workers: int = 1,
    ) -> None:
        KinematicImage(config, elements=[config.element], reach=2.0, highest=0.0)  # refuses the wrong contrast
        self.config, self.bodies, self.drift = config, tuple(bodies), drift
        self.seed, self.store, self.workers = seed, store, workers
        self.canvas = canvas_of(config, drift)
        ny, nx = self.canvas.shape
        self._fine = Canvas((_FINER * ny, _FINER * nx), config.pixel_size / _FINER, 0.0, exact=True)
        self.surroundings = Surroundings(config, self._fine, bodies, seed=seed, rng=rng)
        self._lens = self._transfer()
        self._paths: dict[float, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        self._boxes = [
            box_around(
                body.reach() + 4.0 * np.sqrt(config.u_iso),
                pixel_size=config.pixel_size / _FINER,
                sampling=config.multislice.sampling,
                voltage=config.voltage,
                slice_thickness=config.multislice.slice_thickness,
                rim=6.0 + float(np.abs(body.heights).max(initial=0.0)) / 60.0,
            )
            for body in bodies
        ]
        self._chunks: dict[tuple[int, int], NDArray[np.complex64]] = {}

    def _transfer(self) -> NDArray[np.complex64]:
        config, fine = self.config, self._fine
        k2 = np.add.outer(*(fft.fftfreq(size, fine.pixel_size) ** 2 for size in fine.shape))
        wave = wavelength(config.voltage)
        chi = -np.pi * wave * config.defocus * k2 + 0.5 * np.pi * config.cs * wave**3 * k2**2
        spread = np.exp(-0.5 * (np.pi * wave * config.focal_spread * k2) ** 2)
        return np.asarray(np.exp(-1j * chi) * spread, dtype=np.complex64)

    def relative_intensity(self, frame: int) -> NDArray[np.float32]:
        """(y, x) float32, 1 where nothing scatters."""
        around = self._around(frame)
        phonons = self.config.multislice.phonons
        total = np.zeros(self._fine.shape, dtype=np.float32)
        waves = [self._waves(index, frame) for index in range(len(self.bodies))]
        for phonon in range(phonons):
            wave = around.copy()
            for index, exit_waves in enumerate(waves):
                self._place(wave, exit_waves[phonon], index, frame)
            seen = fft.ifft2(fft.fft2(wave, overwrite_x=True) * self._lens, overwrite_x=True)
            total += seen.real**2 + seen.imag**2
        coarse = resized(fft.fft2(total / np.float32(phonons)), self.canvas.shape)
        half = coarse[:, : self.canvas.shape[1] // 2 + 1] * pixel_average(self.config, self.canvas.shape)
        image = self.canvas.image(half)[self.canvas.inside]
        return np.maximum(image, 0.0).astype(np.float32)

    def _around(self, frame: int) -> NDArray[np.complex64]:
        """The wave in the plane of the defocus with all but the particles, of mean intensity 1.

        Each layer scatters weakly; brought to the plane from its height z, its phase becomes the complex
        ``F⁻¹[F[φ] exp(iπλzk²)]``. These add, and the wave is the exponential of i times the sum.
        """
        canvas = self._fine
        straight = np.zeros(canvas.k.shape, dtype=np.complex64)
        turned = np.zeros(canvas.k.shape, dtype=np.complex64)
        for height, potential in self.surroundings.layers(frame, self.drift[frame]):
            if height not in self._paths:
                angle = (np.pi * wavelength(self.config.voltage) * height * canvas.k**2).astype(np.float32)
                self._paths[height] = (np.cos(angle), np.sin(angle))
            cosine, sine = self._paths[height]
            straight += potential * cosine
            turned += potential * sine
        scale = np.float32(interaction_constant(self.config.voltage) / canvas.pixel_size**2)
        phase, damping = canvas.image(scale * straight), np.exp(-canvas.image(scale * turned))
        wave = np.empty(canvas.shape, dtype=np.complex64)
        wave.real = np.cos(phase) * damping
        wave.imag = np.sin(phase) * damping
        return wave / np.float32(np.sqrt(np.mean(damping**2)))

    def _place(self, wave: NDArray[np.complex64], exit_wave: NDArray[np.complex64], index: int, frame: int) -> None:
        """Multiply the exit wave of a particle into the frame's wave, at its place and from its height."""
        pixel = self.config.pixel_size / _FINER
        side, body = round(self._boxes[index].side / pixel), self.bodies[index]
        nearest = np.rint(body.poses.shifts[frame] / pixel)
        dx, dy = (body.poses.shifts[frame] / pixel - nearest) * pixel
        k = fft.fftfreq(side, pixel)
        transform = resized(fft.fft2(exit_wave - np.complex64(1.0)), (side, side))
        transform *= np.exp(-2j * np.pi * np.add.outer(k * dy, k * dx)).astype(np.complex64)
        height = float(body.heights[frame])
        if height:
            path = np.pi * wavelength(self.config.voltage) * height
            transform *= np.exp(1j * path * np.add.outer(k**2, k**2)).astype(np.complex64)
        box = fft.ifft2(transform)
        # the frame's pixel n // 2 lies at the canvas's
        centre = [size // 2 + int(step) for size, step in zip(wave.shape, nearest[::-1], strict=True)]
        (top, left) = (middle - side // 2 for middle in centre)
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(top + side, wave.shape[0]), min(left + side, wave.shape[1])
        if y1 > y0 and x1 > x0:
            wave[y0:y1, x0:x1] *= np.complex64(1.0) + box[y0 - top : y1 - top, x0 - left : x1 - left]

    def _waves(self, index: int, frame: int) -> NDArray[np.complex64]:
        """(phonons, n, n) exit waves of a particle in a frame."""
        key = (index, frame // _CHUNK)
        if key not in self._chunks:
            body = self.bodies[index]
            first = frame - frame % _CHUNK
            frames = range(first, min(first + _CHUNK, len(body.state)))
            sets = []
            # the atoms of a chunk must be the same ones; a change of state begins a new set
            for state in dict.fromkeys(int(body.state[each]) for each in frames):
                views = [view for each in frames if body.state[each] == state for view in self._views(index, each)]
                elements = body.states[state].get_chemical_symbols()
                sets.append(
                    stored_exit_waves(views, elements, self._boxes[index], store=self.store, workers=self.workers)
                )
            # the newest chunk of each particle is enough for reading in order
            self._chunks = {each: waves for each, waves in self._chunks.items() if each[0] != index}
            self._chunks[key] = np.concatenate(sets)
        phonons = self.config.multislice.phonons
        at = (frame % _CHUNK) * phonons
        return self._chunks[key][at : at + phonons]

    def _views(self, index: int, frame: int) -> list[NDArray[np.float64]]:
        """Where the atoms are in each frozen phonon of a frame, relative to the particle's origin."""
        still = self.bodies[index].turned(frame)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(_PHONONS, index, frame)))
        size = (self.config.multislice.phonons, *still.shape)
        return list(still + rng.normal(scale=np.sqrt(self.config.u_iso), size=size))
