"""A movie kept as one file per frame: a folder, or a pattern such as ``frames/*.tif``."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.io.lazy_frames import PagedFrames
from atomotion.io.stored import StoredArray

_WILDCARDS = re.compile(r"[*?[]")
_NUMBERS = re.compile(r"(\d+)")
_GAPS_NAMED = 5

Open = Callable[[Path], StoredArray]


class FolderFrames(PagedFrames):
    """One frame per file; a file is opened when its frame is read.

    Parameters
    ----------
    paths : sequence of Path
        In the order of the frames.
    open_file : callable
        Opens one file.
    first : StoredArray
        The first file, with which all others must agree in shape and type.
    """

    def __init__(self, paths: Sequence[Path], open_file: Open, first: StoredArray) -> None:
        _, height, width = first.frames.shape
        super().__init__((len(paths), height, width), first.frames.dtype)
        self.paths = tuple(paths)
        self._open = open_file

    def _page(self, frame: int) -> NDArray[Any]:
        """(y, x) of one frame."""
        stored = self._open(self.paths[frame])
        if stored.frames.shape != (1, *self.shape[1:]) or stored.frames.dtype != self.dtype:
            raise InputError(
                f"{self.paths[frame]} has shape {stored.shape} and type {stored.frames.dtype}, "
                f"but the first frame, {self.paths[0].name}, has {self.shape[1:]} and {self.dtype}"
            )
        return np.asarray(stored.frames[0])


def is_pattern(path: Path) -> bool:
    """Whether the name holds wildcards and is no file of that very name."""
    return bool(_WILDCARDS.search(path.name)) and not path.exists()


def open_folder(path: Path, endings: Sequence[str], open_file: Open) -> StoredArray:
    """The movie made of the single frames in a folder, or of those that match a pattern, in the order of their numbers.

    Parameters
    ----------
    path : Path
        A folder, or one with wildcards in its last part.
    endings : sequence of str
        Endings of the files that can be frames, with the dot.
    open_file : callable
        Opens one file.

    Raises
    ------
    InputError
        Where there is no frame, where files of several formats could be meant, and where a file holds a movie.
    """
    paths = _frame_files(path, endings)
    first = open_file(paths[0])
    if first.frames.shape[0] != 1:
        raise InputError(f"{paths[0]} is a movie of {first.frames.shape[0]} frames, not one frame; open it by itself")
    frames = FolderFrames(paths, open_file, first)
    frames[len(paths) - 1]  # the last one as a sample: opening every file would take too long
    gaps = gaps_in_numbers([file.stem for file in paths])
    warnings = list(first.warnings)
    if gaps:
        named = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in gaps[:_GAPS_NAMED])
        more = f" and {len(gaps) - _GAPS_NAMED} more stretches" if len(gaps) > _GAPS_NAMED else ""
        warnings.append(f"the numbers of the frames in {path} lack {named}{more}; times count as if none were missing")
    metadata = {"gaps": gaps} if gaps else {}
    return replace(first, frames=frames, kind="movie", source=str(path), metadata=metadata, warnings=tuple(warnings))


def _frame_files(path: Path, endings: Sequence[str]) -> list[Path]:
    if is_pattern(path):
        paths = [file for file in path.parent.glob(path.name) if file.is_file()]
        if not paths:
            raise InputError(f"no file matches {path}")
        return sorted(paths, key=_natural)
    paths = [file for file in path.iterdir() if file.suffix.lower() in endings and not file.name.startswith(".")]
    if not paths:
        raise InputError(f"the folder {path} holds no frame; known endings are {', '.join(endings)}")
    found = Counter(file.suffix.lower() for file in paths)
    if len(found) > 1:
        listing = ", ".join(f"{count} {ending}" for ending, count in found.most_common())
        raise InputError(f"the folder {path} holds several formats ({listing}); name one with a pattern, {path}/*.tif")
    return sorted(paths, key=_natural)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts frame_9 before frame_10."""
    parts = _NUMBERS.split(path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]


def gaps_in_numbers(stems: Sequence[str]) -> list[tuple[int, int]]:
    """(first, last) missing number of every gap in the last number of the names, in steps of the smallest difference.

    Names that do not all end with a number, or that repeat one, have no gaps that could be told.
    """
    found = [_NUMBERS.findall(stem) for stem in stems]
    if len(stems) < 2 or not all(found):
        return []
    numbers = np.array([int(each[-1]) for each in found])
    steps = np.diff(numbers)
    step = int(steps.min())
    if step < 1:
        return []
    return [
        (int(before) + step, int(after) - step)
        for before, after, width in zip(numbers[:-1], numbers[1:], steps)
        if width > step
    ]
