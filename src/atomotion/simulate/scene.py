"""What falls on the detector: the noise-free image of a simulated particle and its support."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy import fft

from atomotion.data.errors import UsageError
from atomotion.data.poses import Poses
from atomotion.geometry.rotations import random_quaternions, rotate
from atomotion.particles.disorder import disordered
from atomotion.scattering.atom_gaussians import AtomGaussians, gaussian_atoms, peng_atoms
from atomotion.scattering.electrons import interaction_constant
from atomotion.scattering.form_factors import electron_form_factor
from atomotion.scattering.projections import project_atoms
from atomotion.scattering.transfer import contrast_transfer, frequency_grid
from atomotion.simulate.config import MovieConfig

# empty rim around the frame [Å], wider than the transfer spreads an atom; it keeps the periodic grid's ends apart
_RIM = 5.0
_ARRANGEMENTS = 8
# the support begins this part of the particle's diameter below its centre, with a soft edge [Å]
_SUPPORT_EDGE, _SUPPORT_SOFTNESS = 0.45, 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrangements:
    """Where the atoms of the particle are, in its own frame, in the ordered and the molten state.

    Parameters
    ----------
    ordered : (n, 3) float [Å]
    molten : (k, n, 3) float [Å]
        Some arrangements of the disordered state; none where the particle never melts.
    choice : (t,) int
        Which of them a frame shows; -1 is the ordered one.
    turns : (t, 4) float, w x y z
        Rotation of the molten arrangement in the particle's frame, a new one at every frame.
    """

    ordered: NDArray[np.float64]
    molten: NDArray[np.float64]
    choice: NDArray[np.intp]
    turns: NDArray[np.float64]

    def of(self, frame: int) -> NDArray[np.float64]:
        """(n, 3) positions [Å] in the particle's frame."""
        if self.choice[frame] < 0:
            return self.ordered
        return np.asarray(rotate(self.turns[frame], self.molten[self.choice[frame]]))


def arrangements(atoms: Atoms, is_ordered: NDArray[np.bool_], amount: float, rng: np.random.Generator) -> Arrangements:
    """The arrangement of every frame: one lattice, and one of a few random packings wherever the particle is molten.

    A wholly molten particle is also turned at random at every frame, so that no two frames show the same arrangement.
    """
    n = len(is_ordered)
    count = min(_ARRANGEMENTS, n - int(is_ordered.sum()))
    molten = [disordered(atoms, amount, rng).positions for _ in range(count)]
    choice = np.where(is_ordered, -1, rng.integers(max(count, 1), size=n))
    turns = random_quaternions(n, rng)
    if amount < 1.0:
        turns[:] = (1.0, 0.0, 0.0, 0.0)
    return Arrangements(
        ordered=np.asarray(atoms.positions),
        molten=np.array(molten).reshape(count, len(atoms), 3),
        choice=choice,
        turns=turns,
    )


