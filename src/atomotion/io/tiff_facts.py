"""What a TIFF file knows beside its values: ImageJ's tags, OME's XML, resolution tags, and our own line of facts."""

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import tifffile

from atomotion.data import InputError
from atomotion.io.facts import from_keys, from_text, kind_of, length_in_angstrom, time_in_seconds
from atomotion.io.stored import UNKNOWN_SIZES, AxisSizes, Kind

_ANGSTROM_PER_UNIT = {2: 2.54e8, 3: 1e8}  # ResolutionUnit: inch, centimetre
_LARGEST_PIXEL = 1e4  # Å; resolution tags that say more than 1 µm are meant for printers
_NOT_A_LENGTH = ("", "pixel", "pixels", "px")


@dataclass(frozen=True, kw_only=True, slots=True)
class TiffFacts:
    """Kind (None: not said), pixel sizes [Å], facts and warnings of a TIFF file."""

    kind: Kind | None = None
    sizes: AxisSizes = UNKNOWN_SIZES
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_facts(tif: tifffile.TiffFile, source: str) -> TiffFacts:
    """The facts of an open TIFF file, from the first of ImageJ, OME and plain tags that it has."""
    if tif.is_imagej:
        return _imagej(tif, source)
    if tif.is_ome:
        return _ome(tif, source)
    described = tif.pages[0].shaped_description or ""
    keys: Mapping[str, Any] = json.loads(described) if described.startswith("{") else {}
    facts, sizes = from_keys(keys, source)
    y, x = _printed_sizes(tif)
    return TiffFacts(kind=kind_of(keys), sizes=sizes if sizes != UNKNOWN_SIZES else (None, y, x), facts=facts)


def _imagej(tif: tifffile.TiffFile, source: str) -> TiffFacts:
    known = tif.imagej_metadata or {}
    kind, facts = from_text(str(known.get("Info", "")), source)
    unit = _text(known.get("unit", ""))
    units = (_text(known.get("zunit", unit)), _text(known.get("yunit", unit)), unit)
    per_pixel = (known.get("spacing"), _inverse(_resolution(tif, 283)), _inverse(_resolution(tif, 282)))
    z, y, x = (_rounded(length_in_angstrom(value, word)) for value, word in zip(per_pixel, units, strict=True))
    warnings: tuple[str, ...] = ()
    if x is None and unit.strip().lower() not in _NOT_A_LENGTH:
        warnings = (f"{source} gives its pixel size in {unit!r}, which is no length that is known; it is left out",)
    interval = time_in_seconds(known.get("finterval"), _text(known.get("tunit", "s")))
    if interval is not None:
        facts["frame_time"] = interval
    return TiffFacts(kind=kind, sizes=(z, y, x), facts=facts, warnings=warnings)


def _ome(tif: tifffile.TiffFile, source: str) -> TiffFacts:
    try:
        pixels = ElementTree.fromstring(tif.ome_metadata or "").find(".//{*}Pixels")
    except ElementTree.ParseError as error:
        raise InputError(f"{source} says that it is OME-TIFF, but its XML cannot be read: {error}") from error
    if pixels is None:
        return TiffFacts()
    z, y, x = (
        _rounded(length_in_angstrom(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "um")))
        for axis in "ZYX"
    )
    interval = time_in_seconds(pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"))
    kind: Kind | None = "volume" if int(pixels.get("SizeZ", 1)) > 1 else None
    return TiffFacts(kind=kind, sizes=(z, y, x), facts={} if interval is None else {"frame_time": interval})


def _printed_sizes(tif: tifffile.TiffFile) -> tuple[float | None, float | None]:
    """(y, x) [Å] from the resolution tags, where they speak of a microscope and not of a printer."""
    tag = tif.pages[0].tags.get(296)
    unit = _ANGSTROM_PER_UNIT.get(int(tag.value)) if tag is not None else None
    lengths = [_inverse(_resolution(tif, number)) for number in (283, 282)]
    if unit is None or None in lengths:
        return None, None
    y, x = (length * unit for length in lengths if length is not None)
    return (_rounded(y), _rounded(x)) if max(y, x) <= _LARGEST_PIXEL else (None, None)


def _resolution(tif: tifffile.TiffFile, number: int) -> float | None:
    tag = tif.pages[0].tags.get(number)
    try:
        count, per = tag.value
        return float(count) / float(per)
    except (AttributeError, TypeError, ValueError, ZeroDivisionError):
        return None


def _inverse(value: float | None) -> float | None:
    return 1.0 / value if value else None


def _rounded(value: float | None) -> float | None:
    # rationals of 32-bit integers: 8 digits are all there are, and 0.358 stays 0.358
    return None if value is None else float(f"{value:.8g}")


def _text(value: Any) -> str:
    r"""ImageJ writes µ as \u00B5."""
    text = str(value)
    return codecs.decode(text, "unicode_escape") if "\\u" in text else text
