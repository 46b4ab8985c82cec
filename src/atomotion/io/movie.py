"""Opening a movie: its frames with their lazy steps, and its facts, the user's before the file's."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, Movie, from_mapping
from atomotion.io.config import MovieSource
from atomotion.io.facts import METADATA_FACTS
from atomotion.io.formats import open_stored
from atomotion.io.steps import Binned, Crop, DarkSubtracted, FrameRange, GainMultiplied, parse_crop
from atomotion.io.stored import StoredArray

_SQUARE_WITHIN = 1e-3
_GIVEN = (
    "pixel_size", "frame_time", "dose", "units_per_electron", "contrast", "voltage", "cs", "defocus", "detector",
)  # fmt: skip


def read_movie(path: Path | str, **facts: Any) -> Movie:
    """The movie in a file, opened but not read; see `open_movie`.

    Parameters
    ----------
    path : Path or str
    facts
        The fields of `MovieSource`, as numbers in canonical units or as text with units:
        ``read_movie("movie.tif", pixel_size="0.358A", frame_time="2.5ms", bin=2)``.
    """
    return open_movie(from_mapping(MovieSource, {"path": path, **facts}, where=f"the facts of {path}"))


def open_movie(source: MovieSource) -> Movie:
    """The movie that `source` describes, opened but not read.

    Values are never flipped, scaled or guessed at: corrections happen only where `source` asks for them. The pixel size
    is multiplied by the binning; dose per Å² and intensity per electron stay, because binning sums. What the file said
    beside its facts is in ``metadata``: ``source``, ``format``, ``array``, ``warnings`` (a list of sentences), ``gaps``
    in the numbers of single frames, ``processing`` (what was computed on the frames; absent for raw ones) and
    ``corrections`` (what was applied while reading).

    Raises
    ------
    InputError
        Where the file is missing, broken, of no known format, not a movie, has pixels that are not square, or its size
        does not allow the selection.
    UsageError
        Where a parameter of `source` cannot be read.
    """
    if source.path is None:
        raise InputError("no movie is named; give a file, a folder of frames, or a pattern")
    stored = open_stored(source.path, source.array)
    warnings = [*stored.warnings, *_kind_warnings(stored)]
    size, more = _pixel_size(stored, source.pixel_size)
    facts = {name: value for name, value in stored.facts.items() if name not in METADATA_FACTS}
    facts |= {name: getattr(source, name) for name in _GIVEN if getattr(source, name) is not None}
    if source.frame_time is not None:
        facts.pop("times", None)
    facts["pixel_size"] = None if size is None else size * (source.bin or 1)
    frames, corrections = _with_steps(stored, source)
    if facts.get("times") is not None:
        facts["times"] = _times(facts["times"], stored, source)
    metadata: dict[str, Any] = {"source": str(source.path), "format": stored.format, **stored.metadata}
    metadata |= {name: stored.facts[name] for name in METADATA_FACTS if name in stored.facts}
    if corrections:
        metadata["corrections"] = "; ".join(filter(None, [metadata.get("corrections"), *corrections]))
    return Movie(frames=frames, **facts, metadata=metadata | {"warnings": [*warnings, *more]})


def _kind_warnings(stored: StoredArray) -> list[str]:
    if stored.kind == "image":
        height, width = stored.shape
        raise InputError(
            f"{stored.source} holds one image of {width} x {height} pixels, not a movie; "
            "a folder or pattern of such files makes one"
        )
    if stored.kind == "volume":
        return [f"{stored.source} says that it is a volume; its sections are read as frames"]
    return []


def _pixel_size(stored: StoredArray, given: float | None) -> tuple[float | None, list[str]]:
    """The pixel size [Å], which must be the same along both axes, and warnings."""
    _, y, x = stored.pixel_sizes
    if y is None or x is None:
        return given if given is not None else (y or x), []
    if abs(y - x) <= _SQUARE_WITHIN * max(x, y):
        return given if given is not None else (x + y) / 2, []
    sizes = f"{stored.source} has pixels of {x:.5g} Å along x and {y:.5g} Å along y"
    if given is None:
        raise InputError(
            f"{sizes}, and a movie needs square ones; resample it, or pass --pixel-size if its header is wrong"
        )
    return given, [f"{sizes}; the given pixel size {given:g} Å is used for both"]


def _with_steps(stored: StoredArray, source: MovieSource) -> tuple[Frames, list[str]]:
    frames, name, done = stored.frames, stored.source, []
    if source.first is not None or source.last is not None:
        first, last = source.first or 0, frames.shape[0] if source.last is None else source.last
        frames = FrameRange(frames, first, last, name=name)
        done.append(f"frames {first}:{last}")
    if source.dark is not None:
        frames = DarkSubtracted(frames, _reference(source.dark, "dark"))
        done.append(f"minus dark reference {source.dark.name}")
    if source.gain is not None:
        frames = GainMultiplied(frames, _reference(source.gain, "gain"))
        done.append(f"times gain reference {source.gain.name}")
    if source.hot_pixels is not None:
        from atomotion.io.hot_pixels import HotPixelsReplaced  # scipy, which opening a movie does not need

        frames = HotPixelsReplaced(frames, source.hot_pixels)
        done.append(f"hot pixels above {source.hot_pixels:g} sd replaced")
    if source.crop is not None:
        y, x = parse_crop(source.crop, (frames.shape[1], frames.shape[2]), name=name)
        frames = Crop(frames, y, x)
        done.append(f"crop {x.start}:{x.stop},{y.start}:{y.stop}")
    if source.bin is not None and source.bin > 1:
        frames = Binned(frames, source.bin)
        done.append(f"bin {source.bin}")
    return frames, done


def _reference(path: Path, name: str) -> NDArray[Any]:
    """The image of a dark or gain reference."""
    stored = open_stored(path)
    if stored.frames.shape[0] != 1:
        raise InputError(f"the {name} reference {path} holds {stored.frames.shape[0]} frames, not one image")
    image = np.asarray(stored.frames[0])
    if not np.isfinite(image).all():
        raise InputError(f"the {name} reference {path} has values that are not finite")
    return image


def _times(times: NDArray[np.floating], stored: StoredArray, source: MovieSource) -> NDArray[np.floating]:
    if len(times) != stored.frames.shape[0]:
        raise InputError(f"{stored.source} has {stored.frames.shape[0]} frames but {len(times)} times")
    return times[source.first or 0 : source.last]
