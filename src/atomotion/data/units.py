"""Values with units: `0.358A`, `2.5ms`, `300kV`, `2px`, each turned into the canonical unit."""

import math
import re

from atomotion.data.errors import UsageError

_FAMILIES: dict[str, dict[str, float]] = {
    "Å": {
        "Å": 1.0, "A": 1.0, "Angstrom": 1.0, "angstrom": 1.0, "ang": 1.0, "pm": 1e-2, "nm": 10.0,
        "um": 1e4, "µm": 1e4, "mm": 1e7, "cm": 1e8, "m": 1e10,
    },
    "s": {
        "s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "ps": 1e-12, "fs": 1e-15,
        "min": 60.0, "h": 3600.0,
    },
    "V": {"V": 1.0, "kV": 1e3},
    "eV": {"eV": 1.0, "meV": 1e-3, "keV": 1e3},
    "K": {"K": 1.0},
    "px": {"px": 1.0, "pixel": 1.0, "pixels": 1.0},
    "frames": {"frames": 1.0, "frame": 1.0, "fr": 1.0},
    "deg": {"deg": 1.0, "°": 1.0, "rad": 180.0 / math.pi, "mrad": 0.18 / math.pi},
    "e/Å²": {"e/Å²": 1.0, "e/Å2": 1.0, "e/A2": 1.0, "e/A^2": 1.0, "e/nm2": 1e-2},
    "B": {"B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "MiB": 2.0**20, "GiB": 2.0**30},
}  # fmt: skip
_QUANTITY = re.compile(r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)\s*$")
# files write the Greek letter mu for the micro sign, and the Angstrom sign for the letter
_SPELLINGS = str.maketrans({"\u03bc": "\u00b5", "\u212b": "\u00c5"})


def to_canonical(value: float, unit: str, canonical: str) -> float:
    """`value` in `unit`, expressed in the canonical unit of its family (Å, s, V, eV, K, px, deg, e/Å², B).

    Raises
    ------
    UsageError
        Where `unit` does not belong to the family of `canonical`.
    """
    family = _FAMILIES[canonical]
    unit = unit.translate(_SPELLINGS)
    if unit not in family:
        raise UsageError(f"unit {unit!r} is not one of {', '.join(family)}")
    return value * family[unit]


def parse_quantity(text: str | float, canonical: str) -> float:
    """The number in ``text`` (a plain number, or one with a unit), in the unit `canonical`.

    Raises
    ------
    UsageError
        Where the text is no number, or its unit is of another kind.
    """
    if isinstance(text, (int, float)):
        return float(text)
    match = _QUANTITY.match(text)
    if match is None:
        raise UsageError(f"{text!r} is not a number with a unit such as 1{canonical}")
    value, unit = match.groups()
    return to_canonical(float(value), unit, canonical) if unit else float(value)
