"""Maps of what stands out of the noise of a movie."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates, median_filter

from atomotion.data import Frames, InputError
from atomotion.order.config import RegionConfig

_SCALES = (1.2, 2.0, 3.5)  # widths of the Gaussians that structure is looked for with [px]
_LEVEL_SCALE = 3.0  # the same for the mean intensity
_NOISE_SCALE = 8.0  # the noise's variance changes slowly over the frame
_LARGEST = 512  # maps are binned to at most this many pixels
_CHI2_MEDIAN = 0.4549  # median over mean of the square of a Gaussian
# scatter of a median over that of the mean, for squares of Gaussians and for variances of many frames
_MEDIAN_LOSS_SQUARES, _MEDIAN_LOSS_VARIANCES = 1.5, 1.25


@dataclass(frozen=True, kw_only=True, slots=True)
class RegionEvidence:
    """What stands out of the noise, in standard errors, on a grid of `bin` x `bin` pixels.

    Parameters
    ----------
    level : (y, x) float
        Mean intensity less the vacuum's (a plane through it); negative where it is darker.
    structure : (y, x) float
        Energy of structure that is the same in all frames.
    fluctuation : (y, x) float
        Energy of structure that changes from frame to frame.
    bin : int
    shape : (y, x)
        Of the frames.
    """

    level: NDArray[np.float32]
    structure: NDArray[np.float32]
    fluctuation: NDArray[np.float32]
    bin: int
    shape: tuple[int, int]

    @property
    def total(self) -> NDArray[np.float32]:
        """(y, x) root of the sum of the three squares; some 1 to 2 in vacuum."""
        parts = (self.level, np.maximum(self.structure, 0), np.maximum(self.fluctuation, 0))
        return np.sqrt(sum(part**2 for part in parts))


def region_evidence(
    frames: Frames, config: RegionConfig | None = None, *, on_step: Callable[[int, int], None] | None = None
) -> RegionEvidence:
    """The evidence for specimen anywhere in a movie, from at most ``config.frames`` raw frames.

    The noise of a pixel is taken from the difference of consecutive frames. Structure is looked for at three scales,
    from finer lattices to single fringes, and the best scale counts; its energy is the median of its square over a
    window, because the median does not spread the energy of an edge over its surroundings as a mean does.

    Parameters
    ----------
    frames : (t, y, x)
        Raw. Denoised frames work too, but their evidence is too large by an unknown factor, the same everywhere.

    Raises
    ------
    InputError
        For fewer than two frames, or frames smaller than 16 px.
    """
    config = RegionConfig() if config is None else config
    total, shape = int(frames.shape[0]), (int(frames.shape[1]), int(frames.shape[2]))
    if total < 2 or min(shape) < 16:
        raise InputError(f"finding the particle needs at least 2 frames of 16 x 16 px, but the movie is {frames.shape}")
    pairs = min(config.frames // 2, total // 2)
    firsts = np.unique(np.linspace(0, total - 2, pairs).astype(int))
    sums = _Sums(shape)
    for done, first in enumerate(firsts.tolist(), 1):
        sums.add(np.asarray(frames[first : first + 2]).astype(np.float32))
        if on_step is not None:
            on_step(done, len(firsts))
    return sums.evidence()


class _Sums:
    """Running sums over pairs of frames."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape, self.count, self.bin = shape, 0, int(np.ceil(max(shape) / _LARGEST))
        self.mean = np.zeros(shape)
        self.noise = np.zeros(shape)
        self.smooth = {scale: (np.zeros(shape), np.zeros(shape)) for scale in _SCALES}

    def add(self, pair: NDArray[np.float32]) -> None:
        self.noise += (pair[1] - pair[0]).astype(float) ** 2 / 2
        for frame in pair:
            self.count += 1
            self.mean += frame
            for scale, (first, second) in self.smooth.items():
                smooth = gaussian_filter(frame, scale, mode="nearest").astype(float)
                first += smooth
                second += smooth**2

    def evidence(self) -> RegionEvidence:
        n, mean = self.count, self.mean / self.count
        noise = gaussian_filter(self.noise / (n // 2), _NOISE_SCALE, mode="nearest")
        noise = np.maximum(noise, np.finfo(float).tiny)
        structure, fluctuation = [], []
        for scale, (first, second) in self.smooth.items():
            window = max(13, 2 * round(3 * scale) + 1)
            independent = max(window**2 / (4 * np.pi * scale**2), 1.0)
            smooth = gaussian_filter(mean, scale, mode="nearest")
            band = smooth - _background(smooth, scale)
            energy = self._median(band**2 / (_power(self.shape, scale) * noise / n), window) / _CHI2_MEDIAN
            structure.append((energy - 1) / (_MEDIAN_LOSS_SQUARES * np.sqrt(2 / independent)))
            variance = np.maximum(second - first**2 / n, 0) / (n - 1)
            energy = self._median(variance / (_power(self.shape, scale) * noise), window)
            fluctuation.append((energy - 1) / (_MEDIAN_LOSS_VARIANCES * np.sqrt(2 / (independent * (n - 1)))))
        still, moving = np.max(structure, axis=0), np.max(fluctuation, axis=0)
        error = np.sqrt(self._binned(_power(self.shape, _LEVEL_SCALE) * noise) / n)
        level = self._binned(gaussian_filter(mean, _LEVEL_SCALE, mode="nearest"))
        texture = np.maximum(still, moving)
        level = (level - _vacuum_level(level, error, texture <= np.median(texture))) / error
        maps = [each.astype(np.float32) for each in (level, still, moving)]
        return RegionEvidence(level=maps[0], structure=maps[1], fluctuation=maps[2], bin=self.bin, shape=self.shape)

    def _median(self, energy: NDArray[np.float64], window: int) -> NDArray[np.float64]:
        return median_filter(self._binned(energy), max(3, window // self.bin | 1), mode="nearest")

    def _binned(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        rows, columns = (size // self.bin for size in self.shape)
        cut = image[: rows * self.bin, : columns * self.bin]
        return cut.reshape(rows, self.bin, columns, self.bin).mean(axis=(1, 3))


def _background(smooth: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Running median over twelve scales: it follows the edges of the specimen, but not a lattice.

    So an edge leaves no structure behind, where the difference of two Gaussians would have a wide rim of it.
    """
    step = max(1, int(scale))
    rows, columns = (size // step for size in smooth.shape)
    small = smooth[: rows * step, : columns * step].reshape(rows, step, columns, step).mean(axis=(1, 3))
    window = int(12 * scale / step) | 1
    small = median_filter(small, window, mode="nearest")
    y, x = (np.clip((np.arange(size) - (step - 1) / 2) / step, 0, None) for size in smooth.shape)
    return map_coordinates(small, np.meshgrid(y, x, indexing="ij"), order=1, mode="nearest")


def _power(shape: tuple[int, int], scale: float) -> NDArray[np.float64]:
    """(y, x) variance that white noise keeps after a Gaussian.

    Near the border it is larger than inside, since the border's pixels stand for all that lies beyond.
    """
    return np.outer(_overlap(shape[0], scale), _overlap(shape[1], scale))


def _overlap(n: int, scale: float) -> NDArray[np.float64]:
    """(n,) sum of the squares of a Gaussian's weights, for every place along an axis of n pixels."""
    short = min(n, 2 * int(8 * scale) + 1)  # further from the border nothing changes
    found = (gaussian_filter1d(np.eye(short), scale, axis=0, mode="nearest") ** 2).sum(axis=1)
    return np.concatenate((found[: short // 2], np.full(n - short, found[short // 2]), found[short // 2 :]))


def _vacuum_level(
    level: NDArray[np.float64], error: NDArray[np.float64], quiet: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """A plane through the commonest intensity of the quiet pixels: slow illumination, not the specimen's own level."""
    heights, edges = np.histogram(level[quiet], 64)
    top = int(np.argmax(gaussian_filter(heights.astype(float), 2)))
    plane = np.full(level.shape, (edges[top] + edges[top + 1]) / 2)
    y, x = np.mgrid[: level.shape[0], : level.shape[1]] / max(level.shape)
    terms = np.stack([np.ones_like(x), y, x], axis=-1)
    near = 4 * error + 0.03 * np.abs(plane)
    for _ in range(8):
        used = quiet & (np.abs(level - plane) < near)
        if used.sum() < 10:
            break
        plane = terms @ np.linalg.lstsq(terms[used], level[used], rcond=None)[0]
        near = 4 * error
    return plane
