"""The periodic grid on which an image is made: the frame with an empty rim around it."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.scattering.transfer import frequency_grid


class Canvas:
    """A grid around the frame whose sides suit the Fourier transform; the frame's pixel n // 2 is the grid's.

    Parameters
    ----------
    frame_shape : (ny, nx)
    pixel_size : float [Å]
    rim : float [Å]
        Empty space on each side of the frame; it keeps the periodic grid's ends apart.
    exact : bool
        Take the sides as they are instead of making them even and quick to transform.
    """

    def __init__(self, frame_shape: tuple[int, int], pixel_size: float, rim: float, *, exact: bool = False) -> None:
        rim_px = int(np.ceil(rim / pixel_size))
        ny, nx = (size + 2 * rim_px for size in frame_shape)
        if not exact:
            ny, nx = (2 * fft.next_fast_len(-(-size // 2), real=True) for size in (ny, nx))
        y0, x0 = ny // 2 - frame_shape[0] // 2, nx // 2 - frame_shape[1] // 2
        self.shape = (ny, nx)
        self.pixel_size = pixel_size
        self.inside = (slice(y0, y0 + frame_shape[0]), slice(x0, x0 + frame_shape[1]))
        self.k = frequency_grid(self.shape, pixel_size)

    def ramp(self, shift: NDArray[np.floating]) -> NDArray[np.complex64]:
        """(ny, nx // 2 + 1) factor that moves an image by (dx, dy) [Å] in Fourier space."""
        dx, dy = shift / self.pixel_size
        ny, nx = self.shape
        along_y = np.exp(-2j * np.pi * dy * fft.fftfreq(ny)).astype(np.complex64)
        return np.asarray(along_y[:, None] * np.exp(-2j * np.pi * dx * fft.rfftfreq(nx)).astype(np.complex64))

    def transform(self, image: NDArray[np.floating]) -> NDArray[np.complexfloating]:
        """The transform of an image on the whole grid."""
        return np.asarray(fft.rfft2(image))

    def image(self, transform: NDArray[np.complexfloating]) -> NDArray[np.floating]:
        """The image on the whole grid."""
        return np.asarray(fft.irfft2(transform, s=self.shape))

    def white(self, rng: np.random.Generator) -> NDArray[np.complex64]:
        """The transform of white noise of variance 1 per pixel."""
        return np.asarray(fft.rfft2(rng.standard_normal(self.shape, dtype=np.float32)))
