"""The weak-phase image of a particle through the lens, in a small box that is put into the frame."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.data.errors import UsageError
from atomotion.scattering.electrons import interaction_constant, wavelength
from atomotion.scattering.structure_factors import atomic_potential, by_element, structure_factors
from atomotion.scattering.transfer import contrast_transfer, frequency_grid
from atomotion.simulate.config import MovieConfig

# empty space around the atoms [Å]; the lens spreads an atom of this defocus [Å] over one Å more
_RIM, _SPREADING = 5.0, 60.0


def phase_transfer(config: MovieConfig, k: NDArray[np.float64], height: float = 0.0) -> NDArray[np.float64]:
    """Contrast per phase, ``2 sin χ E``, of a weak object at `height` [Å] along the beam."""
    return 2.0 * contrast_transfer(
        k, voltage=config.voltage, cs=config.cs, defocus=config.defocus + height, focal_spread=config.focal_spread
    )


def depth_transfer(config: MovieConfig, k: NDArray[np.float64], height: float = 0.0) -> NDArray[np.float64]:
    """``2 cos χ E``, what multiplies the heights of the atoms within the particle."""
    return -2.0 * contrast_transfer(
        k,
        voltage=config.voltage,
        cs=config.cs,
        defocus=config.defocus + height,
        focal_spread=config.focal_spread,
        amplitude_contrast=1.0,
    )


def pixel_average(config: MovieConfig, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The transform of a pixel, (ny, nx // 2 + 1); 1 where the camera's own curve holds it."""
    if config.camera.mode != "ideal":
        return np.ones((shape[0], shape[1] // 2 + 1))
    return np.asarray(np.sinc(fft.fftfreq(shape[0]))[:, None] * np.sinc(fft.rfftfreq(shape[1])))


class KinematicImage:
    """The relative change of intensity by the atoms of one particle, in a box.

    Linear: the structure factors of the atoms times form factor, transfer and pixel,
    ``2 σ f(k) [sin χ C(k) - cos χ S(k)]``; S vanishes with `depth` = flat.

    Parameters
    ----------
    config : MovieConfig
    elements : sequence of str
        All elements that occur.
    reach : float [Å]
        Largest distance of an atom from the particle's origin.
    highest : float [Å]
        Largest height of the particle, up or down.
    """

    def __init__(self, config: MovieConfig, *, elements: Sequence[str], reach: float, highest: float) -> None:
        self.config = config
        pixel = config.pixel_size
        rim = _RIM + (abs(config.defocus) + highest) / _SPREADING
        side = fft.next_fast_len(2 * int(np.ceil((reach + rim) / pixel)), real=True)
        self.shape = (side, side)
        self._k = frequency_grid(self.shape, pixel)
        scale = interaction_constant(config.voltage) * pixel_average(config, self.shape) / pixel**2
        self._atoms = {
            element: (scale * atomic_potential(element, self._k, u_iso=config.u_iso, table=config.form_factors)).astype(
                np.float32
            )
            for element in sorted({config.element, *elements})
        }
        self._transfers: dict[float, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        self._depth = np.float32(1.0)
        alone = self.change(np.zeros((1, 3)), [config.element])[side // 2, side // 2]
        check_sign(config, float(alone))
        if config.atom_contrast is not None:
            self._depth = np.float32(config.atom_contrast / abs(alone))

    def change(
        self, positions: NDArray[np.float64], elements: Sequence[str], *, height: float = 0.0
    ) -> NDArray[np.float32]:
        """(n, n) float32 change of intensity, the particle's origin at pixel n // 2 of the box.

        Parameters
        ----------
        positions : (n, 3) float [Å]
            In the laboratory, relative to the particle's origin.
        elements : sequence of n str
        height : float [Å]
            Of the particle's origin along the beam.
        """
        config = self.config
        path = np.pi * wavelength(config.voltage) if config.depth == "curved" else 0.0
        sine, cosine = self._transfer(height)
        total = np.zeros(self._k.shape, dtype=np.complex64)
        for element, index in by_element(elements).items():
            flat, deep = structure_factors(positions[index], shape=self.shape, pixel_size=config.pixel_size, path=path)
            seen = sine * flat
            if path:
                seen -= cosine * deep
            seen *= self._atoms[element]
            total += seen
        return np.asarray(fft.irfft2(total, s=self.shape)) * self._depth

    def _transfer(self, height: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        found = self._transfers.get(height)
        if found is None:
            found = (
                phase_transfer(self.config, self._k, height).astype(np.float32),
                depth_transfer(self.config, self._k, height).astype(np.float32),
            )
            # a particle that stays in its plane needs one transfer, one that diffuses a new one at every frame
            self._transfers = {height: found}
        return found


def check_sign(config: MovieConfig, centre: float) -> None:
    """Refuse a lens that gives a single atom's centre another contrast than was asked for."""
    lens = f"with a defocus of {config.defocus:g} Å and Cs of {config.cs:g} Å atoms"
    if centre == 0.0:
        raise UsageError(f"{lens} have no contrast; change defocus, for example to 60 Å")
    if centre * (-1.0 if config.contrast == "dark" else 1.0) < 0.0:
        is_now = "bright" if centre > 0 else "dark"
        raise UsageError(f"{lens} are {is_now}, not {config.contrast}; change defocus, or set contrast to {is_now}")


def add_into(frame: NDArray[np.floating], box: NDArray[np.floating], centre: tuple[int, int]) -> None:
    """Add a box to a frame in place, its pixel n // 2 on the pixel `centre` (y, x), as far as it lies inside."""
    (top, left) = (centre[axis] - box.shape[axis] // 2 for axis in (0, 1))
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + box.shape[0], frame.shape[0]), min(left + box.shape[1], frame.shape[1])
    if y1 > y0 and x1 > x0:
        frame[y0:y1, x0:x1] += box[y0 - top : y1 - top, x0 - left : x1 - left]
