"""Pixels of the detector that are always too bright, found in the mean over time and replaced by their neighbours."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atomotion.data import Frames
from atomotion.io.steps import FrameByFrame

_MEAN_OF = 256  # frames, spread over the movie
_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=bool)
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
            self._hot = np.argwhere(hot_pixels(_mean(self.below), self.threshold))
        return self._hot

    def _compute(self, frame: int, y: slice, x: slice) -> NDArray[Any]:
        """Part `y`, `x` of one frame."""
        if not len(self.hot):
            return self.below[frame, y, x]
        image = self.below[frame].astype(np.float32)
        # a border of NaN, and NaN for the hot pixels themselves, keep both out of the medians
        padded = np.pad(image, 1, constant_values=np.nan)
        rows, columns = self.hot.T
        padded[rows + 1, columns + 1] = np.nan
        steps = np.argwhere(_NEIGHBOURS)
        around = padded[rows[:, None] + steps[:, 0], columns[:, None] + steps[:, 1]]
        replaceable = np.isfinite(around).any(axis=1)
        image[rows[replaceable], columns[replaceable]] = np.nanmedian(around[replaceable], axis=1)
        return image[y, x]


def _mean(frames: Frames) -> NDArray[np.floating]:
    count = frames.shape[0]
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MEAN_OF)).round().astype(int))
    total = np.zeros(frames.shape[1:])
    for frame in chosen:
        total += frames[int(frame)]
    return total / len(chosen)


def hot_pixels(mean: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """(y, x) bool, where the mean lies more than `threshold` robust standard deviations above its neighbours.

    The standard deviation is 1.4826 times the median absolute deviation of ``mean - median of the 8 neighbours`` over
    the frame (the plain one where that is 0). The comparison is local, since a bright atom column is wider than a pixel
    and must stay.
    """
    excess = mean - ndimage.median_filter(mean, footprint=_NEIGHBOURS, mode="mirror")
    excess -= np.median(excess)
    spread = _SD_PER_MAD * np.median(np.abs(excess)) or excess.std()  # 0 where most counts are equal
    return excess > threshold * spread
