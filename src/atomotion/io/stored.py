"""One array of a file and the facts beside it, before anything is made of it; and the plan of one to be written."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError

Kind = Literal["movie", "image", "volume"]
AxisSizes = tuple[float | None, float | None, float | None]
UNKNOWN_SIZES: AxisSizes = (None, None, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredArray:
    """An image, a movie or a volume as it lies in a file.

    Parameters
    ----------
    frames : (n, y, x)
        The values, read lazily; an image is one frame.
    kind : "movie", "image" or "volume"
        What the file says that it is.
    source : str
        The path.
    format : str
    pixel_sizes : (z, y, x) float or None [Å]
        z only for volumes.
    facts : mapping
        The names and units of `atomotion.io.facts.FACTS`, without the pixel size.
    metadata : mapping
        Whatever else is worth keeping.
    warnings : tuple of str
    """

    frames: Frames
    kind: Kind
    source: str
    format: str
    pixel_sizes: AxisSizes = UNKNOWN_SIZES
    facts: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """(y, x) of an image, (n, y, x) of a movie or volume."""
        return tuple(self.frames.shape[1:] if self.kind == "image" else self.frames.shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewArray:
    """What is going to be written: an image is one frame, `facts` are as in `StoredArray`."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    kind: Kind = "movie"
    pixel_sizes: AxisSizes = UNKNOWN_SIZES
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file_shape(self) -> tuple[int, ...]:
        """The shape without the frame axis where it is an image."""
        return self.shape[1:] if self.kind == "image" else self.shape


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How the frames of a begun file lie in it: one behind the other from `offset` on."""

    offset: int
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.shape[1] * self.shape[2] * self.dtype.itemsize


class Sink(Protocol):
    """Takes the blocks of a `NewArray` in order."""

    def append(self, block: NDArray[Any], /) -> None:
        """Write the next frames."""
        ...

    def close(self, *, complete: bool) -> None:
        """Close the file; `complete` says that all frames were written."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """One of several arrays in a file."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.name} {self.shape} {self.dtype}"


def choose_member(members: Sequence[Member], array: str | None, source: str) -> Member:
    """The member called `array`; without a name the only one, or the only (t, y, x) one.

    Raises
    ------
    InputError
        Where there is none of that name (naming the nearest), none at all, or several to choose from.
    """
    names = [member.name for member in members]
    if array is not None:
        if array in names:
            return members[names.index(array)]
        near = difflib.get_close_matches(array, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; it holds {', '.join(names) or 'nothing'}"
        raise InputError(f"{source} has no array {array!r}{hint}")
    stacks = [member for member in members if len(member.shape) == 3]
    candidates = stacks or [member for member in members if len(member.shape) == 2]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        listing = ", ".join(map(str, members)) or "nothing"
        raise InputError(f"{source} has no (t, y, x) or (y, x) array; it holds {listing}")
    raise InputError(
        f"{source} holds {len(candidates)} arrays, {', '.join(map(str, candidates))}; name one with --array"
    )


def frame_shape_of(shape: Sequence[int], source: str) -> tuple[int, int, int]:
    """`shape` as (n, y, x), with one frame where it is two-dimensional.

    Raises
    ------
    InputError
        For other numbers of axes, and where nothing is in it.
    """
    if len(shape) not in (2, 3):
        raise InputError(f"{source} has {len(shape)} axes {tuple(shape)}; images have 2, movies and volumes have 3")
    if 0 in shape:
        raise InputError(f"{source} is empty: its shape is {tuple(map(int, shape))}")
    count, height, width = (1, *shape) if len(shape) == 2 else shape
    return int(count), int(height), int(width)


def real_dtype(dtype: Any, source: str) -> np.dtype[Any]:
    """`dtype` where its values are real numbers; true and false are read as 0 and 1 (uint8).

    Raises
    ------
    InputError
        For complex numbers, Python objects, text and records.
    """
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        raise InputError(
            f"{source} holds Python objects (pickle), which can run code when they are read; "
            "save it again as an array of numbers"
        )
    if dtype.kind == "c":
        raise InputError(f"{source} holds complex numbers ({dtype}); save the real images")
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise InputError(f"{source} holds values of type {dtype}, not integers or floating-point numbers")
    return dtype
