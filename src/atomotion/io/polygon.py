"""Polygons: read from JSON and from Fiji's .roi and .zip, written as JSON, and carried over to a binned movie."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import InputError, Movie
from atomotion.data.polygon import Polygon

_KEYS = ("polygon", "polygon_xy")
_AREA_TYPES = ("POLYGON", "RECT", "OVAL", "FREEHAND", "TRACED")
_SCALE_WITHIN = 1e-3
_OVAL_CORNERS = 64
_OUTSIDE_PX = 1.0  # a hand-drawn corner may lie this far beyond the edge and is put onto it


def read_polygon(path: Path | str) -> Polygon:
    """The polygon in a JSON file, or the selection in a .roi or .zip file of Fiji.

    JSON: ``{"polygon": [[x, y], ...], "shape": [y, x], "pixel_size_A": 0.358}``, of which the last two may be missing
    (``polygon_xy`` is read as well); pixel centres are whole numbers. Fiji counts from the corner of the first pixel,
    so half a pixel is taken off; polygons, rectangles, freehand and traced selections are read as they are, ovals as
    64 corners.

    Raises
    ------
    InputError
        Where the file is missing, holds no closed selection or several, or the outline has no area.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if path.suffix.lower() in (".roi", ".zip"):
        return Polygon(points=_outline(_fiji_points(path), path))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{path} is neither JSON nor a .roi or .zip file of Fiji: {error}") from error
    key = next((key for key in _KEYS if isinstance(content, dict) and key in content), None)
    if key is None:
        raise InputError(f'{path} has no key "polygon"; a polygon is {{"polygon": [[x, y], ...]}} in pixels')
    return Polygon(
        points=_outline(content[key], path),
        shape=_shape(content.get("shape"), path),
        pixel_size=_pixel_size(content.get("pixel_size_A"), path),
    )


def write_polygon(path: Path | str, polygon: Polygon) -> None:
    """Write the polygon as JSON; see `read_polygon`."""
    path = Path(path)
    content: dict[str, Any] = {"polygon": np.asarray(polygon.points, dtype=float).tolist()}
    if polygon.shape is not None:
        content["shape"] = list(polygon.shape)
    if polygon.pixel_size is not None:
        content["pixel_size_A"] = polygon.pixel_size
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content) + "\n", encoding="utf-8")
    partial.replace(path)


def fit_polygon(polygon: Polygon, movie: Movie) -> Polygon:
    """The polygon in the pixels of `movie`: rescaled where it was drawn on frames of another binning.

    With pixel centres at whole numbers, a binning by b takes x to (x + 0.5) / b - 0.5. b is the ratio of the pixel
    sizes, or, where one of them is not known, that of the frame shapes; what is known of both must agree.

    Raises
    ------
    InputError
        Where shape or pixel size contradict a mere binning, or the polygon leaves the frame by more than a pixel.
    """
    scale = _scale(polygon, movie)
    points = (polygon.points + 0.5) / scale - 0.5
    height, width = movie.frame_shape
    low, high = np.array([-0.5, -0.5]), np.array([width - 0.5, height - 0.5])
    outside = np.maximum(low - points, points - high).max()
    if outside > _OUTSIDE_PX:
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        raise InputError(
            f"the polygon reaches from x {x0:.1f} to {x1:.1f} and y {y0:.1f} to {y1:.1f}, outside the frames of "
            f"{movie.name} ({width} x {height} pixels)"
        )
    return replace(polygon, points=np.clip(points, low, high), shape=movie.frame_shape, pixel_size=movie.pixel_size)


def _scale(polygon: Polygon, movie: Movie) -> float:
    """How many pixels of the polygon's frame are one of the movie's along each side."""
    scale, sizes = None, ""
    if polygon.pixel_size is not None and movie.pixel_size is not None:
        sizes = f" (pixels of {polygon.pixel_size:g} Å and {movie.pixel_size:g} Å)"
        scale = movie.pixel_size / polygon.pixel_size
        scale = 1.0 if abs(scale - 1) < _SCALE_WITHIN else scale
    if polygon.shape is None:
        return 1.0 if scale is None else scale
    drawn, present = polygon.shape, movie.frame_shape
    if scale is None:
        scale = _binning(drawn, present)
    elif not all(_binned_to(have, want, scale) for have, want in zip(drawn, present)):
        scale = None
    if scale is None:
        raise InputError(
            f"the polygon was drawn on frames of {drawn[1]} x {drawn[0]} pixels, which no binning takes to the "
            f"{present[1]} x {present[0]} pixels of {movie.name}{sizes}; draw it anew"
        )
    return scale


