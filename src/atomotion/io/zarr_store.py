"""Zarr stores (version 2 and 3): chunked arrays whose attributes are facts."""

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.io.facts import from_keys, kind_of, to_keys
from atomotion.io.lazy_frames import LazyFrames
from atomotion.io.stored import Kind, Member, NewArray, Sink, StoredArray, choose_member, frame_shape_of, real_dtype
from atomotion.io.unpacked import StoredFile

_CHUNK_BYTES = 1 << 23
_LARGEST_SIDE = 1024  # px of a chunk
_ROOT = "/"


class ZarrFrames(LazyFrames):
    """Frames of a Zarr array; only the chunks that are needed are read. The array is opened anew in another process.

    Parameters
    ----------
    path : Path
        The store.
    array : str
        Path of the array within the store.
    """

    def __init__(self, path: Path, array: str) -> None:
        self.path, self.array = path, array
        self._zarr: Any = _open(path, array)
        source = str(path)
        super().__init__(frame_shape_of(self._zarr.shape, source), real_dtype(self._zarr.dtype, source))

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_zarr": None}

    def _read(self, frames: range, y: slice, x: slice) -> NDArray[Any]:
        try:
            if self._zarr is None:
                self._zarr = _open(self.path, self.array)
            if self._zarr.ndim == 2:
                return np.asarray(self._zarr[y, x], dtype=self.dtype)[None].repeat(len(frames), axis=0)
            return np.asarray(self._zarr[slice(frames.start, frames.stop, frames.step), y, x], dtype=self.dtype)
        except MemoryError:
            raise
        except Exception as error:  # codecs fail on random bytes in their own ways
            raise InputError(f"{self.path} is damaged: {error}") from error


def open_zarr(file: StoredFile, path: Path, array: str | None) -> StoredArray:
    """One array of a Zarr store; its facts are attributes of the array or of the group above it."""
    member = choose_member(members_zarr(file, path), array, str(path))
    name = member.name.removeprefix(_ROOT)
    keys = dict(_open(path, "").attrs) | dict(_open(path, name).attrs)
    facts, sizes = from_keys(keys, str(path))
    kind: Kind = "image" if len(member.shape) == 2 else kind_of(keys) or "movie"
    return StoredArray(
        frames=ZarrFrames(path, name),
        kind=kind,
        source=str(path),
        format="Zarr",
        pixel_sizes=sizes,
        facts=facts,
        metadata={"array": name} if name else {},
    )


def members_zarr(file: StoredFile, path: Path) -> list[Member]:
    """Every array of a Zarr store with its shape and type."""
    root = _open(path, "")
    if isinstance(root, zarr.Array):
        return [Member(_ROOT, tuple(root.shape), str(root.dtype))]
    arrays = [(name, each) for name, each in root.members(max_depth=None) if isinstance(each, zarr.Array)]
    return [Member(name, tuple(each.shape), str(each.dtype)) for name, each in sorted(arrays, key=lambda pair: pair[0])]


def _open(path: Path, array: str) -> Any:
    return zarr.open(str(path), mode="r", path=array or None)


class _ZarrSink:
    """Collects frames until a chunk is full, so that no chunk is written twice."""

    def __init__(self, path: Path, new: NewArray) -> None:
        count, height, width = new.shape
        sides = min(height, _LARGEST_SIDE), min(width, _LARGEST_SIDE)
        self._depth = min(count, max(1, _CHUNK_BYTES // (sides[0] * sides[1] * new.dtype.itemsize)))
        self._array: Any = zarr.create_array(
            store=str(path),
            shape=new.file_shape,
            dtype=new.dtype,
            chunks=sides if new.kind == "image" else (self._depth, *sides),
            attributes={"atomotion": new.kind, **to_keys(new.facts, new.pixel_sizes)},
        )
        self._waiting: list[NDArray[Any]] = []
        self._written = 0

    def append(self, block: NDArray[Any]) -> None:
        for frame in block:
            self._waiting.append(frame.copy())
            if len(self._waiting) == self._depth:
                self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        frames = np.stack(self._waiting)
        if self._array.ndim == 2:
            self._array[:] = frames[0]
        else:
            self._array[self._written : self._written + len(frames)] = frames
        self._written += len(frames)
        self._waiting = []

    def close(self, *, complete: bool) -> None:
        if complete:
            self._flush()


def create_zarr(path: Path, new: NewArray) -> Sink:
    """A Zarr store (version 3) with one array, in chunks of about 8 MB."""
    return _ZarrSink(path, new)
