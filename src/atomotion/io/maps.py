"""Density maps as MRC volumes."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data.errors import InputError
from atomotion.data.maps import DensityMap

_HALVES = ("_half1", "_half2")
_ANISOTROPY = 1e-3


def read_map(path: str | Path, *, voxel_size: float | None = None) -> DensityMap:
    """The map of an MRC volume, with its half maps where files ``..._half1`` and ``..._half2`` lie beside it.

    The centre of voxel [0, 0, 0] is at the header's ORIGIN; where that is zero and the header's start (NXSTART ...) is
    not, at start times voxel size. Axes that are stored in another order are turned to z, y, x.

    Parameters
    ----------
    path : path
    voxel_size : float [Å] or None
        Goes before the header's.

    Raises
    ------
    InputError
        Where the file is missing, no volume, without a voxel size, or its voxels are no cubes.
    """
    path = Path(path)
    values, origin, size = _read(path, voxel_size)
    halves: list[NDArray[np.floating] | None] = []
    for ending in _HALVES:
        beside = path.with_name(path.stem + ending + path.suffix)
        half = _read(beside, voxel_size)[0] if beside.is_file() else None
        if half is not None and half.shape != values.shape:
            raise InputError(f"{beside} has shape {half.shape}, but {path} has {values.shape}")
        halves.append(half)
    return DensityMap(values=values, voxel_size=size, origin=origin, half1=halves[0], half2=halves[1])


def write_map(path: str | Path, density: DensityMap) -> None:
    """Write a map as an MRC volume (32-bit floats), and its half maps beside it as ``..._half1`` and ``..._half2``.

    The centre of voxel [0, 0, 0] goes into the ORIGIN words, so that atoms of the same frame lie in the map.

    Parameters
    ----------
    path : path
        Ends in ``.mrc`` or ``.map``.
    density : DensityMap

    Raises
    ------
    InputError
        Where the suffix is another one (``.mrcs`` is for stacks of images).
    """
    path = Path(path)
    if path.suffix.lower() not in (".mrc", ".map"):
        raise InputError(f"a map is written as .mrc or .map, not as {path.name}")
    for ending, values in zip(("", *_HALVES), (density.values, density.half1, density.half2), strict=True):
        if values is not None:
            _write(path.with_name(path.stem + ending + path.suffix), values, density)


def _write(path: Path, values: NDArray[np.floating], density: DensityMap) -> None:
    import mrcfile

    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(np.asarray(values, dtype=np.float32))
        file.set_volume()
        file.voxel_size = density.voxel_size
        file.header.origin = density.first_voxel


def _read(path: Path, voxel_size: float | None) -> tuple[NDArray[np.floating], tuple[float, float, float], float]:
    """Values (z, y, x), (x, y, z) of the first voxel [Å], and the voxel size [Å]."""
    import mrcfile

    if not path.is_file():
        raise InputError(f"{path} does not exist")
    if ".mrcs" in path.suffixes:
        raise InputError(f"{path} is a stack of images (.mrcs), not a map")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with mrcfile.open(path, permissive=True) as file:
                header, data = file.header.copy(), file.data
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as an MRC map: {error}") from error
    if data is None:
        raise InputError(f"{path} cannot be read as an MRC map: it is broken, or no MRC file at all")
    if data.ndim != 3 or np.iscomplexobj(data):
        raise InputError(f"{path} is no map: it holds {data.dtype} of shape {data.shape}")
    order = [int(header[name]) for name in ("mapc", "mapr", "maps")]
    if sorted(order) != [1, 2, 3]:
        order = [1, 2, 3]  # old files leave the words empty
    size = _voxel_size(header, path) if voxel_size is None else voxel_size
    origin = np.array([float(header.origin[axis]) for axis in "xyz"])
    if not origin.any():
        start = np.zeros(3)
        start[[axis - 1 for axis in order]] = [int(header[name]) for name in ("nxstart", "nystart", "nzstart")]
        origin = start * size
    # stored axes are section, row, column; numpy axis i of the result is z, y, x
    stored = [order[2], order[1], order[0]]
    values = np.asarray(data, dtype=np.float32).transpose([stored.index(axis) for axis in (3, 2, 1)])
    return np.ascontiguousarray(values), (float(origin[0]), float(origin[1]), float(origin[2])), size


def _voxel_size(header: Any, path: Path) -> float:
    # the cell is kept in 32-bit floats: 7 digits are all there are, and 0.358 stays 0.358
    sizes = [float(f"{float(header.cella[axis]) / max(int(header['m' + axis]), 1):.7g}") for axis in "xyz"]
    if min(sizes) <= 0.0 or not np.isfinite(sizes).all():
        raise InputError(f"voxel size is missing in {path}; pass --voxel-size, e.g. 0.358A")
    if max(sizes) > (1.0 + _ANISOTROPY) * min(sizes):
        text = " x ".join(f"{size:g}" for size in sizes)
        raise InputError(f"the voxels of {path} are no cubes ({text} Å); resample the map, or pass --voxel-size")
    return sizes[0]
