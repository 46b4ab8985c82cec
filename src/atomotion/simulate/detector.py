"""How a simulated camera records the intensity: counting noise, correlations, noise at a given level."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from atomotion.simulate.config import MovieConfig

_FRAMES = 7  # the place of the frames' noise among the streams of random numbers that one seed gives


def spread_over_pixels(noise: NDArray[np.float64], correlation: float) -> NDArray[np.float64]:
    """White noise (y, x) made to correlate by `correlation` between neighbours along each axis, its variance kept.

    Convolution along y and x, periodic at the edges, with the kernel ``(a, 1, a) / sqrt(1 + 2 a²)``, where
    ``2 a / (1 + 2 a²) = correlation``; pixels two apart correlate by ``a² / (1 + 2 a²)``.
    """
    if correlation == 0.0:
        return noise
    a = (1.0 - np.sqrt(1.0 - 2.0 * correlation**2)) / (2.0 * correlation)
    for axis in (0, 1):
        noise = (noise + a * (np.roll(noise, 1, axis=axis) + np.roll(noise, -1, axis=axis))) / np.sqrt(
            1.0 + 2.0 * a * a
        )
    return noise


class Detector:
    """The noise of a movie, frame by frame, whatever the order in which frames are asked for.

    Neighbouring frames correlate by r where the noise of frame t is ``(w_t + c w_{t-1}) / sqrt(1 + c²)`` of white
    noises w, with ``c / (1 + c²) = r``; frames two apart do not. Correlated noise is added to the expected intensity
    with the variance of the uncorrelated one, so that a correlated Poisson movie is neither whole-numbered nor always
    positive.

    Parameters
    ----------
    config : MovieConfig
    expected : callable
        Expected electrons per pixel (y, x) of a frame.
    seed : int
    sigma : float
        Standard deviation of Gaussian noise [electrons per pixel].
    """

    def __init__(
        self, config: MovieConfig, expected: Callable[[int], NDArray[np.float32]], *, seed: int, sigma: float
    ) -> None:
        self.config, self.expected, self.seed, self.sigma = config, expected, seed, sigma
        r = config.frame_correlation
        self._memory = 0.0 if r == 0.0 else (1.0 - np.sqrt(1.0 - 4.0 * r * r)) / (2.0 * r)

    def record(self, frame: int) -> NDArray[np.float32]:
        """(y, x) float32, one frame as it is stored."""
        expected = self.expected(frame)
        if self.config.noise == "none":
            return expected * np.float32(self.config.units_per_electron)
        noise = self._white(frame, expected)
        if self._memory:
            before = expected if frame == 0 else self.expected(frame - 1)
            noise = (noise + self._memory * self._white(frame - 1, before)) / np.sqrt(1.0 + self._memory**2)
        recorded = expected + spread_over_pixels(noise, self.config.pixel_correlation)
        return np.asarray(self.config.units_per_electron * recorded, dtype=np.float32)

    def _white(self, frame: int, expected: NDArray[np.float32]) -> NDArray[np.float64]:
        # a generator of its own for every frame makes the movie independent of the order and size of blocks
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(_FRAMES, frame + 1)))
        if self.config.noise == "poisson":
            return np.asarray(rng.poisson(expected) - expected, dtype=np.float64)
        return rng.normal(scale=self.sigma, size=expected.shape)