class Scene:
    """The noise-free relative intensity of each frame: 1 in vacuum, never negative.

    Parameters
    ----------
    config : MovieConfig
    diameter : float [Å]
        The particle's, for the place of the support.
    where : Arrangements
    poses : Poses
        True pose of every frame.
    rng : numpy.random.Generator
        Makes the support.
    """

    def __init__(
        self, config: MovieConfig, diameter: float, where: Arrangements, poses: Poses, rng: np.random.Generator
    ) -> None:
        self.config, self.where, self.poses = config, where, poses
        shape = (config.height_px, config.width_px)
        pixel = config.pixel_size
        rim = _RIM
        if config.support_contrast > 0.0:
            rim += float(np.abs(poses.shifts).max())
        rim_px = int(np.ceil(rim / pixel))
        ny, nx = (fft.next_fast_len(size + 2 * rim_px, real=True) for size in shape)
        # the centre of the frame, pixel n // 2, must lie at the centre of the padded grid
        y0, x0 = ny // 2 - shape[0] // 2, nx // 2 - shape[1] // 2
        self._shape = (ny, nx)
        self._frame = (slice(y0, y0 + shape[0]), slice(x0, x0 + shape[1]))
        k = frequency_grid(self._shape, pixel)
        self._filter = _image_filter(config, k).astype(np.float32)
        self._filter *= np.float32(self._depth())
        self._gaussians = _atom_model(config, len(where.ordered))
        self._support: NDArray[np.complex64] | None = None
        if config.support_contrast > 0.0:
            self._support = self._make_support(k, config.support_contrast, diameter, rng)

    def _depth(self) -> float:
        """The factor that gives a single atom the contrast and the sign that were asked for."""
        one = project_atoms(
            np.zeros((1, 3)), _atom_model(self.config, 1), shape=self._shape, pixel_size=self.config.pixel_size
        )
        seen = fft.irfft2(fft.rfft2(one) * self._filter, s=self._shape)
        centre = float(seen[self._shape[0] // 2, self._shape[1] // 2])
        wanted = -1.0 if self.config.contrast == "dark" else 1.0
        lens = f"with a defocus of {self.config.defocus:g} Å and Cs of {self.config.cs:g} Å atoms"
        if centre == 0.0:
            raise UsageError(f"{lens} have no contrast; change defocus, for example to 60 Å")
        if centre * wanted < 0.0:
            is_now = "bright" if centre > 0 else "dark"
            raise UsageError(
                f"{lens} are {is_now}, not {self.config.contrast}; change defocus, or set contrast to {is_now}"
            )
        return self.config.atom_contrast / abs(centre)

    def _make_support(
        self, k: NDArray[np.float64], contrast: float, diameter: float, rng: np.random.Generator
    ) -> NDArray[np.complex64]:
        """The transform of a half-plane of noise that went through the same microscope as the atoms."""
        config = self.config
        if config.image == "gaussian":
            spectrum = _image_filter(config, k) * np.exp(-2.0 * (np.pi * config.atom_width * k) ** 2)
        else:
            spectrum = _image_filter(config, k) * electron_form_factor("C", k)
        texture = fft.irfft2(fft.rfft2(rng.normal(size=self._shape)) * spectrum, s=self._shape)
        y = (np.arange(self._shape[0]) - self._shape[0] // 2) * config.pixel_size
        mask = 0.5 * (1.0 + np.tanh((y - _SUPPORT_EDGE * diameter) / _SUPPORT_SOFTNESS))
        result: NDArray[np.complex64] = fft.rfft2(texture * (contrast / texture.std()) * mask[:, None]).astype(
            np.complex64
        )
        return result

    def positions(self, frame: int) -> NDArray[np.float64]:
        """(n, 3) x y z [Å] of the atoms in the laboratory; x and y are relative to the centre of pixel n // 2."""
        moved = rotate(self.poses.quaternions[frame], self.where.of(frame))
        moved[:, :2] += self.poses.shifts[frame]
        return np.asarray(moved)

    def relative_intensity(self, frame: int) -> NDArray[np.float32]:
        """(y, x) float32, 1 where nothing scatters."""
        projection = project_atoms(
            self.positions(frame).astype(np.float32),
            self._gaussians,
            shape=self._shape,
            pixel_size=self.config.pixel_size,
        )
        transform = fft.rfft2(projection) * self._filter
        if self._support is not None:
            dx, dy = self.poses.shifts[frame] / self.config.pixel_size
            ny, nx = self._shape
            ramp = np.exp(-2j * np.pi * dy * fft.fftfreq(ny))[:, None] * np.exp(-2j * np.pi * dx * fft.rfftfreq(nx))
            transform = transform + self._support * ramp.astype(np.complex64)
        change = fft.irfft2(transform, s=self._shape)[self._frame]
        intensity: NDArray[np.float32] = np.maximum(1.0 + change, 0.0).astype(np.float32)
        return intensity


def _atom_model(config: MovieConfig, n: int) -> AtomGaussians:
    if config.image == "gaussian":
        return gaussian_atoms(n, sigma=config.atom_width)
    return peng_atoms([config.element] * n, u_iso=config.u_iso)


def _image_filter(config: MovieConfig, k: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the projected atoms are multiplied with in Fourier space, but for the depth of the picture."""
    if config.image == "transfer":
        phase = 2.0 * interaction_constant(config.voltage)
        return phase * contrast_transfer(
            k, voltage=config.voltage, cs=config.cs, defocus=config.defocus, focal_spread=config.focal_spread
        )
    sign = -1.0 if config.contrast == "dark" else 1.0
    if config.longest is None:
        return np.full(k.shape, sign)
    # rises from 0 through 1 - 1/e at the longest wavelength
    passed: NDArray[np.float64] = sign * (1.0 - np.exp(-((k * config.longest) ** 2)))
    return passed
