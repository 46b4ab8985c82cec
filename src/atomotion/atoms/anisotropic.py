"""Atoms as sums of Gaussians with a displacement tensor each, on a grid: values, and slopes by every parameter."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# the six components of a symmetric tensor, and their places in it
TENSOR = ("xx", "yy", "zz", "xy", "xz", "yz")
_ROWS, _COLUMNS = (0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)
# a Gaussian is cut where it has fallen to exp(-reach² / 2)
_REACH = 4.3
_CHUNK = 256
_LARGEST = 40.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A grid of cubes: its shape (z, y, x), the size of a voxel [Å], and where voxel [0, 0, 0] lies, x y z [Å]."""

    shape: tuple[int, int, int]
    voxel_size: float
    first: NDArray[np.float64]

    def in_voxels(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) z y x [voxels] of positions x y z [Å]."""
        return (positions - self.first)[:, ::-1] / self.voxel_size


def tensors(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3, 3) symmetric tensors of (n, 6) components xx yy zz xy xz yz."""
    full = np.empty((len(components), 3, 3))
    full[:, _ROWS, _COLUMNS] = components
    full[:, _COLUMNS, _ROWS] = components
    return full


def density_on_grid(
    grid: Grid,
    positions: NDArray[np.float64],
    amplitudes: NDArray[np.float64],
    displacements: NDArray[np.float64],
    *,
    weights: NDArray[np.float64],
    variances: NDArray[np.float64],
) -> NDArray[np.float32]:
    """The density ``sum_i o_i sum_j w_j G(r - x_i; v_j + U_i)``, sampled at the voxels.

    Parameters
    ----------
    grid : Grid
    positions : (n, 3) float, x y z [Å]
    amplitudes : (n,) float
    displacements : (n, 6) float [Å²]
        xx yy zz xy xz yz.
    weights, variances : (j,) float
        The terms of one atom at rest; variances [Å²] along each axis.
    """
    values = np.zeros(grid.shape, dtype=np.float32)
    width = displacements[:, :3].max(axis=1)
    for weight, variance in zip(weights, variances, strict=True):
        covariance = tensors(displacements) + variance * np.eye(3)
        reach = _REACH * np.sqrt(max(variance + float(np.quantile(width, 0.98)), 1e-6))
        for part, corner, boxes in _boxes(grid, positions, covariance, reach):
            boxes *= (weight * amplitudes[part])[:, None, None, None].astype(np.float32)
            _add(values, corner, boxes)
    return values


def _boxes(
    grid: Grid, positions: NDArray[np.float64], covariance: NDArray[np.float64], reach: float
) -> Iterator[tuple[slice, NDArray[np.intp], NDArray[np.float32]]]:
    """Normalised Gaussians in boxes around their centres: which atoms, first voxels (z, y, x), values (k, b, b, b)."""
    half = int(np.ceil(reach / grid.voxel_size))
    inverse = np.linalg.inv(covariance)
    norm = ((2.0 * np.pi) ** 3 * np.linalg.det(covariance)) ** -0.5
    at = grid.in_voxels(positions)
    corner = np.rint(at).astype(np.intp) - half
    for start in range(0, len(positions), _CHUNK):
        part = slice(start, start + _CHUNK)
        offsets = corner[part, :, None] + np.arange(2 * half + 1) - at[part, :, None]
        z, y, x = (grid.voxel_size * offsets[:, axis] for axis in range(3))
        p = inverse[part]
        # exp(-d P d / 2) is a product of three factors of two coordinates each: no exponential of a whole box
        xx, yy, zz, xy, xz, yz = (p[:, row, column, None, None] for row, column in zip(_ROWS, _COLUMNS, strict=True))
        xs, ys = x[:, None, :], y[:, :, None]
        yx = np.exp(np.minimum(-0.5 * (xx * xs**2 + yy * ys**2) - xy * ys * xs, _LARGEST)) * norm[part, None, None]
        # a needle of an atom, turned, has a factor beyond any float where the product is nothing
        zx = np.exp(np.minimum(-xz * z[:, :, None] * xs, _LARGEST))
        zy = np.exp(np.minimum(-0.5 * zz * z[:, :, None] ** 2 - yz * z[:, :, None] * y[:, None, :], _LARGEST))
        boxes = yx.astype(np.float32)[:, None, :, :] * zx.astype(np.float32)[:, :, None, :]
        boxes *= zy.astype(np.float32)[:, :, :, None]
        yield part, corner[part], boxes


def _add(values: NDArray[np.float32], corner: NDArray[np.intp], boxes: NDArray[np.float32]) -> None:
    side = boxes.shape[1]
    shape = np.array(values.shape)
    for (z, y, x), box in zip(corner, boxes, strict=True):
        low = np.maximum([z, y, x], 0)
        high = np.minimum(np.array([z, y, x]) + side, shape)
        if (high <= low).any():
            continue
        a, b = low - (z, y, x), high - (z, y, x)
        values[low[0] : high[0], low[1] : high[1], low[2] : high[2]] += box[a[0] : b[0], a[1] : b[1], a[2] : b[2]]
