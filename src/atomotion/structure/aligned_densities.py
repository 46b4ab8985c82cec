"""The density maps of the states of a particle on one grid, and how alike each is to the next."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates, spline_filter

from atomotion.data.errors import InputError
from atomotion.data.maps import DensityMap
from atomotion.geometry.alignment import Alignment
from atomotion.structure.density_correlation import Family, family_directions, local_correlation, offset_correlation

FAMILIES: tuple[Family, ...] = ("100", "110", "111")
# a map that is cut this near to an outer atom [Å] would seem changed there
_ROOM = 3.0
_AROUND = 1.2  # Å: where the density around an atom is looked at
_OFFSET_STEP = 0.1  # Å
# offsets up to so many lattice constants hold the first copy of the lattice along every direction
_REACH = 1.85
# a peak nearer to the origin than this, in units of the shortest lattice vector, is the same one
_SAME_PEAK = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class DensityStep:
    """How alike the densities of two states are.

    Parameters
    ----------
    offsets : (s,) float [Å]
    curves : mapping of family to (k, s) float
        The correlation against the offset along each direction of <100>, <110> and <111>.
    correlation : float
        At no offset.
    next_peak : float
        The highest at any offset of more than half of the shortest lattice vector. Where it exceeds `correlation`, the
        states lie on different copies of the lattice.
    local : (z, y, x) float32
        The local correlation on the common grid; NaN where either map has no structure.
    """

    offsets: NDArray[np.float64]
    curves: dict[Family, NDArray[np.float64]]
    correlation: float
    next_peak: float
    local: NDArray[np.float32]


def common_grid(positions: Sequence[ArrayLike], voxel_size: float) -> DensityMap:
    """An empty map around the aligned states.

    Parameters
    ----------
    positions : sequence of (n, 3) float, x y z [Å]
    voxel_size : float [Å]
    """
    points = np.concatenate([np.asarray(each, dtype=float) for each in positions])
    low = np.floor((points.min(axis=0) - _ROOM) / voxel_size)
    high = np.ceil((points.max(axis=0) + _ROOM) / voxel_size)
    nx, ny, nz = (int(n) for n in high - low + 1)
    x, y, z = (float(value) for value in low * voxel_size)
    return DensityMap(values=np.zeros((nz, ny, nx), dtype=np.float32), voxel_size=voxel_size, origin=(x, y, z))


def on_grid(density: DensityMap, motion: Alignment, grid: DensityMap) -> NDArray[np.float32]:
    """The density after a rigid motion, on another grid; 0 outside of the given map.

    Parameters
    ----------
    density : DensityMap
    motion : Alignment
        From the frame of the map to that of the grid; may hold a mirror.
    grid : DensityMap
        Its voxels are where the result is wanted; its values are not looked at.

    Returns
    -------
    (z, y, x) float32
        By cubic splines.
    """
    coefficients = spline_filter(np.asarray(density.values, dtype=np.float32), order=3, output=np.float32)
    axes = [first + grid.voxel_size * np.arange(n) for first, n in zip(grid.first_voxel, grid.values.shape[::-1])]
    result = np.empty(grid.values.shape, dtype=np.float32)
    for index, z in enumerate(axes[2]):
        y, x = np.meshgrid(axes[1], axes[0], indexing="ij")
        points = np.stack([x.ravel(), y.ravel(), np.full(x.size, z)], axis=1)
        # x -> R^T (x - t) undoes the motion
        before = (points - motion.translation) @ motion.rotation
        places = (before - np.array(density.first_voxel)) / density.voxel_size
        plane = map_coordinates(coefficients, places[:, ::-1].T, order=3, prefilter=False, mode="constant")
        result[index] = plane.reshape(x.shape)
    return result


def density_step(
    first: ArrayLike, second: ArrayLike, *, cell: ArrayLike, voxel_size: float, width: float
) -> DensityStep:
    """Compare the densities of two states on one grid.

    Parameters
    ----------
    first, second : (z, y, x) float
    cell : (3, 3) float [Å]
        Rows are the cube axes of the crystal in the frame of the maps.
    voxel_size : float [Å]
    width : float [Å]
        Standard deviation of the window of the local correlation.

    Raises
    ------
    InputError
        As `offset_correlation`.
    """
    cell = np.asarray(cell, dtype=float)
    edges = np.linalg.norm(cell, axis=1)
    constant = float(edges.mean())
    reach = _REACH * constant
    room = voxel_size * (min(np.asarray(first).shape) - 5)
    count = int(min(reach, room) / _OFFSET_STEP)
    offsets = _OFFSET_STEP * np.arange(-count, count + 1)
    axes = (cell / edges[:, None]).T
    curves = {
        family: offset_correlation(first, second, family_directions(family, axes), offsets, voxel_size=voxel_size)
        for family in FAMILIES
    }
    far = np.abs(offsets) > _SAME_PEAK * constant / np.sqrt(2.0)
    return DensityStep(
        offsets=np.asarray(offsets, dtype=np.float64),
        curves=curves,
        correlation=float(curves["100"][0, count]),
        next_peak=max(float(curve[:, far].max()) for curve in curves.values()),
        local=local_correlation(first, second, width=width, voxel_size=voxel_size).astype(np.float32),
    )


def check_frames(density: DensityMap, positions: ArrayLike) -> None:
    """Refuse a map in which the atoms do not lie on density.

    Raises
    ------
    InputError
        Where more than a tenth of the atoms lie outside of the map, or the density at the atoms exceeds that around
        them, 1.2 Å away along x, y and z, by less than half of the standard deviation of the latter.
    """
    points = np.asarray(positions, dtype=float)
    at_atoms, inside = values_at(density, points)
    if inside.mean() < 0.9:
        raise InputError(
            f"{(~inside).mean():.0%} of the atoms lie outside of the map; are atoms and map of one state and frame?"
        )
    beside = _AROUND * np.concatenate([np.eye(3), -np.eye(3)])
    around, known = values_at(density, (points[:, None] + beside).reshape(-1, 3))
    around, at_atoms = around[known], at_atoms[inside]
    if float(at_atoms.mean()) < float(around.mean()) + 0.5 * float(around.std()):
        raise InputError(
            "the density at the atoms is no higher than around them; are atoms and map of one state and frame?"
        )


def values_at(density: DensityMap, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The density at points (n, 3) x y z [Å], linearly between voxels, and which of them lie inside of the map."""
    places = (points - np.array(density.first_voxel)) / density.voxel_size
    inside = ((places >= 0) & (places <= np.array(density.values.shape[::-1]) - 1)).all(axis=1)
    values = map_coordinates(np.asarray(density.values, dtype=np.float32), places[:, ::-1].T, order=1)
    return np.asarray(values, dtype=float), inside
