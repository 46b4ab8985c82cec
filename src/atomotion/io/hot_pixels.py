"""Pixels of the detector that are always too bright, found in the mean over time and replaced by their neighbours."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atomotion.data import Frames
from atomotion.io.steps import FrameByFrame

_MEAN_OF = 256  # frames, spread over the movie
_ROUNDS = 10
_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=bool)
# the mixed fourth difference: a pixel minus what a smooth surface through its neighbours has there
_ROUGHNESS = np.array([[0.25, -0.5, 0.25], [-0.5, 1.0, -0.5], [0.25, -0.5, 0.25]])
_NOISE_GAIN = 1.5  # root of the sum of its squares
_SD_PER_MAD = 1.4826


class HotPixelsReplaced(FrameByFrame):
    """Frames whose hot pixels are the median of their eight neighbours that are not hot, in float32.

    The hot pixels are looked for when the first frame is read, in the mean of at most 256 frames spread over the movie.

    Parameters
    ----------
    below : Frames
    threshold : float
        In robust standard deviations, see `hot_pixels`.
    """

    def __init__(self, below: Frames, threshold: float) -> None:
        count, height, width = below.shape
        super().__init__(below, (count, height, width), np.float32)
        self.threshold = threshold
        self._hot: NDArray[np.intp] | None = None

    @property
    def hot(self) -> NDArray[np.intp]:
        """(n, 2) y x of the hot pixels."""
        if self._hot is None:
            self._hot = np.argwhere(hot_pixels(*_mean_and_error(self.below), self.threshold))
        return self._hot

    def _compute(self, frame: int, y: slice, x: slice) -> NDArray[Any]:
        """Part `y`, `x` of one frame."""
        if not len(self.hot):
            return self.below[frame, y, x]
        image = self.below[frame].astype(np.float32)
        _replace(image, self.hot)
        return image[y, x]


def _mean_and_error(frames: Frames) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Mean over time, and its standard error from the scatter over time."""
    count = frames.shape[0]
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MEAN_OF)).round().astype(int))
    mean, squares = np.zeros(frames.shape[1:]), np.zeros(frames.shape[1:])
    for number, frame in enumerate(chosen, 1):  # Welford's sums, which do not lose a small scatter on a large offset
        values = frames[int(frame)].astype(float)
        step = values - mean
        mean += step / number
        squares += step * (values - mean)
    return mean, np.sqrt(squares / len(chosen) / max(1, len(chosen) - 1))


def hot_pixels(mean: NDArray[np.floating], error: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """(y, x) bool, where single pixels of the mean stand out.

    A pixel is hot where it is the highest of its neighbourhood and lies more than `threshold` standard deviations above
    the smooth surface through its eight neighbours, twice the mean of the four nearest minus that of the four diagonal
    ones. Atom columns of at least 3.5 px full width are smooth in that sense, and stay. Found pixels are put onto that
    surface and the search repeated, so that neighbouring ones are found as well.

    Parameters
    ----------
    mean : (y, x) float
        Mean over time.
    error : (y, x) float
        Its standard error. A standard deviation is the larger of that of the difference by the median error around the
        pixel, and 1.4826 times the median absolute deviation of the difference over the frame (its plain standard
        deviation where that is 0).
    threshold : float
    """
    image = mean.copy()
    hot = np.zeros(image.shape, dtype=bool)
    local = _NOISE_GAIN * ndimage.median_filter(error, size=3, mode="mirror")
    spread = None
    for _ in range(_ROUNDS):
        excess = ndimage.convolve(image, _ROUGHNESS, mode="mirror")
        if spread is None:  # the first is 0 where most counts are equal
            spread = _SD_PER_MAD * np.median(np.abs(excess - np.median(excess))) or excess.std()
        highest = image > ndimage.maximum_filter(image, footprint=_NEIGHBOURS, mode="mirror") - 1e-9 * abs(image)
        found = highest & (excess > threshold * np.maximum(local, spread)) & ~hot
        if not found.any():
            break
        hot |= found
        image[found] -= excess[found]
    return hot


def _replace(image: NDArray[np.floating], hot: NDArray[np.intp]) -> None:
    """Put the median of its neighbours that are not hot into every hot pixel that has one."""
    # a border of NaN, and NaN for the hot pixels themselves, keep both out of the medians
    padded = np.pad(image, 1, constant_values=np.nan)
    rows, columns = hot.T
    padded[rows + 1, columns + 1] = np.nan
    steps = np.argwhere(_NEIGHBOURS)
    around = padded[rows[:, None] + steps[:, 0], columns[:, None] + steps[:, 1]]
    some = np.isfinite(around).any(axis=1)
    image[rows[some], columns[some]] = np.nanmedian(around[some], axis=1)
