"""TIFF files: movies of ImageJ (Fiji), OME-TIFF and plain pages, read page by page, and written for Fiji."""

import json
import logging
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from atomotion.data import Frames, InputError
from atomotion.io.contiguous import ContiguousFrames, ContiguousSink
from atomotion.io.facts import to_keys, to_text
from atomotion.io.lazy_frames import PagedFrames
from atomotion.io.stored import Kind, Member, NewArray, StoredArray, choose_member, frame_shape_of, real_dtype
from atomotion.io.tiff_facts import read_facts
from atomotion.io.unpacked import StoredFile, size_of

_IMAGEJ_TYPES = ("uint8", "int16", "uint16", "float32")
_CLASSIC_LIMIT = 2**32 - 2**25  # bytes of values in a TIFF with 32-bit offsets; the rest is for its page directories
_BYTES_PER_DIRECTORY = 256
_ANGSTROM_PER_NM, _ANGSTROM_PER_CM = 10.0, 1e8
_ALL_PAGES = "pages"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stack:
    """One array of a TIFF file; `series` is None where it is made of all the pages."""

    member: Member
    series: int | None
    axes: str
    offset: int | None


def open_tiff(file: StoredFile, path: Path, array: str | None) -> StoredArray:
    """The image, movie or volume of a TIFF file; uncompressed frames in one piece are read in place.

    Stacks count as movies, since ImageJ stores movies as slices more often than not; only OME-TIFF with a Z axis and
    files that this program wrote are volumes.
    """
    with _opened(file) as (tif, complaints):
        stacks = _stacks(tif)
        chosen = choose_member([stack.member for stack in stacks], array, str(path))
        stack = next(stack for stack in stacks if stack.member is chosen)
        _refuse_damage(tif, stack, file, path, complaints)
        known = read_facts(tif, str(path))
        frames = _frames(tif, stack, file, path)
    kind: Kind = "image" if len(chosen.shape) == 2 else "movie"
    return StoredArray(
        frames=frames,
        kind=known.kind if known.kind in ("movie", "volume") else kind,
        source=str(path),
        format="TIFF",
        pixel_sizes=known.sizes,
        facts=known.facts,
        metadata={"array": chosen.name} if len(stacks) > 1 else {},
        warnings=known.warnings,
    )


def members_tiff(file: StoredFile, path: Path) -> list[Member]:
    """Every series of a TIFF file with its shape and type."""
    with _opened(file) as (tif, _):
        return [stack.member for stack in _stacks(tif)]


class TiffPages(PagedFrames):
    """Frames that are compressed or scattered over a TIFF file; one is decoded at a time.

    Parameters
    ----------
    file : path
    shape : (t, y, x)
    dtype : dtype
    series : int or None
        Which series of the file; None for all its pages.
    name : str
        What to call the file in messages.
    """

    def __init__(
        self, file: StoredFile, shape: tuple[int, int, int], dtype: np.dtype[Any], series: int | None, name: str
    ) -> None:
        super().__init__(shape, dtype)
        self.file, self.series, self.name = file, series, name
        self._pages: Any = None
        self._one_at_a_time = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_pages", "_one_at_a_time")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _pages=None, _one_at_a_time=threading.Lock())

    def _page(self, frame: int) -> NDArray[Any]:
        """(y, x) of one frame."""
        try:
            with self._one_at_a_time:
                if self._pages is None:
                    tif = tifffile.TiffFile(self.file)
                    weakref.finalize(self, tif.close)
                    self._pages = tif.pages if self.series is None else tif.series[self.series].pages
                values = self._pages[frame].asarray()
        except Exception as error:  # decoders fail on random bytes in their own ways
            raise InputError(f"frame {frame} of {self.name} cannot be read: {error}") from error
        if values.shape != self.shape[1:]:
            raise InputError(f"frame {frame} of {self.name} has shape {values.shape}, not {self.shape[1:]}")
        return values


@contextmanager
def _opened(file: StoredFile) -> Iterator[tuple[tifffile.TiffFile, list[str]]]:
    """The open file, and the complaints that tifffile would otherwise log."""
    complaints: list[str] = []

    def collect(record: logging.LogRecord) -> bool:
        complaints.append(record.getMessage())
        return False

    log = logging.getLogger("tifffile")
    log.addFilter(collect)
    try:
        with tifffile.TiffFile(file) as tif:
            yield tif, complaints
    finally:
        log.removeFilter(collect)