def _binning(drawn: tuple[int, int], present: tuple[int, int]) -> float | None:
    """The whole number by which one frame shape is binned to the other, or one over it; None where there is none."""
    if drawn == present:
        return 1.0
    for large, small, invert in ((drawn, present, False), (present, drawn, True)):
        for side in range(2, large[0] // small[0] + 2):
            if (large[0] // side, large[1] // side) == small:
                return 1.0 / side if invert else float(side)
    return None


def _binned_to(drawn: int, present: int, scale: float) -> bool:
    """Whether `present` pixels are what is left of `drawn` ones, where an unfilled last pixel may be missing."""
    more, less, factor = (drawn, present, scale) if scale >= 1 else (present, drawn, 1 / scale)
    return -_SCALE_WITHIN * less < more / factor - less < 1


def _outline(points: Any, path: Path) -> NDArray[np.floating]:
    try:
        outline = np.asarray(points, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"the polygon in {path} is not a list of [x, y]: {error}") from error
    if outline.ndim != 2 or outline.shape[1] != 2 or not np.isfinite(outline).all():
        raise InputError(f"the polygon in {path} is not a list of [x, y] numbers (its shape is {outline.shape})")
    if len(outline) > 1 and (outline[0] == outline[-1]).all():
        outline = outline[:-1]
    if len(outline) < 3 or abs(_area(outline)) == 0:
        raise InputError(f"the polygon in {path} has {len(outline)} corners and no area; at least 3 are needed")
    return outline


def _area(outline: NDArray[np.floating]) -> float:
    x, y = (outline - outline[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _shape(value: Any, path: Path) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(side, int) and side > 0 for side in value):
        raise InputError(f"shape in {path} is {value!r}; it is [y, x] in pixels")
    return value[0], value[1]


def _pixel_size(value: Any, path: Path) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0 < value < np.inf:
        raise InputError(f"pixel_size_A in {path} is {value!r}; it is a positive number")
    return float(value)


def _fiji_points(path: Path) -> NDArray[np.floating]:
    import roifile  # only here: most polygons are JSON

    try:
        found = roifile.ImagejRoi.fromfile(path)
    except (ValueError, OSError, zipfile.BadZipFile, IndexError, TypeError) as error:
        raise InputError(f"{path} is no selection of Fiji, or was cut short: {error}") from error
    selections = found if isinstance(found, list) else [found]
    if len(selections) != 1:
        names = ", ".join(str(selection.name) for selection in selections)
        raise InputError(f"{path} holds {len(selections)} selections ({names}); save the one that is meant")
    selection = selections[0]
    kind = roifile.ROI_TYPE(selection.roitype).name
    if kind not in _AREA_TYPES or selection.composite:
        raise InputError(f"{path} is a {kind.lower()} selection; draw a polygon, rectangle, oval or freehand area")
    # area selections of ImageJ count from the corner of the first pixel, we from its centre
    if kind not in ("RECT", "OVAL"):
        return np.asarray(selection.coordinates(), dtype=float) - 0.5
    x0, y0, x1, y1 = selection.left, selection.top, selection.right, selection.bottom
    if selection.subpixelrect:
        x0, y0 = selection.xd, selection.yd
        x1, y1 = x0 + selection.widthd, y0 + selection.heightd
    if kind == "RECT":
        return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float) - 0.5
    angle = np.linspace(0, 2 * np.pi, _OVAL_CORNERS, endpoint=False)
    half = np.array([x1 - x0, y1 - y0]) / 2
    return np.array([x0, y0]) + half * (1 + np.stack([np.cos(angle), np.sin(angle)], axis=1)) - 0.5
