"""What is around the particles: a support, sheets of graphene, water; as changes of intensity, and as phases."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from atomotion.data.errors import UsageError
from atomotion.scattering.electrons import interaction_constant
from atomotion.scattering.form_factors import electron_form_factor
from atomotion.scattering.structure_factors import atomic_potential, structure_factors
from atomotion.simulate.bodies import Body
from atomotion.simulate.canvas import Canvas
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.graphene import U_ISO, graphene_sheet, sheet_heights
from atomotion.simulate.kinematic import phase_transfer
from atomotion.simulate.liquid import water_power
from atomotion.simulate.molecules import WaterMolecules

# the support begins this part of the particle's diameter below its centre, with a soft edge [Å]
_SUPPORT_EDGE, _SUPPORT_SOFTNESS = 0.45, 1.0
_WATER = 8  # the place of the water among the streams of random numbers that one seed gives
_HEIGHTS = 9  # heights over which the transfer of the water is averaged
_LAYERS = 5  # layers of noise, where the water is a wave


class Surroundings:
    """All that is not a particle: as a linear change of intensity, or as layers of projected potential.

    Parameters
    ----------
    config : MovieConfig
    canvas : Canvas
    bodies : sequence of Body
        Molecules keep out of them, and the first one is next to the support.
    seed : int
        Of the water.
    rng : numpy.random.Generator
        Makes the support and turns the sheets.

    Attributes
    ----------
    graphene_deg : (s,) float [deg]
        Angle of each sheet's lattice vector with x, 0 to 60.
    graphene_heights : (s,) float [Å]
    """

    def __init__(
        self, config: MovieConfig, canvas: Canvas, bodies: Sequence[Body], *, seed: int, rng: np.random.Generator
    ) -> None:
        self.config, self.canvas, self.bodies, self.seed = config, canvas, tuple(bodies), seed
        around = config.surroundings
        self._support: NDArray[np.complex64] | None = None
        if config.support_contrast > 0.0:
            self._support = self._make_support(rng)
        self.graphene_deg = rng.uniform(0.0, 60.0, size=around.graphene)
        self.graphene_heights = sheet_heights(around.graphene, around.thickness)
        offsets = rng.uniform(0.0, 10.0, size=(around.graphene, 2))
        self._sheets = [
            self._sheet(float(angle), offset) for angle, offset in zip(self.graphene_deg, offsets, strict=True)
        ]
        self._molecules = WaterMolecules(canvas, around.thickness, rng) if around.water == "molecules" else None
        self._transfers: dict[float, NDArray[np.float32]] = {}

    def is_empty(self) -> bool:
        """Whether there is nothing around the particles."""
        return self._support is None and not self._sheets and self.config.surroundings.water == "none"

    def transform(self, frame: int, drift: NDArray[np.floating]) -> NDArray[np.complex64]:
        """The transform on the canvas of the change of intensity in a frame.

        Parameters
        ----------
        frame : int
        drift : (dx, dy) float [Å]
            Of the stage, which carries the support and the sheets.
        """
        total = self._fixed * self.canvas.ramp(drift)
        if self.config.surroundings.water == "noise":
            total += self._water_filter * self.canvas.white(self._water_rng(frame))
        elif self._molecules is not None:
            for height, potential in self._water_layers(frame):
                total += potential * self._phase_to_contrast(height)
        return total

    def layers(self, frame: int, drift: NDArray[np.floating]) -> list[tuple[float, NDArray[np.complex64]]]:
        """Height [Å] of each layer, and the transform of its projected potential [V Å] times the pixel's area.

        Parameters
        ----------
        frame : int
        drift : (dx, dy) float [Å]
        """
        ramp = self.canvas.ramp(drift)
        fixed = [
            (float(height), np.asarray(sheet * ramp))
            for height, sheet in zip(self.graphene_heights, self._sheets, strict=True)
        ]
        return fixed + self._water_layers(frame)

    def _water_rng(self, frame: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(_WATER, frame)))

    def _water_layers(self, frame: int) -> list[tuple[float, NDArray[np.complex64]]]:
        around, rng = self.config.surroundings, self._water_rng(frame)
        weaker = np.float32(1.0 / np.sqrt(around.configurations))
        if self._molecules is not None:
            occupied = np.concatenate([body.positions(frame) for body in self.bodies])
            layers = []
            for height, potential in self._molecules.layers(occupied, rng):
                # arrangements that follow each other keep the mean and lose contrast
                potential.flat[1:] *= weaker
                layers.append((height, np.asarray(potential)))
            return layers
        if around.water == "none":
            return []
        heights = _middles(around.thickness, _LAYERS)
        amplitude = np.sqrt(water_power(self.canvas.k) * around.thickness / _LAYERS) * self.canvas.pixel_size
        weights = amplitude.astype(np.float32) * weaker
        return [(float(height), np.asarray(weights * self.canvas.white(rng))) for height in heights]

    def _phase_to_contrast(self, height: float) -> NDArray[np.float32]:
        """What the transform of a layer's potential times the pixel's area is multiplied with for its contrast."""
        if height not in self._transfers:
            scale = interaction_constant(self.config.voltage) / self.canvas.pixel_size**2
            self._transfers[height] = (scale * phase_transfer(self.config, self.canvas.k, height)).astype(np.float32)
        return self._transfers[height]

    @cached_property
    def _fixed(self) -> NDArray[np.complex64]:
        """The contrast of all that drifts with the stage."""
        total = np.zeros(self.canvas.k.shape, dtype=np.complex64)
        if self._support is not None:
            total += self._support
        for height, sheet in zip(self.graphene_heights, self._sheets, strict=True):
            total += sheet * self._phase_to_contrast(float(height))
        return total

    @cached_property
    def _water_filter(self) -> NDArray[np.float32]:
        """What white noise of variance 1 per pixel is multiplied with.

        Layers of water at different heights are independent, so that their powers add:
        ``σ² P(k) t <(2 sin χ)²> / pixel²``.
        """
        config, around, k = self.config, self.config.surroundings, self.canvas.k
        heights = _middles(around.thickness, _HEIGHTS)
        seen = np.mean([phase_transfer(config, k, float(height)) ** 2 for height in heights], axis=0)
        power = water_power(k) * around.thickness * seen / around.configurations
        amplitude = interaction_constant(config.voltage) * np.sqrt(power) / self.canvas.pixel_size
        return np.asarray(amplitude, dtype=np.float32)

    def _make_support(self, rng: np.random.Generator) -> NDArray[np.complex64]:
        """A half-plane of noise that went through the same microscope as the atoms."""
        config, canvas = self.config, self.canvas
        if config.image == "multislice":
            raise UsageError("a support is not made by multislice; set support_contrast to 0, or image to transfer")
        if config.image == "gaussian":
            spectrum = gaussian_filter(config, canvas.k) * np.exp(-2.0 * (np.pi * config.atom_width * canvas.k) ** 2)
        else:
            spectrum = phase_transfer(config, canvas.k) * electron_form_factor("C", canvas.k)
        texture = canvas.image(canvas.transform(rng.normal(size=canvas.shape)) * spectrum)
        y = (np.arange(canvas.shape[0]) - canvas.shape[0] // 2) * config.pixel_size
        mask = 0.5 * (1.0 + np.tanh((y - _SUPPORT_EDGE * self.bodies[0].diameter) / _SUPPORT_SOFTNESS))
        part = texture * (config.support_contrast / texture.std()) * mask[:, None]
        return canvas.transform(part).astype(np.complex64)

    def _sheet(self, angle_deg: float, offset: NDArray[np.float64]) -> NDArray[np.complex64]:
        """The transform of a sheet's projected potential times the pixel's area."""
        canvas = self.canvas
        height, width = (size * canvas.pixel_size for size in canvas.shape)
        atoms = graphene_sheet((width, height), angle_deg=angle_deg, offset=(float(offset[0]), float(offset[1])))
        flat = np.concatenate([atoms, np.zeros((len(atoms), 1))], axis=1)
        factors, _ = structure_factors(flat, shape=canvas.shape, pixel_size=canvas.pixel_size)
        potential = atomic_potential("C", canvas.k, u_iso=U_ISO, table=self.config.form_factors)
        return np.asarray(factors * potential.astype(np.float32))


def _middles(thickness: float, layers: int) -> NDArray[np.float64]:
    """Heights of the middles of equal layers."""
    return np.asarray((np.arange(layers) + 0.5) / layers * thickness - thickness / 2.0)


def gaussian_filter(config: MovieConfig, k: NDArray[np.float64]) -> NDArray[np.float64]:
    """What Gaussian atoms are multiplied with in Fourier space, but for the depth of the picture."""
    sign = -1.0 if config.contrast == "dark" else 1.0
    if config.longest is None:
        return np.full(k.shape, sign)
    # rises from 0 through 1 - 1/e at the longest wavelength
    passed: NDArray[np.float64] = sign * (1.0 - np.exp(-((k * config.longest) ** 2)))
    return passed
