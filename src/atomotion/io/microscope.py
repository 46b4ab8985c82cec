"""Files of microscope programs, through rosettasciio: DM3, DM4, SER with EMI, and EMD (Velox and Berkeley)."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError
from atomotion.io.contiguous import ContiguousFrames
from atomotion.io.facts import length_in_angstrom, time_in_seconds
from atomotion.io.lazy_frames import LazyFrames
from atomotion.io.stored import Kind, Member, StoredArray, choose_member, frame_shape_of, real_dtype
from atomotion.io.unpacked import StoredFile

_READERS = {".dm3": "digitalmicrograph", ".dm4": "digitalmicrograph", ".ser": "tia", ".emi": "tia", ".emd": "emd"}
_FORMATS = {"digitalmicrograph": "DigitalMicrograph", "tia": "TIA", "emd": "EMD"}
_ELECTRONS = ("e", "e-", "electron", "electrons")
_NO_UNIT = ("", "px", "pixel", "pixels")


class MicroscopeFrames(LazyFrames):
    """Frames that rosettasciio reads piece by piece (dask); the file is opened anew in another process.

    Parameters
    ----------
    path : Path
    number : int
        Which array of the file.
    array : dask array
        That array, (t, y, x) or (y, x).
    """

    def __init__(self, path: Path, number: int, array: Any) -> None:
        super().__init__(frame_shape_of(array.shape, str(path)), real_dtype(array.dtype, str(path)))
        self.path, self.number = path, number
        self._array = array

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_array": None}

    def _read(self, frames: range, y: slice, x: slice) -> NDArray[Any]:
        try:
            if self._array is None:
                self._array = _load(self.path)[self.number]["data"]
            stack = self._array[None] if self._array.ndim == 2 else self._array
            block = stack[slice(frames.start, frames.stop, frames.step), y, x].compute(scheduler="synchronous")
        except MemoryError:
            raise
        except Exception as error:  # as at opening: the library fails on random bytes in its own ways
            raise InputError(f"{self.path} is damaged or cut short: {error}") from error
        return np.asarray(block, dtype=self.dtype)


def open_microscope(file: StoredFile, path: Path, array: str | None) -> StoredArray:
    """One array of the file, with pixel sizes, frame time and voltage as far as the file has them."""
    found = _load(path)
    members = _members(found)
    chosen = choose_member(members, array, str(path))
    number = next(number for number, member in enumerate(members) if member is chosen)
    signal = found[number]
    axes = signal["axes"]
    warnings = [
        f"axis {axis.get('name') or number} of {path.name} is in {axis['units']}, not a length"
        for number, axis in enumerate(axes[-2:])
        if _unit(axis) not in _NO_UNIT and _length(axis) is None
    ]
    facts, depth = _facts(signal), None
    kind: Kind = "image"
    if len(axes) == 3:
        depth, interval = _length(axes[0]), time_in_seconds(axes[0].get("scale"), _unit(axes[0]))
        kind = "movie" if depth is None else "volume"
        if interval is not None:
            facts["frame_time"] = _rounded(interval)
    return StoredArray(
        frames=_frames(path, number, signal),
        kind=kind,
        source=str(path),
        format=_FORMATS[_READERS[path.suffix.lower()]],
        pixel_sizes=(depth, _length(axes[-2]), _length(axes[-1])),
        facts=facts,
        metadata={"array": chosen.name} if len(members) > 1 else {},
        warnings=tuple(warnings),
    )


def members_microscope(file: StoredFile, path: Path) -> list[Member]:
    """Every array of the file with its shape and type."""
    return _members(_load(path))


def _load(path: Path) -> Sequence[Mapping[str, Any]]:
    """What rosettasciio finds in the file, with lazy arrays."""
    room = _READERS[path.suffix.lower()]
    try:
        reader = import_module(f"rsciio.{room}")
        import_module("dask.array")
        if room == "emd":
            import_module("h5py")
    except ImportError as error:
        raise InputError(f"reading {path} needs {error.name}: pip install 'atomotion[formats]'") from error
    found = reader.file_reader(str(path), lazy=True)
    if not found:
        raise InputError(f"{path} holds no image")
    return [_time_first(signal) for signal in found]


def _time_first(signal: Mapping[str, Any]) -> Mapping[str, Any]:
    """The signal with its frames along the first axis.

    Berkeley's EMD does not fix the order of axes; rosettasciio turns all of them around, which is wrong for files
    written as (t, y, x): there the unit of time then stands at the last axis.
    """
    axes = signal["axes"]
    if len(axes) != 3 or time_in_seconds(axes[2].get("scale"), _unit(axes[2])) is None:
        return signal
    return {**signal, "data": signal["data"].transpose(), "axes": axes[::-1]}


def _members(found: Sequence[Mapping[str, Any]]) -> list[Member]:
    members: list[Member] = []
    for number, signal in enumerate(found):
        title = str(signal["metadata"].get("General", {}).get("title") or number)
        if title in {member.name for member in members}:
            title = f"{title} #{number}"
        members.append(Member(title, tuple(map(int, signal["data"].shape)), str(signal["data"].dtype)))
    return members


def _frames(path: Path, number: int, signal: Mapping[str, Any]) -> Frames:
    """DigitalMicrograph's images lie in one piece and are read in place, without dask; other files through it."""
    array = signal["data"]
    if _READERS[path.suffix.lower()] == "digitalmicrograph" and not signal["metadata"]["Signal"]["signal_type"]:
        image = signal["original_metadata"]["ImageList"]["TagGroup0"]["ImageData"]
        stored, sides = image["Data"], tuple(image["Dimensions"].values())[::-1]
        if sides == array.shape and stored["size_bytes"] == array.size * array.dtype.itemsize:
            dtype = real_dtype(array.dtype, str(path)).newbyteorder(stored["endian"])
            return ContiguousFrames(
                path, int(stored["offset"]), frame_shape_of(sides, str(path)), dtype, name=str(path)
            )
    return MicroscopeFrames(path, number, array)


def _facts(signal: Mapping[str, Any]) -> dict[str, Any]:
    """Voltage and counts per electron, as far as they are said."""
    facts: dict[str, Any] = {}
    microscope = signal["metadata"].get("Acquisition_instrument", {}).get("TEM", {})
    energy = microscope.get("beam_energy")
    if energy:
        facts["voltage"] = float(energy) * 1e3
    image = signal["original_metadata"].get("ImageList", {}).get("TagGroup0", {}).get("ImageData", {})
    brightness = image.get("Calibrations", {}).get("Brightness", {})
    # DigitalMicrograph: electrons = scale (value - origin); only without an origin are they proportional
    if brightness.get("Units") in _ELECTRONS and brightness.get("Scale", 0) > 0 and not brightness.get("Origin"):
        facts["units_per_electron"] = _rounded(1.0 / float(brightness["Scale"]))
    return facts


def _unit(axis: Mapping[str, Any]) -> str:
    unit = axis.get("units")
    return unit if isinstance(unit, str) else ""


def _length(axis: Mapping[str, Any]) -> float | None:
    length = length_in_angstrom(axis.get("scale"), _unit(axis))
    return None if length is None else _rounded(length)


def _rounded(value: float) -> float:
    return float(f"{value:.7g}")  # scales are 32-bit floats in these files
