"""The header of an MRC file: its size and type, and what FEI's extended header knows of pixel size and voltage."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mrcfile.dtypes
import mrcfile.utils
import numpy as np

from atomotion.data import InputError
from atomotion.io.stored import AxisSizes
from atomotion.io.unpacked import StoredFile, read_start

HEADER_BYTES = 1024
_LABELS_AT = 224
_COMPLEX_MODES = (3, 4)
_VOLUME_STACK = 401  # from this space group on, a file is a stack of volumes
_IMOD_STAMP = 1146047817
_OLD_FEI_ENTRY = 128  # bytes; FEI's extended header of 2003 is 1024 entries of 32 floats
_OLD_FEI_PIXEL_SIZE, _OLD_FEI_VOLTAGE = 11, 13
_ANGSTROM_PER_METRE = 1e10


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtendedHeader:
    """Facts of FEI's extended header: pixel sizes (y, x) [Å] and acceleration voltage [V]."""

    pixel_sizes: tuple[float, float] | None = None
    voltage: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MrcHeader:
    """What is read from an MRC header: (z, y, x) shape and voxel size [Å], type, bytes before the values."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    offset: int
    voxel_size: AxisSizes
    space_group: int
    labels: str
    extended: ExtendedHeader


def read_header(file: StoredFile, path: Path) -> MrcHeader:
    """The header of the MRC file.

    Raises
    ------
    InputError
        Where it is no MRC file, is cut short within its headers, or holds complex numbers or a stack of volumes.
    """
    raw = read_start(file, HEADER_BYTES, str(path))
    header = _in_byte_order(raw, path)
    mode = int(header["mode"])
    if mode in _COMPLEX_MODES:
        raise InputError(f"{path} holds complex numbers (MRC mode {mode}); save the real images")
    if int(header["ispg"]) >= _VOLUME_STACK:
        raise InputError(f"{path} is a stack of volumes (ISPG {int(header['ispg'])}); save each volume by itself")
    extra = int(header["nsymbt"])
    start = read_start(file, HEADER_BYTES + extra, str(path))
    return MrcHeader(
        shape=(int(header["nz"]), int(header["ny"]), int(header["nx"])),
        dtype=_dtype(header, raw),
        offset=HEADER_BYTES + extra,
        voxel_size=_voxel_size(header),
        space_group=int(header["ispg"]),
        labels=raw[_LABELS_AT:].decode("latin-1"),
        extended=_extended(header, start[HEADER_BYTES:]),
    )


def _in_byte_order(raw: bytes, path: Path) -> np.ndarray[Any, Any]:
    """The header in the byte order of its machine stamp, or, where that is missing, in the one that makes sense."""
    little, big = (np.frombuffer(raw, mrcfile.dtypes.HEADER_DTYPE.newbyteorder(order))[0] for order in "<>")
    for header in (big, little) if raw[212] == 0x11 else (little, big):
        sizes = [int(header[name]) for name in ("nx", "ny", "nz")]
        if min(sizes) > 0 and max(sizes[:2]) < 1 << 20 and int(header["nsymbt"]) >= 0:
            if int(header["mode"]) in (*_COMPLEX_MODES, 0, 1, 2, 6, 12):
                return header
            if int(header["mode"]) < 1 << 10:
                raise InputError(
                    f"{path} has MRC mode {int(header['mode'])}, which is not read; "
                    "known are 0, 1, 2, 6 and 12 (8- and 16-bit integers, 16- and 32-bit floats)"
                )
    raise InputError(
        f"{path} is not an MRC file, or an empty one: its header says "
        f"{int(little['nx'])} x {int(little['ny'])} x {int(little['nz'])} values of mode {int(little['mode'])}"
    )


def _dtype(header: np.ndarray[Any, Any], raw: bytes) -> np.dtype[Any]:
    order = header.dtype["mode"].byteorder
    dtype = mrcfile.utils.dtype_from_mode(int(header["mode"])).newbyteorder(order)
    if int(header["mode"]) == 0:
        stamp, flags = np.frombuffer(raw[152:160], np.dtype(np.int32).newbyteorder(order))
        if stamp == _IMOD_STAMP and not flags & 1:  # IMOD's bytes are unsigned unless it says otherwise
            return np.dtype(np.uint8)
    return dtype


def _voxel_size(header: np.ndarray[Any, Any]) -> AxisSizes:
    sizes = [
        float(header["cella"][axis]) / int(header[count]) if int(header[count]) > 0 else 0.0
        for axis, count in (("z", "mz"), ("y", "my"), ("x", "mx"))
    ]
    # the cell is kept in 32-bit floats: 7 digits are all there are, and 0.358 stays 0.358
    z, y, x = (float(f"{size:.7g}") if np.isfinite(size) and size > 0 else None for size in sizes)
    return z, y, x


def _extended(header: np.ndarray[Any, Any], extra: bytes) -> ExtendedHeader:
    order = header.dtype["mode"].byteorder
    entry = mrcfile.dtypes.get_ext_header_dtype(bytes(header["exttyp"]), "<" if order in "<=" else ">")
    if entry is not None and len(extra) >= entry.itemsize:
        first = np.frombuffer(extra, entry, count=1)[0]
        return _facts(float(first["Pixel size Y"]), float(first["Pixel size X"]), float(first["HT"]))
    by_fei = any(b"fei company" in bytes(label).lower() for label in header["label"])
    if by_fei and not bytes(header["exttyp"]).strip() and len(extra) >= _OLD_FEI_ENTRY:
        values = np.frombuffer(extra, np.dtype(np.float32).newbyteorder(order), count=_OLD_FEI_ENTRY // 4)
        size = float(values[_OLD_FEI_PIXEL_SIZE])
        return _facts(size, size, float(values[_OLD_FEI_VOLTAGE]))
    return ExtendedHeader()


def _facts(y: float, x: float, voltage: float) -> ExtendedHeader:
    # metres; a number beyond 0.1 mm or below 0.1 pm is no pixel of an electron microscope but an unused field
    sizes = tuple(float(f"{size * _ANGSTROM_PER_METRE:.7g}") for size in (y, x) if 1e-13 < size < 1e-4)
    return ExtendedHeader(
        pixel_sizes=(sizes[0], sizes[1]) if len(sizes) == 2 else None,
        voltage=voltage if 1e3 <= voltage <= 1e7 else None,
    )
