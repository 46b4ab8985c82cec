"""How a real camera records electrons: blur, quantum efficiency, spread of the signal, faulty pixels."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from atomotion.data.errors import InputError
from atomotion.simulate.config import CameraConfig, MovieConfig

_FRAMES, _PIXELS = 7, 9  # places among the streams of random numbers that one seed gives
_MOST_SPREAD = 3.0  # largest standard deviation of one electron's signal
_HOT, _FLASH = 20.0, 60.0  # signal of a hot pixel over its noise-free level, and of a flash in electrons


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraCurves:
    """How well a camera transfers contrast and information, by spatial frequency.

    Parameters
    ----------
    frequency : (n,) float
        In parts of the Nyquist frequency, ascending; beyond the last the last value holds.
    mtf : (n,) float
        Modulation transfer, the pixel's own size included; 1 at frequency zero.
    dqe : (n,) float
        Detective quantum efficiency.
    """

    frequency: NDArray[np.float64]
    mtf: NDArray[np.float64]
    dqe: NDArray[np.float64]


def generic_curves(camera: CameraConfig) -> CameraCurves:
    """Curves of no camera in particular: an exponential MTF, and the DQE that belongs to the mode.

    ``MTF(q) = m^q`` with m at the Nyquist frequency, q = 1. Integrating, noise passes as the signal does, so the DQE is
    flat; counting, each electron is one count in one pixel, so the noise is white and ``DQE(q) = DQE(0) MTF(q)²``.
    """
    q = np.linspace(0.0, 1.5, 151)
    mtf = camera.mtf_nyquist**q
    dqe = camera.dqe_zero * (mtf**2 if camera.mode == "counting" else np.ones_like(q))
    return CameraCurves(frequency=q, mtf=mtf, dqe=dqe)


def curves_from_tables(
    camera: CameraConfig, *, mtf: ArrayLike | None = None, dqe: ArrayLike | None = None
) -> CameraCurves:
    """Measured curves; one that is not given is the generic one.

    Parameters
    ----------
    camera : CameraConfig
    mtf, dqe : (n, 2) float, optional
        Two columns: frequency in parts of the Nyquist frequency, and value.

    Raises
    ------
    InputError
        For tables that are none, that do not ascend, or with values outside of 0 to 1.
    """
    curves = generic_curves(camera)
    q = curves.frequency
    found = {}
    for name, table, otherwise in (("MTF", mtf, curves.mtf), ("DQE", dqe, None)):
        if table is None:
            found[name] = otherwise
            continue
        values = np.asarray(table, dtype=float)
        if values.ndim != 2 or values.shape[1] != 2 or len(values) < 2 or not np.isfinite(values).all():
            raise InputError(f"the {name} curve is no table of two columns, frequency and value")
        if not (np.diff(values[:, 0]) > 0.0).all() or values[0, 0] < 0.0:
            raise InputError(f"the frequencies of the {name} curve do not ascend from 0")
        if values[:, 1].min() < 0.0 or values[:, 1].max() > 1.05:
            raise InputError(f"the {name} curve has values outside of 0 to 1")
        if not 0.5 <= values[-1, 0] <= 2.0:
            raise InputError(
                f"the {name} curve ends at {values[-1, 0]:g}; its frequencies must be in parts of the Nyquist frequency"
            )
        found[name] = np.interp(q, values[:, 0], values[:, 1])
    blur = found["MTF"]
    assert blur is not None
    efficiency = found["DQE"]
    if efficiency is None:
        efficiency = camera.dqe_zero * (blur**2 if camera.mode == "counting" else np.ones_like(q))
    return CameraCurves(frequency=q, mtf=blur, dqe=efficiency)


class Camera:
    """A camera that counts electrons, or sums their signals.

    Integrating: electrons arrive at random (Poisson); each gives a signal of mean 1 and standard deviation s, skewed to
    large ones as Landau's distribution is (here gamma-distributed, ``1 / DQE(0) = 1 + s²``); the signal spreads over
    neighbouring pixels (MTF), and the noise passes ``MTF / sqrt(DQE / DQE(0))``, so that noise power and efficiency
    obey ``NPS(q) = MTF² N / DQE``. Counting: electrons are displaced (MTF), a part DQE(0) of them is found, each is one
    count, and with `subframes` several in one reading of a pixel are one.

    Parameters
    ----------
    config : MovieConfig
    curves : CameraCurves or None
        None takes the generic ones.
    arriving : callable
        Electrons per pixel (y, x) that are expected to fall on the camera in a frame.
    seed : int
    """

    def __init__(
        self,
        config: MovieConfig,
        curves: CameraCurves | None,
        arriving: Callable[[int], NDArray[np.float32]],
        *,
        seed: int,
    ) -> None:
        self.config, self.arriving, self.seed = config, arriving, seed
        camera = config.camera
        found = generic_curves(camera) if curves is None else curves
        self.shape = (config.height_px, config.width_px)
        q = 2.0 * np.hypot(fft.fftfreq(self.shape[0])[:, None], fft.rfftfreq(self.shape[1])[None, :])
        self._mtf = np.interp(q, found.frequency, found.mtf / max(found.mtf[0], 1e-6)).astype(np.float32)
        dqe = np.interp(q, found.frequency, found.dqe)
        self._dqe_zero = float(np.clip(found.dqe[0], 1.0 / (1.0 + _MOST_SPREAD**2), 1.0))
        self._noise_pass = (self._mtf / np.sqrt(np.maximum(dqe / self._dqe_zero, 1e-3))).astype(np.float32)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_PIXELS, 0)))
        self._gain = rng.normal(1.0, camera.gain_spread, size=self.shape).astype(np.float32)
        self._hot = rng.random(self.shape) < camera.hot_pixels

    @property
    def efficiency(self) -> float:
        """Stored electrons per arriving electron in a vacuum."""
        if self.config.camera.mode == "integrating":
            return 1.0
        level = self.config.dose * self.config.pixel_size**2
        return float(self._counted(np.array(level))) / level

    def expected(self, frame: int) -> NDArray[np.float32]:
        """(y, x) float32, the mean of what is recorded in a frame [electrons], without faulty pixels."""
        blurred = np.maximum(self._filtered(self.arriving(frame), self._mtf), 0.0)
        if self.config.camera.mode == "counting":
            blurred = self._counted(blurred)
        return np.asarray(blurred, dtype=np.float32)

    def _counted(self, arriving: NDArray[np.floating]) -> NDArray[np.floating]:
        found = self._dqe_zero * arriving
        readings = self.config.camera.subframes
        return found if readings == 0 else -readings * np.expm1(-found / readings)

    def record(self, frame: int) -> NDArray[np.float32]:
        """(y, x) float32, one frame as it is stored."""
        camera = self.config.camera
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(_FRAMES, frame + 1)))
        recorded = self._counts(frame, rng) if camera.mode == "counting" else self._signals(frame, rng)
        recorded = recorded * self._gain
        level = self.config.dose * self.config.pixel_size**2
        recorded[self._hot] += _HOT * max(level, 1.0)
        for _ in range(rng.poisson(camera.flashes)):
            y, x = (int(rng.integers(size)) for size in self.shape)
            recorded[y, x] += _FLASH * rng.exponential()
        return np.asarray(self.config.units_per_electron * recorded, dtype=np.float32)

    def _counts(self, frame: int, rng: np.random.Generator) -> NDArray[np.floating]:
        blurred = np.maximum(self._filtered(self.arriving(frame), self._mtf), 0.0)
        found = self._dqe_zero * blurred
        readings = self.config.camera.subframes
        if readings == 0:
            return np.asarray(rng.poisson(found), dtype=np.float32)
        return np.asarray(rng.binomial(readings, -np.expm1(-found / readings)), dtype=np.float32)

    def _signals(self, frame: int, rng: np.random.Generator) -> NDArray[np.floating]:
        arriving = self.arriving(frame)
        electrons = rng.poisson(arriving)
        spread = 1.0 / self._dqe_zero - 1.0
        if spread > 1e-6:
            # the sum of n gamma deviates of mean 1 and variance s² is one of shape n / s²
            signal = spread * rng.standard_gamma(electrons / spread, dtype=np.float64)
        else:
            signal = electrons.astype(float)
        recorded = self._filtered(arriving, self._mtf) + self._filtered(signal - arriving, self._noise_pass)
        if self.config.camera.readout_noise:
            recorded = recorded + rng.normal(scale=self.config.camera.readout_noise, size=self.shape)
        return np.asarray(recorded, dtype=np.float32)

    def _filtered(self, image: NDArray[np.floating], curve: NDArray[np.float32]) -> NDArray[np.floating]:
        transform = fft.rfft2(np.asarray(image, dtype=np.float32))
        return np.asarray(fft.irfft2(transform * curve, s=self.shape))
