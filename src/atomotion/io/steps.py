"""Lazy steps on frames, each reading through to those below: range, stabilising, references, crop, binning."""

import re
from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from atomotion.data import Frames, InputError, UsageError
from atomotion.io.lazy_frames import LazyFrames

_CROP = re.compile(r"^\s*(\d*):(\d*)\s*,\s*(\d*):(\d*)\s*$")
_EXACT_IN_FLOAT32 = 2**24


class FrameRange(LazyFrames):
    """The frames from `first` up to, not including, `last`.

    Raises
    ------
    InputError
        Where the movie ends before, or nothing is left.
    """

    def __init__(self, below: Frames, first: int, last: int, *, name: str = "the movie") -> None:
        count, height, width = below.shape
        if not 0 <= first < last <= count:
            raise InputError(
                f"frames {first} to {last} were asked for, but {name} has {count} (first < last <= {count})"
            )
        super().__init__((last - first, height, width), below.dtype)
        self.below, self.first = below, first

    def _read(self, frames: range, y: slice, x: slice) -> NDArray[Any]:
        return self.below[self.first + frames.start : self.first + frames.stop : frames.step, y, x]


class Crop(LazyFrames):
    """The part of every frame within `y` and `x`, which have a start and a stop in pixels."""

    def __init__(self, below: Frames, y: slice, x: slice) -> None:
        super().__init__((below.shape[0], y.stop - y.start, x.stop - x.start), below.dtype)
        self.below, self.y, self.x = below, y, x

    def _read(self, frames: range, y: slice, x: slice) -> NDArray[Any]:
        rows = slice(self.y.start + y.start, self.y.start + y.stop)
        columns = slice(self.x.start + x.start, self.x.start + x.stop)
        return self.below[frames.start : frames.stop : frames.step, rows, columns]


class FrameByFrame(LazyFrames):
    """Frames that are computed one at a time, so that a block never takes more than itself and one frame."""

    def __init__(self, below: Frames, shape: tuple[int, int, int], dtype: DTypeLike) -> None:
        super().__init__(shape, dtype)
        self.below = below

    @abstractmethod
    def _compute(self, frame: int, y: slice, x: slice) -> NDArray[Any]:
        """Part `y`, `x` of one frame."""

    def _read(self, frames: range, y: slice, x: slice) -> NDArray[Any]:
        block = np.empty((len(frames), y.stop - y.start, x.stop - x.start), self.dtype)
        for place, frame in enumerate(frames):
            block[place] = self._compute(frame, y, x)
        return block


class Stabilised(FrameByFrame):
    """Chosen frames, moved back by whole pixels so that their content stands still; edge pixels fill what comes in.

    Whole pixels leave the noise of neighbouring pixels as independent as it was.

    Parameters
    ----------
    below : Frames
    chosen : (n,) int
        The frames that are kept, in order.
    drift : (t, 2) float, dx dy [px] or None
        Displacement of the content of every frame of `below`.
    """

    def __init__(self, below: Frames, chosen: NDArray[np.integer], drift: NDArray[np.floating] | None = None) -> None:
        super().__init__(below, (len(chosen), below.shape[1], below.shape[2]), below.dtype)
        moves = np.zeros((below.shape[0], 2)) if drift is None else drift
        self.chosen = np.asarray(chosen, dtype=int)
        self.moves = np.rint(moves[self.chosen]).astype(int)

    def _compute(self, frame: int, y: slice, x: slice) -> NDArray[Any]:
        dx, dy = self.moves[frame]
        rows = np.clip(np.arange(y.start, y.stop) + dy, 0, self.shape[1] - 1)
        columns = np.clip(np.arange(x.start, x.stop) + dx, 0, self.shape[2] - 1)
        return self.below[int(self.chosen[frame])][np.ix_(rows, columns)]


class DarkSubtracted(FrameByFrame):
    """``frame - dark`` in float32."""

    def __init__(self, below: Frames, dark: NDArray[Any]) -> None:
        super().__init__(below, _same_shape(below, dark, "dark"), np.float32)
        self.dark = dark.astype(np.float32)

    def _compute(self, frame: int, y: slice, x: slice) -> NDArray[Any]:
        """Part `y`, `x` of one frame."""
        return np.subtract(self.below[frame, y, x], self.dark[y, x], dtype=np.float32)


class GainMultiplied(FrameByFrame):
    """``frame * gain`` in float32: the reference is multiplied, as RELION and MotionCor do, never divided by."""

    def __init__(self, below: Frames, gain: NDArray[Any]) -> None:
        super().__init__(below, _same_shape(below, gain, "gain"), np.float32)
        self.gain = gain.astype(np.float32)

    def _compute(self, frame: int, y: slice, x: slice) -> NDArray[Any]:
        """Part `y`, `x` of one frame."""
        return np.multiply(self.below[frame, y, x], self.gain[y, x], dtype=np.float32)


def _same_shape(below: Frames, reference: NDArray[Any], name: str) -> tuple[int, int, int]:
    count, height, width = below.shape
    if reference.shape != (height, width):
        raise InputError(f"the {name} reference has shape {reference.shape}, but the frames have {(height, width)}")
    return count, height, width


class Binned(FrameByFrame):
    """Sums of squares of `side` x `side` pixels, so that Poisson counts stay Poisson counts.

    float32, exact for 8- and 16-bit counts up to side 16; float64 where float32 would not be exact. Rows and columns at
    the end that do not fill a square are left out.
    """

    def __init__(self, below: Frames, side: int) -> None:
        count, height, width = below.shape
        if side > min(height, width):
            raise InputError(f"binning by {side} leaves nothing of frames of {width} x {height} pixels")
        super().__init__(below, (count, height // side, width // side), _sum_dtype(below.dtype, side))
        self.side = side

    def _compute(self, frame: int, y: slice, x: slice) -> NDArray[Any]:
        """Part `y`, `x` of one frame."""
        side = self.side
        part = self.below[frame, y.start * side : y.stop * side, x.start * side : x.stop * side]
        squares = part.reshape(y.stop - y.start, side, x.stop - x.start, side)
        return squares.sum(axis=(1, 3), dtype=self.dtype)


def _sum_dtype(dtype: np.dtype[Any], side: int) -> type[np.floating]:
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        largest = max(-int(limits.min), int(limits.max)) * side**2
        return np.float32 if largest <= _EXACT_IN_FLOAT32 else np.float64
    return np.float64 if dtype.itemsize > 4 else np.float32


def parse_crop(text: str, frame_shape: tuple[int, int], *, name: str = "the movie") -> tuple[slice, slice]:
    """(y, x) slices from ``x0:x1,y0:y1``; an end that is left out is the frame's.

    Raises
    ------
    UsageError
        Where the text is not of that form.
    InputError
        Where the part is empty or lies beyond the frame.
    """
    match = _CROP.match(text)
    if match is None:
        raise UsageError(f"crop cannot be {text!r}; it is x0:x1,y0:y1 in pixels, for example 100:612,0:512")
    height, width = frame_shape
    x0, x1, y0, y1 = (
        int(number) if number else end for number, end in zip(match.groups(), (0, width, 0, height), strict=True)
    )
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise InputError(f"crop {text} is empty or leaves the frame: frames of {name} have x 0:{width}, y 0:{height}")
    return slice(y0, y1), slice(x0, x1)