def _stacks(tif: tifffile.TiffFile) -> list[_Stack]:
    if _written_one_by_one(tif):
        first = tif.pages[0]
        member = Member(_ALL_PAGES, (len(tif.pages), *first.shape), str(first.dtype))
        return [_Stack(member=member, series=None, axes="I" + first.axes, offset=None)]
    return [
        _Stack(
            member=Member(str(number), tuple(each.shape), str(each.dtype)),
            series=number,
            axes=each.axes,
            offset=each.dataoffset,
        )
        for number, each in enumerate(tif.series)
    ]


def _written_one_by_one(tif: tifffile.TiffFile) -> bool:
    """Whether tifffile was called once per frame: each page then calls itself an array of its own.

    Asking tifffile for its series would take a time that grows with the square of their number.
    """
    first, last = tif.pages[0], tif.pages[-1]
    if len(tif.pages) < 2 or not (first.shaped_description and last.shaped_description):
        return False
    alike = first.ndim == 2 and (first.shape, first.dtype) == (last.shape, last.dtype)
    return alike and tuple(json.loads(first.shaped_description)["shape"]) == first.shape


def _refuse_damage(
    tif: tifffile.TiffFile, stack: _Stack, file: StoredFile, path: Path, complaints: Sequence[str]
) -> None:
    if stack.axes.endswith("S"):  # "SYX" is what tifffile makes of a stack of three frames
        raise InputError(f"{path} is a colour image (axes {stack.axes}); save it as greyscale")
    grave = [text for text in complaints if "page offset" in text or "corrupted" in text]
    last = tif.pages[-1]
    end = max((start + count for start, count in zip(last.dataoffsets, last.databytecounts)), default=0)
    if grave or (end > size_of(file) and stack.offset is None):
        raise InputError(f"{path} is cut short or damaged: {grave[0] if grave else 'its last page is incomplete'}")
    compression = tif.pages[0].compression
    if compression not in tifffile.TIFF.DECOMPRESSORS:
        raise InputError(
            f"{path} is compressed with {getattr(compression, 'name', compression)}, which is not read here; "
            "save it uncompressed or with Deflate, or pip install imagecodecs"
        )


def _frames(tif: tifffile.TiffFile, stack: _Stack, file: StoredFile, path: Path) -> Frames:
    shape = frame_shape_of(stack.member.shape, str(path))
    dtype = real_dtype(stack.member.dtype, str(path))
    if stack.offset is not None:
        return ContiguousFrames(file, stack.offset, shape, dtype.newbyteorder(tif.byteorder), name=str(path))
    pages = tif.pages if stack.series is None else tif.series[stack.series].pages
    if len(pages) != shape[0]:
        raise InputError(f"{path} holds {shape[0]} frames in {len(pages)} pages, a layout that is not read")
    return TiffPages(file, shape, dtype, stack.series, str(path))


def create_tiff(path: Path, new: NewArray) -> ContiguousSink:
    """A TIFF file with all its page directories, ready for frames.

    Where ImageJ knows the type and the file stays below 4 GB it is an ImageJ file, which Fiji opens with its scale and
    frame interval; otherwise it is a plain (beyond 4 GB: a Big) TIFF with resolution tags.
    """
    size = int(np.prod(new.shape)) * new.dtype.itemsize + new.shape[0] * _BYTES_PER_DIRECTORY
    big = size > _CLASSIC_LIMIT
    imagej = new.dtype.name in _IMAGEJ_TYPES and not big
    axes = {"movie": "TYX", "volume": "ZYX", "image": "YX"}[new.kind]
    _, y, x = new.pixel_sizes
    options: dict[str, Any] = {"shape": new.file_shape, "dtype": new.dtype, "photometric": "minisblack"}
    if y is not None and x is not None:
        scale = _ANGSTROM_PER_NM if imagej else _ANGSTROM_PER_CM
        options |= {"resolution": (scale / x, scale / y)} | ({} if imagej else {"resolutionunit": "CENTIMETER"})
    if imagej:
        options["metadata"] = {"axes": axes, "Info": to_text(new.kind, new.facts), **_imagej_keys(new)}
    else:
        options["metadata"] = {"axes": axes, "atomotion": new.kind, **to_keys(new.facts, new.pixel_sizes)}
    with tifffile.TiffWriter(path, imagej=imagej, bigtiff=big, byteorder="<") as tif:
        start, _ = tif.write(None, **options, returnoffset=True)
    return ContiguousSink(path, start)


def _imagej_keys(new: NewArray) -> dict[str, Any]:
    z, y, _ = new.pixel_sizes
    keys: dict[str, Any] = {}
    if y is not None:
        keys["unit"] = "nm"
    if z is not None and new.kind == "volume":
        keys["spacing"] = z / _ANGSTROM_PER_NM
    if "frame_time" in new.facts:
        keys["finterval"] = float(new.facts["frame_time"])
    return keys
