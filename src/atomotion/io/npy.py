"""NumPy files: .npy, which knows nothing but its values, and .npz, whose scalar members are facts."""

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from atomotion.io.contiguous import ContiguousFrames, ContiguousSink, cut_after
from atomotion.io.facts import from_keys, is_fact, to_keys
from atomotion.io.stored import (
    Kind,
    Layout,
    Member,
    NewArray,
    Sink,
    StoredArray,
    choose_member,
    frame_shape_of,
    real_dtype,
)
from atomotion.io.unpacked import StoredFile, Unpacked, start_of

_LOCAL_HEADER = 30  # bytes of a zip member's local header before its name


def open_npy(file: StoredFile, path: Path, array: str | None) -> StoredArray:
    """The array of a .npy file: two axes are an image, three a movie; the format knows no facts."""
    with start_of(file) as stream:
        shape, order, dtype, offset = _header(stream)
    frames = _frames(file, offset, shape, order, dtype, str(path))
    return StoredArray(
        frames=frames,
        kind="image" if len(shape) == 2 else "movie",
        source=str(path),
        format="NPY",
        warnings=_order_warning(order, path),
    )


def members_npz(file: StoredFile, path: Path) -> list[Member]:
    """Every array of an .npz file with its shape and type."""
    with zipfile.ZipFile(path) as archive:
        headers = {name: _member_header(archive, name)[0:3] for name in _array_names(archive)}
    return [Member(name.removesuffix(".npy"), shape, str(dtype)) for name, (shape, _, dtype) in headers.items()]


def open_npz(file: StoredFile, path: Path, array: str | None) -> StoredArray:
    """One array of an .npz file; an uncompressed one is read in place, a compressed one is unpacked when first read.

    The facts are scalar members with their unit in the name, ``pixel_size_A`` or ``frame_time_ms``.
    """
    member = choose_member(members_npz(file, path), array, str(path))
    name, source = f"{member.name}.npy", f"{path}:{member.name}"
    with zipfile.ZipFile(path) as archive:
        shape, order, dtype, offset = _member_header(archive, name)
        info = archive.getinfo(name)
        content: StoredFile = Unpacked(path, name)
        if info.compress_type == zipfile.ZIP_STORED:
            content, offset = path, offset + _member_start(path, info)
        facts, sizes = from_keys(_scalars(archive), str(path))
    kind: Kind = "image" if len(shape) == 2 else "volume" if member.name == "volume" else "movie"
    return StoredArray(
        frames=_frames(content, offset, shape, order, dtype, source),
        kind=kind,
        source=str(path),
        format="NPZ",
        pixel_sizes=sizes,
        facts=facts,
        metadata={"array": member.name},
        warnings=_order_warning(order, path),
    )


def create_npy(path: Path, new: NewArray) -> ContiguousSink:
    """A .npy file with its header, ready for frames."""
    with path.open("wb") as stream:
        _write_header(stream, new)
        offset = stream.tell()
    return ContiguousSink(path, offset)


def layout_npy(path: Path) -> Layout:
    """How the frames of a begun .npy file lie in it."""
    with path.open("rb") as stream:
        shape, _, dtype, offset = _header(stream)
    return Layout(offset=offset, shape=frame_shape_of(shape, str(path)), dtype=dtype)


def resume_npy(path: Path, new: NewArray, frames: int) -> ContiguousSink:
    """A begun .npy file that is continued after its first frames."""
    return ContiguousSink(path, cut_after(path, layout_npy(path), frames, new.dtype))


class _NpzSink:
    """An uncompressed .npz file whose array is streamed."""

    def __init__(self, path: Path, new: NewArray) -> None:
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)
        for key, value in to_keys(new.facts, new.pixel_sizes).items():
            with self._archive.open(f"{key}.npy", "w") as member:
                npy_format.write_array(member, np.asarray(value), allow_pickle=False)
        self._member = self._archive.open(f"{new.kind}.npy", "w", force_zip64=True)
        _write_header(self._member, new)

    def append(self, block: NDArray[Any]) -> None:
        self._member.write(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)

    def close(self, *, complete: bool) -> None:
        self._member.close()
        self._archive.close()


def create_npz(path: Path, new: NewArray) -> Sink:
    """An .npz file with the facts as scalar members and one array called as its kind."""
    return _NpzSink(path, new)


def _write_header(stream: IO[bytes], new: NewArray) -> None:
    header = {"descr": npy_format.dtype_to_descr(new.dtype), "fortran_order": False, "shape": new.file_shape}
    npy_format.write_array_header_1_0(stream, header)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype[Any], int]:
    """Shape, order and type of the array, and the bytes before its values."""
    version = npy_format.read_magic(stream)
    read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    return tuple(shape), "F" if fortran and len(shape) > 1 else "C", dtype, stream.tell()


def _frames(
    file: StoredFile,
    offset: int,
    shape: tuple[int, ...],
    order: Literal["C", "F"],
    dtype: np.dtype[Any],
    source: str,
) -> ContiguousFrames:
    dtype, stack = real_dtype(dtype, source), frame_shape_of(shape, source)
    return ContiguousFrames(file, offset, stack, dtype, order, name=source)


def _order_warning(order: str, path: Path) -> tuple[str, ...]:
    if order == "C":
        return ()
    return (
        f"{path} is stored in Fortran order, so every block reads the whole file; atomotion convert makes it quick",
    )


def _array_names(archive: zipfile.ZipFile) -> list[str]:
    return [name for name in archive.namelist() if name.endswith(".npy")]


def _member_header(
    archive: zipfile.ZipFile, name: str
) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype[Any], int]:
    with archive.open(name) as stream:
        return _header(stream)


def _member_start(path: Path, info: zipfile.ZipInfo) -> int:
    """Where an uncompressed member's bytes begin: its local header may be longer than the directory says."""
    with path.open("rb") as stream:
        stream.seek(info.header_offset)
        header = stream.read(_LOCAL_HEADER)
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    return info.header_offset + _LOCAL_HEADER + int(name_length) + int(extra_length)


def _scalars(archive: zipfile.ZipFile) -> Mapping[str, Any]:
    """The members that are facts by their name."""
    scalars = {}
    for name in _array_names(archive):
        key = name.removesuffix(".npy")
        if not is_fact(key):
            continue
        shape, _, dtype, _ = _member_header(archive, name)
        if len(shape) < 2 and not dtype.hasobject:
            with archive.open(name) as stream:
                scalars[key] = npy_format.read_array(stream, allow_pickle=False)
    return scalars
