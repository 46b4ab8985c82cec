"""What a file holds, for ``atomotion info``: found out from its header and one frame."""

from pathlib import Path
from typing import Any

import numpy as np

from atomotion.io.facts import to_keys
from atomotion.io.formats import format_of, members_of, open_stored
from atomotion.io.stored import Member, StoredArray

_AXES = "zyx"
_SQUARE_WITHIN = 1e-3


def describe(path: Path | str, array: str | None = None) -> dict[str, Any]:
    """What is in a movie, image or volume file, as plain values; the file is not loaded.

    Parameters
    ----------
    path : Path or str
    array : str or None
        Which array to describe where the file holds several; without it their list is all that is said.

    Returns
    -------
    dict
        ``path``, ``format``, ``file_size_B``, ``members`` (name, shape, dtype of each array where there are several);
        and of one array ``kind`` (movie, image, volume, or series: a stack with its table beside it), ``shape``,
        ``dtype``, ``pixel_sizes_A`` by axis, ``square_pixels`` (None: not known), ``facts`` (keys with units),
        ``sample`` (frame, min, max, mean of the middle frame) and ``warnings``.

    Raises
    ------
    InputError
        As `open_movie` does, but not for images, volumes, or pixels that are not square.
    """
    path = Path(path)
    members = members_of(path)
    several = len([member for member in members if len(member.shape) in (2, 3)]) > 1
    result: dict[str, Any] = {"path": str(path), "file_size_B": _size(path)}
    if several:
        result["members"] = [_member(member) for member in members]
        stacks = [member for member in members if len(member.shape) == 3]
        if array is None and len(stacks) != 1:
            return result | {"format": format_of(path)[0].name, "warnings": ["it holds several arrays; name one"]}
    return result | _array(open_stored(path, array), path)


def _array(stored: StoredArray, path: Path) -> dict[str, Any]:
    z, y, x = stored.pixel_sizes
    sizes = {"y": y, "x": x} if stored.kind != "volume" else {"z": z, "y": y, "x": x}
    square = None if y is None or x is None else bool(abs(y - x) <= _SQUARE_WITHIN * max(x, y))
    middle = stored.frames.shape[0] // 2
    frame = np.asarray(stored.frames[middle])
    finite = frame[np.isfinite(frame)]
    warnings = list(stored.warnings)
    if finite.size < frame.size:
        warnings.append(f"frame {middle} has {frame.size - finite.size} values that are not finite")
    if square is False:
        warnings.append(
            f"its pixels are not square ({x:.5g} Å along x, {y:.5g} Å along y), so it cannot be used as a movie"
        )
    sample: dict[str, Any] = {"frame": middle}
    if finite.size:
        sample |= {"min": finite.min().item(), "max": finite.max().item(), "mean": float(finite.mean(dtype=float))}
    is_series = stored.kind == "movie" and path.suffix.lower() == ".mrcs" and path.with_suffix(".csv").exists()
    return {
        "format": stored.format,
        "kind": "series" if is_series else stored.kind,
        **({"array": stored.metadata["array"]} if "array" in stored.metadata else {}),
        "shape": [int(length) for length in stored.shape],
        "dtype": str(stored.frames.dtype),
        "pixel_sizes_A": sizes,
        "square_pixels": square,
        "facts": to_keys(stored.facts),
        "sample": sample,
        "warnings": warnings,
    }


def _member(member: Member) -> dict[str, Any]:
    return {"name": member.name, "shape": list(member.shape), "dtype": member.dtype}


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0
