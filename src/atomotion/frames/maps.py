"""Small maps of every box: its outline, and where the lattice has energy."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.data import Frames, InputError
from atomotion.frames.bands import lattice_bands

_CELL = 1.1  # side of a cell of the maps [Å], half of what the bands resolve
_ZERO_MEAN = 0.1  # boxes whose mean is less than this part of their spread were normalised before


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxMaps:
    """Maps of n boxes on a grid of cells of some pixels each.

    Parameters
    ----------
    low : (n, y, x) float32
        Contrast of the outline, averaged over a cell.
    lattice : (n, y, x) float32
        Squared contrast in the lattice band, averaged over a cell: the energy of the lattice.
    cell : float [Å]
        Side of a cell.
    origin : (x, y) float
        Where the box's pixel n // 2 lies on the grid [cells].
    brightness : (n,) float
        Mean of every box as it is stored.
    good : (n,) bool
        False for boxes with values that are not finite, and constant ones; their maps are zero.
    """

    low: NDArray[np.float32]
    lattice: NDArray[np.float32]
    cell: float
    origin: tuple[float, float]
    brightness: NDArray[np.float64]
    good: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.low)


def box_maps(
    boxes: Frames,
    *,
    pixel_size: float,
    longest: float = 2.63,
    shortest: float = 1.25,
    on_step: Callable[[int, int], None] | None = None,
) -> BoxMaps:
    r"""The maps of a series of boxes, read one by one.

    Every box becomes contrast, ``f / mean - 1`` (where boxes have a mean of about zero, ``f - mean`` in units of the
    series' standard deviation), and is filtered into bands b. Lattice energy is ``b²``. In the kinematic picture the
    energy of an evenly tumbling crystal is proportional, on average, to its thickness along the beam.

    Parameters
    ----------
    boxes : (n, y, x)
    pixel_size : float [Å]
    longest, shortest : float [Å]
        Periods of the lattice band.

    Raises
    ------
    InputError
        Where there is no good box, or pixels are too large.
    """
    count, ny, nx = (int(length) for length in boxes.shape)
    bands = lattice_bands((ny, nx), pixel_size, longest=longest, shortest=shortest)
    side = max(1, round(_CELL / pixel_size))
    grid = (ny // side, nx // side)
    means, spreads, good = _levels(boxes)
    if not good.any():
        raise InputError("no box of the series has values to work with: all are constant or not finite")
    scale = np.where(means > 0, means, 1.0)
    if np.median(np.abs(means[good])) < _ZERO_MEAN * np.median(spreads[good]):
        scale = np.full(count, np.median(spreads[good]))
    maps = np.zeros((count, 2, *grid), dtype=np.float32)
    for index in range(count):
        if good[index] and scale[index] > 0:
            box = (np.asarray(boxes[index], dtype=np.float32) - np.float32(means[index])) / np.float32(scale[index])
            spectrum = fft.rfft2(box)
            for place, band in enumerate((bands.low, bands.lattice)):
                values = fft.irfft2(spectrum * band, s=(ny, nx))
                maps[index, place] = _cells(values if band is bands.low else values**2, side)
        if on_step is not None:
            on_step(index + 1, count)
    first = [(length - cells * side) // 2 for length, cells in zip((ny, nx), grid, strict=True)]
    origin = tuple((length // 2 - start - (side - 1) / 2) / side for length, start in zip((ny, nx), first, strict=True))
    return BoxMaps(
        low=maps[:, 0],
        lattice=maps[:, 1],
        cell=side * pixel_size,
        origin=(origin[1], origin[0]),
        brightness=means,
        good=good,
    )


def _levels(boxes: Frames) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    count = int(boxes.shape[0])
    means, spreads = np.zeros(count), np.zeros(count)
    for index in range(count):
        box = np.asarray(boxes[index], dtype=np.float64)
        if np.isfinite(box).all():
            means[index], spreads[index] = box.mean(), box.std()
    good = spreads > 0
    return means, spreads, good


def usable_boxes(boxes: Frames) -> NDArray[np.bool_]:
    """(n,) False for boxes that are constant or hold values that are not finite."""
    return _levels(boxes)[2]


def _cells(values: NDArray[np.floating], side: int) -> NDArray[np.floating]:
    """Averages over squares of `side` pixels; what is left over is cut off evenly at the edges."""
    ny, nx = (length // side for length in values.shape)
    y, x = ((length - cells * side) // 2 for length, cells in zip(values.shape, (ny, nx), strict=True))
    used = values[y : y + ny * side, x : x + nx * side]
    cells: NDArray[np.floating] = used.reshape(ny, side, nx, side).mean(axis=(1, 3))
    return cells
