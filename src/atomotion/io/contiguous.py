"""Frames that lie one behind the other in a file: read with seek and readinto, written by appending."""

import os
from io import FileIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.io.lazy_frames import LazyFrames
from atomotion.io.stored import Layout
from atomotion.io.unpacked import StoredFile, size_of


class ContiguousFrames(LazyFrames):
    """Uncompressed frames of one file; exactly the rows that are asked for are read, nothing is mapped or kept.

    Reading is plain seek and readinto: pages of a memory map would count as memory of the process. The object holds no
    open file and can be pickled. Values are given out in the machine's own byte order.

    Parameters
    ----------
    file : path
        Where the bytes are.
    offset : int
        Bytes before the first value.
    shape : (t, y, x)
    dtype : dtype
        With the byte order of the file.
    order : "C" or "F"
        "F" is numpy's Fortran order, where t runs fastest: every block then passes over the whole file.
    name : str
        What to call the file in messages; by default its path.

    Raises
    ------
    InputError
        Where the file is shorter than its frames.
    """

    def __init__(
        self,
        file: StoredFile,
        offset: int,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        order: Literal["C", "F"] = "C",
        *,
        name: str = "",
    ) -> None:
        super().__init__(shape, dtype.newbyteorder("="))
        self.file = file
        self.offset = offset
        self.stored_dtype = dtype
        self.order = order
        self.name = name or str(file)
        self._require_length()

    def _require_length(self) -> None:
        frame = self.shape[1] * self.shape[2] * self.stored_dtype.itemsize
        expected, found = self.offset + self.shape[0] * frame, size_of(self.file)
        if found < expected:
            whole = max(0, found - self.offset) // frame if self.order == "C" and frame else 0
            raise InputError(
                f"{self.name} is cut short: {self.shape[0]} frames need {expected} bytes, but it has {found}, "
                f"which holds {whole} whole frames; copy or export it again"
            )

    def _read(self, frames: range, y: slice, x: slice) -> NDArray[Any]:
        with Path(self.file).open("rb", buffering=0) as stream:
            block = (
                self._read_fortran(stream, frames, y, x) if self.order == "F" else self._read_rows(stream, frames, y, x)
            )
        return block if block.dtype == self.dtype else block.byteswap(inplace=True).view(self.dtype)

    def _read_rows(self, stream: FileIO, frames: range, y: slice, x: slice) -> NDArray[Any]:
        _, height, width = self.shape
        rows = y.stop - y.start
        if frames.step == 1 and rows == height and x.stop - x.start == width:
            return self._fill(stream, frames.start * height * width, (len(frames), height, width))
        block = np.empty((len(frames), rows, x.stop - x.start), self.stored_dtype)
        for place, frame in enumerate(frames):
            block[place] = self._fill(stream, (frame * height + y.start) * width, (rows, width))[:, x]
        return block

    def _read_fortran(self, stream: FileIO, frames: range, y: slice, x: slice) -> NDArray[Any]:
        count, height, _ = self.shape
        block = np.empty((len(frames), y.stop - y.start, x.stop - x.start), self.stored_dtype)
        chosen = np.asarray(frames)
        for place, column in enumerate(range(x.start, x.stop)):
            plane = self._fill(stream, (column * height + y.start) * count, (y.stop - y.start, count))
            block[:, :, place] = plane[:, chosen].T
        return block

    def _fill(self, stream: FileIO, first: int, shape: tuple[int, ...]) -> NDArray[Any]:
        """The values from number `first` on, read into a new array."""
        values = np.empty(shape, self.stored_dtype)
        left = values.reshape(-1).view(np.uint8).data
        stream.seek(self.offset + first * self.stored_dtype.itemsize)
        while left:
            count = stream.readinto(left)
            if not count:
                raise InputError(f"{self.name} became shorter while it was read")
            left = left[count:]
        return values


def cut_after(path: Path, layout: Layout, frames: int, dtype: np.dtype[Any]) -> int:
    """Cut a begun file after its first frames; the position at which it ends then.

    Raises
    ------
    InputError
        Where its values are not of type `dtype`.
    """
    if layout.dtype != dtype:
        raise InputError(f"{path} was begun with values of type {layout.dtype}, not {dtype}; delete it to begin anew")
    position = layout.offset + frames * layout.frame_bytes
    os.truncate(path, position)
    return position


class ContiguousSink:
    """Writes frames into a file that already has its header, from byte `position` on."""

    def __init__(self, path: Path, position: int) -> None:
        self.path = path
        self._stream = path.open("r+b")
        self._stream.seek(position)

    def append(self, block: NDArray[Any]) -> None:
        """Write the frames of `block` behind those already there."""
        self._stream.write(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)

    def close(self, *, complete: bool) -> None:
        """Close the file; `complete` says that all frames were written."""
        self._stream.close()
