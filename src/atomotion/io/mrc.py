"""MRC files: stacks and volumes, their pixel size, and the labels in which the other facts are kept."""

from pathlib import Path
from typing import Any

import mrcfile.dtypes
import mrcfile.utils
import numpy as np
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.io.contiguous import ContiguousFrames, ContiguousSink, cut_after
from atomotion.io.facts import FACTS, from_text, to_text
from atomotion.io.mrc_header import HEADER_BYTES, MrcHeader, read_header
from atomotion.io.stored import AxisSizes, Kind, Layout, NewArray, StoredArray, frame_shape_of
from atomotion.io.unpacked import StoredFile

_LABEL, _LABELS = 80, 10
_CUT = "..."
_ESCAPED = 7  # more than the characters that JSON makes of one
_TYPES = ("int8", "int16", "uint16", "float16", "float32")
_EXACT_IN_FLOAT32 = 2**24
_STATISTICS_AT, _RMS_AT = 76, 216  # bytes: dmin, dmax, dmean; rms


def open_mrc(file: StoredFile, path: Path, array: str | None) -> StoredArray:
    """The image, movie or volume of an MRC file.

    A file is a movie where it ends in .mrcs, where its space group (ISPG) is 0, or where this program wrote it as one;
    it is a volume where ISPG is 1 and it has more than one section. The pixel size is the cell's; where that is missing
    or exactly 1 Å (what programs write that do not know it) and FEI's extended header has one, that one counts.
    """
    header = read_header(file, path)
    kind, facts = from_text(header.labels, str(path))
    if "voltage" not in facts and header.extended.voltage is not None:
        facts["voltage"] = header.extended.voltage
    sizes, warnings = _sizes(header, path)
    return StoredArray(
        frames=ContiguousFrames(
            file, header.offset, frame_shape_of(header.shape, str(path)), header.dtype, name=str(path)
        ),
        kind=kind or _kind(header, path),
        source=str(path),
        format="MRC",
        pixel_sizes=sizes,
        facts=facts,
        warnings=warnings,
    )


def _kind(header: MrcHeader, path: Path) -> Kind:
    if path.name.lower().removesuffix(".gz").endswith(".mrcs"):
        return "movie"
    if header.shape[0] == 1:
        return "image"
    return "movie" if header.space_group == 0 else "volume"


def _sizes(header: MrcHeader, path: Path) -> tuple[AxisSizes, tuple[str, ...]]:
    z, y, x = header.voxel_size
    exact = (y, x) == (1.0, 1.0)
    extended = header.extended.pixel_sizes
    if extended is not None and (exact or (y, x) == (None, None)):
        note = "exactly 1 Å" if exact else "nothing"
        return (None, *extended), (
            f"the header of {path.name} says {note} for the pixel size, its FEI extended header "
            f"{extended[1]:.4g} Å; the latter is used",
        )
    if exact:
        return (z, y, x), (
            f"the pixel size of {path.name} is exactly 1 Å, which programs write that do not know it; check it",
        )
    return (z, y, x), ()


