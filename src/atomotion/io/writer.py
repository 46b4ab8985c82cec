"""Writing movies, images and volumes block by block, beside the final name and renamed at the end."""

import contextlib
import errno
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from atomotion.data import AtomotionError, InputError, Movie, UsageError
from atomotion.io.facts import facts_of
from atomotion.io.formats import Format, guarded, is_zarr, writer_of
from atomotion.io.stored import AxisSizes, Kind, Layout, NewArray, Sink, StoredArray

_BLOCK_BYTES = 1 << 25


class MovieWriter:
    """Writes a movie block by block; a context manager.

    The frames go into ``<name>.partial`` beside the file, which takes its final name when the last one is written. A
    killed run therefore leaves no half file under the final name. A partial .mrc, .mrcs or .npy file is kept, and
    writing can go on from any frame that is in it; other partial files are removed.

    Parameters
    ----------
    path : Path or str
        The ending is the format: .mrc .mrcs .tif .tiff .npy .npz .zarr.
    shape : (t, y, x)
    dtype : dtype
        MRC holds 8- and 16-bit integers (uint8 as uint16) and 16- and 32-bit floats, and gets float32 for the rest.
    facts : mapping
        As from `facts_of`; each is kept where the format can hold it.
    kind : "movie", "image" or "volume"
        An image is one frame.
    pixel_sizes : (z, y, x) float or None [Å]
        For images and volumes whose pixels are not square; by default the fact `pixel_size` along y and x.
    resume_at : int
        Keep this many frames of the partial file and go on after them.

    Raises
    ------
    InputError
        Where the ending is not written, or there is no partial file to go on with.
    """

    def __init__(
        self,
        path: Path | str,
        shape: tuple[int, int, int],
        dtype: DTypeLike,
        *,
        facts: Mapping[str, Any] | None = None,
        kind: Kind = "movie",
        pixel_sizes: AxisSizes | None = None,
        resume_at: int = 0,
    ) -> None:
        self.path = Path(path)
        facts = dict(facts or {})
        size = facts.pop("pixel_size", None)
        self._new = NewArray(
            shape=shape,
            dtype=np.dtype(dtype).newbyteorder("="),
            kind=kind,
            pixel_sizes=(None, size, size) if pixel_sizes is None else pixel_sizes,
            facts=facts,
        )
        self._format = writer_of(self.path)
        self._partial = partial_path(self.path)
        _refuse_folder(self.path)
        self.frames_written = resume_at
        self._sink: Sink | None = self._resumed(resume_at) if resume_at else self._begun()

    def _begun(self) -> Sink:
        _remove(self._partial)
        try:
            self._partial.parent.mkdir(parents=True, exist_ok=True)
            return self._format.function("create")(self._partial, self._new)
        except OSError as error:
            raise AtomotionError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def _resumed(self, frames: int) -> Sink:
        layout = _layout(self._format, self._partial)
        if layout is None or _whole_frames(layout, self._partial) < frames:
            found = 0 if layout is None else _whole_frames(layout, self._partial)
            raise InputError(
                f"writing {self.path} cannot go on at frame {frames}: {found} frames are in its partial file"
            )
        if layout.shape != self._new.shape:
            raise InputError(f"{self._partial} was begun for frames of shape {layout.shape}, not {self._new.shape}")
        return self._format.function("resume")(self._partial, self._new, frames)

    def write(self, block: NDArray[Any]) -> None:
        """Write the next frames, (n, y, x) or one (y, x).

        Raises
        ------
        UsageError
            Where the block does not fit the shape or type that was promised.
        AtomotionError
            Where the disk is full or fails.
        """
        block = block[None] if block.ndim == 2 else block
        count, height, width = self._new.shape
        if block.shape[1:] != (height, width) or self.frames_written + len(block) > count:
            raise UsageError(
                f"{self.path} takes {count} frames of shape {(height, width)}; after {self.frames_written} came "
                f"a block of shape {block.shape}"
            )
        if not np.can_cast(block.dtype, self._new.dtype, "same_kind"):
            raise UsageError(f"{self.path} was begun with values of type {self._new.dtype}, not {block.dtype}")
        if self._sink is None:
            raise UsageError(f"{self.path} is closed")
        try:
            self._sink.append(block.astype(self._new.dtype, copy=False))
        except OSError as error:
            raise self._failed(error) from error
        self.frames_written += len(block)

    def _failed(self, error: OSError) -> AtomotionError:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        return AtomotionError(f"writing {self.path} failed at frame {self.frames_written}: {why}")

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises
        ------
        AtomotionError
            Where fewer frames were written than promised.
        """
        if self._sink is None:
            return
        complete = self.frames_written == self._new.shape[0]
        sink, self._sink = self._sink, None
        try:
            sink.close(complete=complete)
            if complete:
                _rename(self._partial, self.path)
                return
        except OSError as error:
            raise self._failed(error) from error
        if not self._format.resumes:
            _remove(self._partial)
        raise AtomotionError(f"only {self.frames_written} of {self._new.shape[0]} frames of {self.path} were written")

    def __enter__(self) -> "MovieWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif self._sink is not None:
            sink, self._sink = self._sink, None
            with contextlib.suppress(OSError):  # what went wrong before is what the user must hear of
                sink.close(complete=False)
            if not self._format.resumes:
                _remove(self._partial)


def write_movie(
    path: Path | str,
    movie: Movie,
    *,
    dtype: DTypeLike | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> None:
    """Write a movie and its facts, block by block; see `MovieWriter`.

    Parameters
    ----------
    path : Path or str
    movie : Movie
    dtype : dtype or None
        None: that of the frames.
    on_step : callable or None
        Called with frames done and frames in all.
    """
    count, height, width = movie.frames.shape
    shape = (count, height, width)
    with MovieWriter(path, shape, dtype or movie.frames.dtype, facts=facts_of(movie)) as writer:
        _copy(movie.frames, writer, count, on_step)


def write_stored(path: Path | str, stored: StoredArray, *, on_step: Callable[[int, int], None] | None = None) -> None:
    """Write an image, movie or volume as it was stored, whatever the shape of its pixels; for conversions."""
    count, height, width = stored.frames.shape
    with MovieWriter(
        path,
        (count, height, width),
        stored.frames.dtype,
        facts=stored.facts,
        kind=stored.kind,
        pixel_sizes=stored.pixel_sizes,
    ) as writer:
        _copy(stored.frames, writer, count, on_step)


def _copy(frames: Any, writer: MovieWriter, count: int, on_step: Callable[[int, int], None] | None) -> None:
    step = frames_per_block(frames)
    for start in range(0, count, step):
        stop = min(start + step, count)
        writer.write(np.asarray(frames[start:stop]))
        if on_step is not None:
            on_step(stop, count)


def frames_per_block(frames: Any, block_bytes: int = _BLOCK_BYTES) -> int:
    """How many frames make a block of about `block_bytes`, at least one."""
    _, height, width = frames.shape
    return max(1, block_bytes // (height * width * frames.dtype.itemsize))


def partial_path(path: Path | str) -> Path:
    """Where a movie lies while it is being written."""
    path = Path(path)
    return path.with_name(path.name + ".partial")


def resumable_frames(path: Path | str) -> int:
    """How many whole frames of a movie that was not finished can be kept; 0 where writing has to begin anew."""
    form = writer_of(Path(path))
    layout = _layout(form, partial_path(path))
    return 0 if layout is None else _whole_frames(layout, partial_path(path))


def _layout(form: Format, partial: Path) -> Layout | None:
    if not form.resumes or not partial.exists():
        return None
    try:
        layout: Layout = guarded(partial, form.function("layout"), partial)
        return layout
    except InputError:  # killed before its header was written
        return None


def _whole_frames(layout: Layout, partial: Path) -> int:
    return min(layout.shape[0], max(0, partial.stat().st_size - layout.offset) // layout.frame_bytes)


def _refuse_folder(path: Path) -> None:
    if path.is_dir() and not is_zarr(path):
        raise InputError(f"{path} is a folder; name a file")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _rename(partial: Path, path: Path) -> None:
    if path.is_dir():  # a folder cannot be replaced in one step: put the old store aside first
        aside = path.with_name(path.name + ".old")
        _remove(aside)
        path.replace(aside)
        partial.replace(path)
        _remove(aside)
    else:
        partial.replace(path)
