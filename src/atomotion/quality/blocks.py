"""Sums over blocks of pixels and frames: all that an interval needs to know of a movie, gathered in one pass."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError

# frames and pixels along the side of a block; the docs' table has the coverage
_FRAMES, _PIXELS = 4, 16
_LEAST_SIDE = 8
_FEWEST, _MOST = 32, 20_000
_AT_ONCE = 1_000_000  # pixels of a quantity in memory

Quantity = Callable[[int, int], tuple[NDArray[np.floating], ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockSums:
    """Quantities summed over blocks.

    Parameters
    ----------
    sums : (q, t, p) float
        Sum of each quantity over every block, by its place in time and in the frame; the last quantity is the number
        of pixels.
    size : (frames, pixels)
        Of a block, as it was asked for.
    """

    sums: NDArray[np.floating]
    size: tuple[int, int]

    @property
    def totals(self) -> NDArray[np.floating]:
        """(q,) sums over all blocks."""
        return np.asarray(self.sums.sum(axis=(1, 2)))

    @property
    def pixels(self) -> float:
        """Number of pixels in all."""
        return float(self.sums[-1].sum())

    @property
    def means(self) -> NDArray[np.floating]:
        """(q - 1,) means per pixel; NaN where there is none."""
        return self.totals[:-1] / self.pixels if self.pixels else np.full(len(self.sums) - 1, np.nan)


def choose_block(shape: tuple[int, ...], frames: int = _FRAMES) -> tuple[int, int]:
    """Frames and pixels of a block: 4 x 16 x 16, smaller in small movies, larger where there are more than 20 000.

    Where `frames` is given, small movies keep it.
    """
    side = _PIXELS

    def count() -> int:
        return max(1, int(shape[0]) // frames) * max(1, int(shape[1]) // side) * max(1, int(shape[2]) // side)

    while count() > _MOST:
        side *= 2
    while count() < _FEWEST and side > _LEAST_SIDE:
        side //= 2
    while count() < _FEWEST and 1 < frames <= _FRAMES:
        frames //= 2
    return frames, side


def block_sums(
    shape: tuple[int, ...],
    quantity: Quantity,
    *,
    block: tuple[int, int] | None = None,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> BlockSums:
    """Sum quantities over blocks, reading a few frames at a time.

    Parameters
    ----------
    shape : (t, y, x)
    quantity : callable
        ``quantity(start, stop)`` gives the quantities of those frames, each (stop - start, y, x). A pixel at which one
        of them is not finite counts for none.
    block : (frames, pixels), optional
        `choose_block` by default. Frames and sides are shared out evenly, so that no block is a mere rest.
    mask : (y, x) bool, optional
        Pixels that count.
    bad_frames : collection of int
        Frames that do not.
    on_step : callable
        Called with (frames done, frames in all).

    Raises
    ------
    InputError
        Where the mask has another shape than the frames.
    """
    if mask is not None and mask.shape != tuple(shape[1:]):
        raise InputError(f"the mask has shape {mask.shape}, the frames {tuple(shape[1:])}")
    size = choose_block(shape) if block is None else block
    starts = [_starts(int(shape[0]), size[0]), _starts(int(shape[1]), size[1]), _starts(int(shape[2]), size[1])]
    stops = [*starts[0][1:], int(shape[0])]
    rows = []
    for start, stop in zip(starts[0], stops, strict=True):
        step = max(1, _AT_ONCE // (int(shape[1]) * int(shape[2])))
        parts = range(int(start), int(stop), step)
        row = [_summed(quantity, part, min(part + step, int(stop)), mask, bad_frames) for part in parts]
        rows.append([_over_places(np.sum(each, axis=0), starts[1], starts[2]) for each in zip(*row, strict=True)])
        if on_step is not None:
            on_step(int(stop), int(shape[0]))
    return BlockSums(sums=np.asarray(rows).transpose(1, 0, 2), size=size)


def _summed(
    quantity: Quantity, start: int, stop: int, mask: NDArray[np.bool_] | None, bad_frames: Collection[int]
) -> list[NDArray[np.floating]]:
    """The quantities of a few frames summed over these, and the number of pixels that count, each (y, x)."""
    values = quantity(start, stop)
    valid = np.logical_and.reduce([np.isfinite(each) for each in values])
    if mask is not None:
        valid &= mask
    for index in bad_frames:
        if start <= index < stop:
            valid[index - start] = False
    return [*(np.where(valid, each, 0.0).sum(axis=0, dtype=float) for each in values), valid.sum(axis=0, dtype=float)]


def _starts(length: int, size: int) -> NDArray[np.intp]:
    return np.linspace(0, length, max(1, length // size) + 1).astype(np.intp)[:-1]


def _over_places(values: NDArray[np.floating], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray:
    """(p,) sums of an image (y, x) over places, every other row of places backwards, so that neighbours follow."""
    sums = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
    sums[1::2] = sums[1::2, ::-1]
    return sums.ravel()


def read(frames: Frames, start: int, stop: int, bad_frames: Collection[int] = ()) -> NDArray[np.floating]:
    """(stop - start, y, x) float64 frames; bad ones, those before the first and those after the last are NaN."""
    n = int(frames.shape[0])
    first, last = min(max(0, start), n), max(0, min(n, stop))
    bad = [index - start for index in bad_frames if start <= index < stop]
    if first == start and last == stop and not bad:
        return np.asarray(frames[start:stop], dtype=float)
    result = np.full((stop - start, int(frames.shape[1]), int(frames.shape[2])), np.nan)
    if last > first:
        result[first - start : last - start] = frames[first:last]
    result[bad] = np.nan
    return result


def good_frames(frames: Frames, bad_frames: Collection[int]) -> list[int]:
    """The numbers of the frames that are not bad."""
    return [index for index in range(int(frames.shape[0])) if index not in bad_frames]


def same_shape(first: Frames, second: Frames) -> tuple[int, ...]:
    """The shape (t, y, x) of both; `InputError` where they differ or are no movies."""
    if tuple(first.shape) != tuple(second.shape) or len(first.shape) != 3:
        raise InputError(
            f"the movies must have one shape (t, y, x), but they have {tuple(first.shape)} and {tuple(second.shape)}"
        )
    return tuple(int(n) for n in first.shape)
