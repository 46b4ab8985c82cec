"""Boxes that go with a particle, cut by whole pixels so that noise stays as it was recorded."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data import Frames

_MARGIN = 2.0  # Å around a particle that a box of background keeps free
_DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))


class CutBoxes:
    """Boxes of a movie, read when they are asked for; what lies beyond the frame is its mirror image.

    Parameters
    ----------
    frames : (t, y, x)
    frame_index : (n,) int
        The frame of each box.
    corners : (n, 2) int, y x [px]
        The pixel of the frame that becomes pixel (0, 0).
    side : int [px]
    """

    def __init__(
        self, frames: Frames, frame_index: NDArray[np.integer], corners: NDArray[np.integer], side: int
    ) -> None:
        self._frames, self._index, self._corners, self._side = frames, frame_index, corners, side
        self.shape: tuple[int, ...] = (len(frame_index), side, side)
        self.dtype: np.dtype[Any] = np.dtype(frames.dtype)

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, key: Any, /) -> NDArray[Any]:
        parts = key if isinstance(key, tuple) else (key,)
        chosen = np.arange(len(self._index))[parts[0]]
        boxes = np.stack([self._box(int(i)) for i in np.atleast_1d(chosen)]) if np.size(chosen) else self._none()
        result = boxes if np.ndim(chosen) else boxes[0]
        return result[(..., *parts[1:])] if len(parts) > 1 else result

    def _none(self) -> NDArray[Any]:
        return np.empty((0, self._side, self._side), dtype=self.dtype)

    def _box(self, i: int) -> NDArray[Any]:
        rows = mirrored(int(self._corners[i, 0]), self._side, int(self._frames.shape[1]))
        columns = mirrored(int(self._corners[i, 1]), self._side, int(self._frames.shape[2]))
        y, x = slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1)
        part = np.asarray(self._frames[int(self._index[i]), y, x])
        box: NDArray[Any] = part[np.ix_(rows - y.start, columns - x.start)]
        return box


def mirrored(first: int, count: int, size: int) -> NDArray[np.intp]:
    """(count,) pixels from `first` on, those beyond 0 .. size - 1 mirrored at the border."""
    at = np.mod(np.arange(first, first + count), 2 * size)
    return np.minimum(at, 2 * size - 1 - at)


def box_corners(centres: ArrayLike, side: int, pixel_size: float) -> NDArray[np.intp]:
    """(n, 2) y x of the first pixel of boxes in which pixel side // 2 is the one that holds the centre.

    The centre itself lies within half a pixel of it: at ``centre / pixel_size - rint(centre / pixel_size)``.

    Parameters
    ----------
    centres : (n, 2) float, x y [Å]
    side : int [px]
    pixel_size : float [Å]
    """
    at = np.rint(np.asarray(centres, dtype=float) / pixel_size).astype(np.intp)
    return at[:, ::-1] - side // 2


def inside_fraction(corners: NDArray[np.integer], side: int, shape: tuple[int, int]) -> NDArray[np.floating]:
    """(n,) what part of each box lies within frames of `shape` (y, x)."""
    fraction = np.ones(len(corners))
    for axis in (0, 1):
        low = np.maximum(corners[:, axis], 0)
        high = np.minimum(corners[:, axis] + side, shape[axis])
        fraction *= np.maximum(high - low, 0) / side
    return fraction


def background_corners(
    corners: NDArray[np.integer],
    side: int,
    shape: tuple[int, int],
    others: Sequence[NDArray[np.floating]],
    *,
    radius_px: float,
) -> NDArray[np.intp] | None:
    """(n, 2) y x of boxes beside a particle's, within the frame and without any particle; None where there are none.

    Of the eight neighbours, moved inwards at the border, the one is kept that is free in the most frames; the others
    stand in for it where it is not.

    Parameters
    ----------
    corners : (n, 2) int, y x [px]
        The particle's boxes.
    side : int [px]
    shape : (y, x) [px]
        Of the frames.
    others : sequence of (n, 2) float, x y [px]
        Centres of all particles, its own too; NaN where one is not there.
    radius_px : float [px]
        Of a particle, with what is to be kept free around it.
    """
    if side > min(shape):
        return None
    candidates = []
    for dy, dx in _DIRECTIONS:
        moved = corners + np.array([dy, dx]) * side
        candidates.append(np.clip(moved, 0, np.array(shape) - side))
    free = np.ones((len(candidates), len(corners)), dtype=bool)
    for number, candidate in enumerate(candidates):
        for centre in others:
            gap = [
                np.maximum(np.maximum(candidate[:, axis] - centre[:, 1 - axis], 0.0),
                           centre[:, 1 - axis] - (candidate[:, axis] + side - 1))
                for axis in (0, 1)
            ]  # fmt: skip
            near = np.hypot(*[np.maximum(each, 0.0) for each in gap]) < radius_px
            free[number] &= ~(near & np.isfinite(centre).all(axis=1))
    if not free.any(axis=0).all():
        return None
    order = np.argsort(-free.sum(axis=1), kind="stable")
    chosen = order[np.argmax(free[order], axis=0)]
    result: NDArray[np.intp] = np.stack(candidates)[chosen, np.arange(len(corners))].astype(np.intp)
    return result
