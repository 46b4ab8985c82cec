"""The registry of formats: which ending is which format, and which module reads and writes it."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from atomotion.data import AtomotionError, InputError
from atomotion.io.folder import is_pattern, open_folder
from atomotion.io.stored import Member, StoredArray
from atomotion.io.unpacked import StoredFile, Unpacked

_PACKED = ".gz"
_REFUSED = (".pkl", ".pickle", ".joblib", ".pt", ".pth")


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One file format.

    `module` holds ``open_<word>(file, path, array)`` and, where a file can hold several arrays,
    ``members_<word>(file, path)``; where frames can be written, ``create_<word>(path, new)``; where writing can be
    taken up again, ``resume_<word>(path, new, frames)`` and ``layout_<word>(path)``.
    """

    name: str
    endings: tuple[str, ...]
    module: str
    word: str
    written: tuple[str, ...] = ()
    several: bool = False
    resumes: bool = False
    packed: bool = False

    def function(self, verb: str) -> Callable[..., Any]:
        """The function of the format's module that does `verb`."""
        function: Callable[..., Any] = getattr(import_module(f"atomotion.io.{self.module}"), f"{verb}_{self.word}")
        return function


FORMATS: tuple[Format, ...] = (
    Format(
        name="MRC", endings=(".mrc", ".mrcs", ".map", ".rec", ".st", ".ali"), module="mrc", word="mrc",
        written=(".mrc", ".mrcs"), resumes=True, packed=True,
    ),
    Format(
        name="TIFF", endings=(".tif", ".tiff", ".btf"), module="tiff", word="tiff", written=(".tif", ".tiff"),
        several=True, packed=True,
    ),
    Format(name="NPY", endings=(".npy",), module="npy", word="npy", written=(".npy",), resumes=True, packed=True),
    Format(name="NPZ", endings=(".npz",), module="npy", word="npz", written=(".npz",), several=True),
    Format(name="Zarr", endings=(".zarr",), module="zarr_store", word="zarr", written=(".zarr",), several=True),
    Format(name="DigitalMicrograph", endings=(".dm3", ".dm4"), module="microscope", word="microscope", several=True),
    Format(name="TIA", endings=(".ser", ".emi"), module="microscope", word="microscope", several=True),
    Format(name="EMD", endings=(".emd",), module="microscope", word="microscope", several=True),
)  # fmt: skip


def open_stored(path: Path | str, array: str | None = None) -> StoredArray:
    """What a file, a folder of frames, or a pattern holds: an image, a movie or a volume, not read yet.

    Parameters
    ----------
    path : Path or str
    array : str or None
        Name of the array where the file holds several.

    Raises
    ------
    InputError
        Where the file is missing, of no known format, damaged, or holds several arrays and none is named.
    """
    path = Path(path)
    if is_pattern(path) or (path.is_dir() and not is_zarr(path)):
        endings = [ending for form in FORMATS if form.name != "Zarr" for ending in form.endings]
        return open_folder(path, endings, open_stored)
    form, file = format_of(path)
    stored: StoredArray = guarded(path, form.function("open"), file, path, array)
    return stored


def members_of(path: Path) -> list[Member]:
    """The arrays of a file that can hold several; empty for formats that hold one."""
    if is_pattern(path) or (path.is_dir() and not is_zarr(path)):
        return []
    form, file = format_of(path)
    members: list[Member] = guarded(path, form.function("members"), file, path) if form.several else []
    return members


def guarded(path: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result, with whatever a parser may raise on damaged bytes as one input error."""
    try:
        return function(*arguments)
    except AtomotionError:
        raise
    except OSError as error:  # the system refuses: no permission, a broken disk; or a library found no file of its kind
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # headers of six libraries, each of which fails on random bytes in its own ways
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"{path} cannot be read; it is damaged, cut short, or not what its name says ({reason})"
        ) from error


def format_of(path: Path) -> tuple[Format, StoredFile]:
    """The format of an existing file and where its bytes are (for .gz: unpacked when needed).

    Raises
    ------
    InputError
        Where the file is missing or of no known format.
    """
    if not path.exists():
        raise InputError(_missing(path))
    if is_zarr(path):
        return next(form for form in FORMATS if form.name == "Zarr"), path
    ending = path.suffix.lower()
    if ending in _REFUSED:
        raise InputError(f"{path} is a pickle, which can run code when it is read; save the array as .npy or .tif")
    packed = ending == _PACKED
    inner = Path(path.stem).suffix.lower() if packed else ending
    for form in FORMATS:
        if inner in form.endings and form.name != "Zarr" and (form.packed or not packed):
            return form, Unpacked(path) if packed else path
    raise InputError(f"{path} is of no known format; known are {known_endings()}")


def writer_of(path: Path) -> Format:
    """The format in which a file of that name is written.

    Raises
    ------
    InputError
        Where no format of that ending is written.
    """
    for form in FORMATS:
        if path.suffix.lower() in form.written:
            return form
    written = ", ".join(ending for form in FORMATS for ending in form.written)
    raise InputError(f"{path.name} cannot be written: its ending is none of {written}")


def is_zarr(path: Path) -> bool:
    """Whether the folder is a Zarr store."""
    return path.is_dir() and (
        path.suffix.lower() == ".zarr" or any((path / name).exists() for name in ("zarr.json", ".zarray", ".zgroup"))
    )


def known_endings() -> str:
    """All endings that are read, for messages."""
    plain = ", ".join(ending for form in FORMATS for ending in form.endings)
    packed = ", ".join(form.endings[0] + _PACKED for form in FORMATS if form.packed)
    return f"{plain}, {packed}"


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{path} does not exist, and neither does the folder {folder}"
    near = difflib.get_close_matches(path.name, [other.name for other in folder.iterdir()], n=1, cutoff=0.5)
    return f"{path} does not exist" + (f"; did you mean {near[0]}?" if near else "")