def mrc_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which MRC holds values of `dtype`: itself, uint16 for uint8, otherwise float32."""
    if dtype.name in _TYPES:
        return dtype.newbyteorder("=")
    return np.dtype(np.uint16 if dtype.name == "uint8" else np.float32)


class _MrcSink(ContiguousSink):
    """Frames of an MRC file, with the statistics of its header."""

    def __init__(self, path: Path, position: int, new: NewArray) -> None:
        super().__init__(path, position)
        self._dtype = mrc_dtype(new.dtype)
        self._low, self._high, self._count = np.inf, -np.inf, 0
        self._sum, self._squares = 0.0, 0.0

    def count(self, block: NDArray[Any]) -> None:
        """Let the values of `block` enter the statistics."""
        for frame in block:
            self._low, self._high = min(self._low, float(frame.min())), max(self._high, float(frame.max()))
            self._count += frame.size
            self._sum += float(frame.sum(dtype=np.float64))
            self._squares += float(np.square(frame, dtype=np.float64).sum())

    def append(self, block: NDArray[Any]) -> None:
        if block.dtype.kind in "iu" and self._dtype.kind == "f" and _beyond_float32(block):
            raise InputError(
                f"MRC has no 32-bit integers, and values beyond {_EXACT_IN_FLOAT32} would be rounded; "
                "write .npy, .tif or .zarr"
            )
        block = block.astype(self._dtype, copy=False)
        self.count(block)
        super().append(block)

    def close(self, *, complete: bool) -> None:
        super().close(complete=complete)
        if not complete or not self._count:
            return
        mean = self._sum / self._count
        rms = max(0.0, self._squares / self._count - mean**2) ** 0.5
        if not np.isfinite([self._low, self._high, mean, rms]).all():
            return  # the header keeps saying "not determined"
        with self.path.open("r+b") as stream:
            stream.seek(_STATISTICS_AT)
            stream.write(np.array([self._low, self._high, mean], "<f4").tobytes())
            stream.seek(_RMS_AT)
            stream.write(np.array(rms, "<f4").tobytes())


def _beyond_float32(block: NDArray[Any]) -> bool:
    return bool(block.size) and max(abs(int(block.min())), abs(int(block.max()))) > _EXACT_IN_FLOAT32


def create_mrc(path: Path, new: NewArray) -> _MrcSink:
    """An MRC file with its header, ready for frames: a stack (ISPG 0, MZ 1) or, for a volume, ISPG 1.

    A pixel size that is not known is written as 0, which readers take for unknown.
    """
    path.write_bytes(_header(new).tobytes())
    return _MrcSink(path, HEADER_BYTES, new)


def layout_mrc(path: Path) -> Layout:
    """How the frames of a begun MRC file lie in it."""
    header = read_header(path, path)
    return Layout(offset=header.offset, shape=header.shape, dtype=header.dtype)


def resume_mrc(path: Path, new: NewArray, frames: int) -> _MrcSink:
    """A begun MRC file that is continued after its first frames, whose statistics are read again."""
    layout = layout_mrc(path)
    sink = _MrcSink(path, cut_after(path, layout, frames, mrc_dtype(new.dtype)), new)
    if frames:
        kept = ContiguousFrames(path, layout.offset, (frames, *layout.shape[1:]), layout.dtype)
        for frame in range(frames):
            sink.count(kept[frame : frame + 1])
    return sink


def _header(new: NewArray) -> NDArray[Any]:
    count, height, width = new.shape
    header = np.zeros((), mrcfile.dtypes.HEADER_DTYPE.newbyteorder("<"))
    header["nx"], header["ny"], header["nz"] = width, height, count
    header["mode"] = mrcfile.utils.mode_from_dtype(mrc_dtype(new.dtype))
    header["mx"], header["my"], header["mz"] = width, height, count if new.kind == "volume" else 1
    header["ispg"] = 1 if new.kind == "volume" else 0
    z, y, x = (0.0 if size is None else size for size in new.pixel_sizes)
    z = (
        z if new.kind == "volume" else x
    )  # the height of a section has no meaning in a stack; programs expect some value
    header["cella"] = (width * x, height * y, int(header["mz"]) * z)
    header["cellb"] = (90.0, 90.0, 90.0)
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["dmin"], header["dmax"], header["dmean"], header["rms"] = 0.0, -1.0, -2.0, -1.0  # "not determined" (MRC2014)
    header["nversion"], header["map"], header["machst"] = 20141, b"MAP ", (0x44, 0x44, 0, 0)
    text = _facts_text(new)
    labels = [text[start : start + _LABEL] for start in range(0, len(text), _LABEL)]
    header["nlabl"] = len(labels)
    header["label"][: len(labels)] = labels
    return header


def _facts_text(new: NewArray) -> str:
    """The facts as text that fits the labels: without a list of times, and with long texts cut."""
    facts = {name: value for name, value in new.facts.items() if name != "times"}
    while (excess := len(to_text(new.kind, facts)) - _LABEL * _LABELS) > 0:
        name = max((name for name in facts if FACTS[name] == "text"), key=lambda name: len(facts[name]))
        facts[name] = facts[name][: max(0, len(facts[name]) - len(_CUT) - 1 - excess // _ESCAPED)] + _CUT
    return to_text(new.kind, facts)
