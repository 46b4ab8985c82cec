"""Where a movie is, what is known about it, and how it is to be read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from atomotion.data import parameter

_FACTS = "facts"
_CORRECTIONS = "corrections"
_SELECTION = "selection"


@dataclass(frozen=True, kw_only=True, slots=True)
class MovieSource:
    """A movie file with its facts, corrections and selection.

    A fact given here goes before the file's own; a fact in neither stays unknown. Corrections and selection are applied
    while frames are read, in this order: frame range, dark reference, gain reference, hot pixels, crop, binning.
    """

    path: Path | None = parameter(None, "Movie file, folder of single frames, or pattern such as 'frames/*.tif'.")
    array: str | None = parameter(None, "Name of the array in a file that holds several (npz, zarr, EMD, TIFF series).")

    pixel_size: float | None = parameter(
        None, "Size of a stored pixel, before binning.", unit="Å", low=1e-4, group=_FACTS
    )
    frame_time: float | None = parameter(None, "Time from one frame to the next.", unit="s", low=1e-15, group=_FACTS)
    dose: float | None = parameter(None, "Dose per frame.", unit="e/Å²", low=0.0, group=_FACTS)
    units_per_electron: float | None = parameter(
        None, "Stored intensity that one electron makes on average.", low=1e-9, group=_FACTS
    )
    contrast: Literal["dark", "bright"] | None = parameter(None, "How atoms look in the stored values.", group=_FACTS)
    voltage: float | None = parameter(None, "Acceleration voltage.", unit="V", low=1e3, group=_FACTS)
    cs: float | None = parameter(None, "Spherical aberration.", unit="Å", group=_FACTS)
    defocus: float | None = parameter(None, "Defocus, positive is underfocus.", unit="Å", group=_FACTS)
    detector: str | None = parameter(None, "Name of the detector.", group=_FACTS)

    dark: Path | None = parameter(None, "Dark reference, subtracted from every frame.", group=_CORRECTIONS)
    gain: Path | None = parameter(
        None, "Gain reference, multiplied with every frame after the dark reference.", group=_CORRECTIONS
    )
    hot_pixels: float | None = parameter(
        None,
        "A pixel whose time-mean lies this many robust standard deviations above its neighbours is replaced by "
        "their median in every frame.",
        low=1.0,
        group=_CORRECTIONS,
    )

    first: int | None = parameter(None, "First frame that is read, counted from 0.", low=0, group=_SELECTION)
    last: int | None = parameter(None, "Frame before which reading ends.", low=1, group=_SELECTION)
    crop: str | None = parameter(
        None, "Part of the frame as x0:x1,y0:y1 in stored pixels, ends not included.", group=_SELECTION
    )
    bin: int | None = parameter(
        None,
        "Side of the square of pixels that are summed into one; multiplies the pixel size.",
        low=1,
        group=_SELECTION,
    )


def with_paths(source: MovieSource, place: Callable[[Path], Path]) -> MovieSource:
    """The source with each of its paths (movie, dark and gain reference) replaced by ``place(path)``."""
    return replace(
        source,
        path=place(source.path) if source.path is not None else None,
        dark=place(source.dark) if source.dark is not None else None,
        gain=place(source.gain) if source.gain is not None else None,
    )
