"""The facts of a movie as keys with units, the form in which files carry them: ``pixel_size_A``, ``frame_time_s``."""

import json
import math
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from atomotion.data import Contrast, InputError, Movie, UsageError, to_canonical
from atomotion.io.stored import UNKNOWN_SIZES, AxisSizes, Kind

#: Name of every fact, with its unit where it is a number with one, or "text".
FACTS: dict[str, str] = {
    "pixel_size": "Å",
    "frame_time": "s",
    "times": "s",
    "dose": "e/Å²",
    "units_per_electron": "",
    "contrast": "text",
    "voltage": "V",
    "cs": "Å",
    "defocus": "Å",
    "detector": "text",
    "processing": "text",
    "corrections": "text",
}
#: Facts that live in `Movie.metadata`: what was computed on the frames (nothing: raw), and how they were read.
METADATA_FACTS = ("processing", "corrections")
_KEY_UNITS = {"Å": "A", "s": "s", "e/Å²": "e_A2", "V": "V"}
_UNITS_IN_KEYS = {"e_A2": "e/A2", "e_nm2": "e/nm2"}
_SIZES_KEY = "pixel_sizes_zyx_A"
_SIGNED = ("cs", "defocus", "dose", "times")


def facts_of(movie: Movie, **changes: Any) -> dict[str, Any]:
    """Every known fact of a movie by name, for the writer; `changes` replace or add some (``processing="..."``)."""
    known = {name: getattr(movie, name) for name in FACTS if name not in METADATA_FACTS}
    known |= {name: movie.metadata.get(name) for name in METADATA_FACTS}
    return {name: value for name, value in (known | changes).items() if value is not None}


def to_keys(facts: Mapping[str, Any], sizes: AxisSizes = UNKNOWN_SIZES) -> dict[str, Any]:
    """The facts by key with unit, as plain numbers, words and lists.

    Square pixels are `pixel_size_A`; other ones, and voxels, are `pixel_sizes_zyx_A` with 0 for what is unknown.
    """
    keys: dict[str, Any] = {}
    for name, value in facts.items():
        unit = _KEY_UNITS.get(FACTS[name])
        key = f"{name}_{unit}" if unit else name
        if name == "times":
            keys[key] = np.asarray(value, dtype=float).tolist()
        else:
            keys[key] = str(value) if FACTS[name] == "text" else float(value)
    z, y, x = sizes
    if z is None and y is not None and y == x:
        keys["pixel_size_A"] = y
    elif sizes != UNKNOWN_SIZES:
        keys[_SIZES_KEY] = [size or 0.0 for size in sizes]
    return keys


def from_keys(keys: Mapping[str, Any], source: str) -> tuple[dict[str, Any], AxisSizes]:
    """The facts among `keys` in canonical units, and the pixel sizes along z, y, x [Å].

    A number's key is ``<fact>_<unit>`` with any unit of its kind (``pixel_size_nm``, ``frame_time_ms``,
    ``voltage_kV``); one without a unit could mean anything and is not read. Other keys are left alone.

    Raises
    ------
    InputError
        Where a fact's value is not of its kind.
    """
    facts: dict[str, Any] = {}
    for key, value in keys.items():
        named = _fact_in(key)
        if named is not None:
            name, scale = named
            facts[name] = _value(name, value, scale, f"{key} in {source}")
    size = facts.pop("pixel_size", None)
    if _SIZES_KEY not in keys:
        return facts, (None, size, size)
    given = np.asarray(keys[_SIZES_KEY], dtype=float)
    if given.shape != (3,):
        raise InputError(f"{_SIZES_KEY} in {source} is {given.tolist()}, not three numbers")
    z, y, x = (float(each) if each > 0 else None for each in given)
    return facts, (z, y, x)


def is_fact(key: str) -> bool:
    """Whether the key is one that `from_keys` reads."""
    return key == _SIZES_KEY or _fact_in(key) is not None


def _fact_in(key: str) -> tuple[str, float] | None:
    """The fact that `key` names, and the factor to its canonical unit."""
    if FACTS.get(key) in ("", "text"):
        return key, 1.0
    for name, unit in FACTS.items():
        if unit in ("", "text") or not key.startswith(name + "_"):
            continue
        ending = key[len(name) + 1 :]
        try:
            return name, to_canonical(1.0, _UNITS_IN_KEYS.get(ending, ending), unit)
        except UsageError:
            return None
    return None


def _value(name: str, value: Any, scale: float, place: str) -> Any:
    value = np.asarray(value)
    if FACTS[name] == "text":
        text = str(value.item()) if value.ndim == 0 else str(value)
        if name == "contrast" and text not in get_args(Contrast):
            raise InputError(f"{place} is {text!r}; it is one of {', '.join(get_args(Contrast))}")
        return text
    if value.dtype.kind not in "iuf" or value.ndim != (name == "times"):
        raise InputError(f"{place} is {value.tolist()!r}, not a number")
    if name == "times":
        return value.astype(float) * scale
    number = float(value) * scale
    if not math.isfinite(number) or (number <= 0 and name not in _SIGNED):
        raise InputError(f"{place} is {number:g}; it must be a positive number")
    return number


def to_text(kind: Kind, facts: Mapping[str, Any]) -> str:
    """One line of JSON with the kind of an array and its facts, for formats that have room for text."""
    return json.dumps({"atomotion": kind, **to_keys(facts)})


def from_text(text: str, source: str) -> tuple[Kind | None, dict[str, Any]]:
    """Kind and facts out of a text that holds the line of `to_text` somewhere; nothing where it does not."""
    start = text.find('{"atomotion"')
    if start < 0:
        return None, {}
    try:
        keys, _ = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return None, {}
    facts, _ = from_keys(keys, source)
    return kind_of(keys), facts


def kind_of(keys: Mapping[str, Any]) -> Kind | None:
    """The kind that this program noted in a file; None where it did not."""
    return keys["atomotion"] if keys.get("atomotion") in get_args(Kind) else None


def length_in_angstrom(value: Any, unit: str) -> float | None:
    """A file's length in Å; None where it is not a positive number or the unit is no length that we know."""
    return _in_unit(value, _LENGTH_WORDS.get(unit.strip().lower(), unit.strip()), "Å")


def time_in_seconds(value: Any, unit: str) -> float | None:
    """A file's time in s; None where it is not a positive number or the unit is no time that we know."""
    return _in_unit(value, _TIME_WORDS.get(unit.strip().lower(), unit.strip()), "s")


_LENGTH_WORDS = {
    "angstrom": "Å", "angstroms": "Å", "ångström": "Å", "ångstroms": "Å", "picometer": "pm", "nanometer": "nm",
    "nanometers": "nm", "micron": "um", "microns": "um", "micrometer": "um",
}  # fmt: skip
_TIME_WORDS = {"seconds": "s", "second": "s", "msec": "ms", "usec": "us", "minute": "min", "minutes": "min"}


def _in_unit(value: Any, unit: str, canonical: str) -> float | None:
    try:
        number = to_canonical(float(value), unit, canonical)
    except (UsageError, TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None
