"""Stacks of frames that are read piece by piece, and what they share."""

import operator
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class LazyFrames(ABC):
    """A (t, y, x) stack whose frames are read when they are asked for; a subclass says how in `_read`.

    Indexing takes an integer or a slice for t, then optionally slices for y and x, and gives a numpy array.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: DTypeLike) -> None:
        self.shape: tuple[int, ...] = shape
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    @abstractmethod
    def _read(self, frames: range, y: slice, x: slice) -> NDArray[Any]:
        """(len(frames), y.stop - y.start, x.stop - x.start) values of the named frames; nothing of it is empty.

        `frames` goes upward; `y` and `x` have a start, a stop and no step, all within the frame.
        """

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)

    def __getitem__(self, key: Any, /) -> NDArray[Any]:
        parts = key if isinstance(key, tuple) else (key,)
        if len(parts) > 3:
            raise IndexError(f"frames take at most three indices (t, y, x), not {len(parts)}")
        t, y, x = parts + (slice(None),) * (3 - len(parts))
        if not isinstance(y, slice) or not isinstance(x, slice):
            raise TypeError("y and x of frames are indexed with slices")
        if isinstance(t, slice):
            return self._block(range(*t.indices(self.shape[0])), y, x)
        frame = operator.index(t)
        if not -self.shape[0] <= frame < self.shape[0]:
            raise IndexError(f"frame {frame} is not one of {self.shape[0]} frames")
        return self._block(range(frame % self.shape[0], frame % self.shape[0] + 1), y, x)[0]

    def _block(self, frames: range, y: slice, x: slice) -> NDArray[Any]:
        rows, columns = range(*y.indices(self.shape[1])), range(*x.indices(self.shape[2]))
        if not (frames and rows and columns):
            return np.empty((len(frames), len(rows), len(columns)), self.dtype)
        upward = frames if frames.step > 0 else frames[::-1]
        block = self._read(upward, _hull(rows), _hull(columns))
        return block[:: 1 if upward is frames else -1, :: rows.step, :: columns.step]


def _hull(indices: range) -> slice:
    """The stretch without gaps that holds all indices."""
    return slice(min(indices[0], indices[-1]), max(indices[0], indices[-1]) + 1)


class PagedFrames(LazyFrames):
    """Frames that can only be read whole, one after the other; a subclass gives them in `_page`."""

    @abstractmethod
    def _page(self, frame: int) -> NDArray[Any]:
        """(y, x) of one frame, in the type and shape of the stack."""

    def _read(self, frames: range, y: slice, x: slice) -> NDArray[Any]:
        block = np.empty((len(frames), y.stop - y.start, x.stop - x.start), self.dtype)
        for place, frame in enumerate(frames):
            block[place] = self._page(frame)[y, x]
        return block
