"""Places of particles that the user marked: EMAN .box files, or a table."""

from pathlib import Path

import numpy as np
import pandas as pd

from atomotion.data import InputError

_BOX_COLUMNS = 4


def read_start_boxes(path: Path | str, pixel_size: float) -> list[tuple[float, float, int]]:
    """Centres and frames of marked particles: (x [Å], y [Å], frame) each, from the centre of the first pixel.

    Parameters
    ----------
    path : Path or str
        ``.box`` of EMAN: in every line x and y of the first pixel, width and height [px]; more numbers are passed over.
        ``.csv``: columns ``x_px`` and ``y_px``, or ``x_A`` and ``y_A``, the centre; ``frame`` if it is not the first.
    pixel_size : float [Å]

    Raises
    ------
    InputError
        Where the file is missing or of another form, or no place is in it.
    """
    path = Path(path)
    try:
        places = _from_box(path, pixel_size) if path.suffix.lower() == ".box" else _from_table(path, pixel_size)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} holds no places of particles ({error}); give an EMAN .box file, or a CSV with x_px, y_px"
        ) from error
    if not places:
        raise InputError(f"{path} is empty; it should have a line for each particle")
    return places


def _from_box(path: Path, pixel_size: float) -> list[tuple[float, float, int]]:
    places = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        if len(words) < _BOX_COLUMNS:
            raise ValueError(f"line {number} has {len(words)} numbers, not x y width height")
        x, y, width, height = (float(word) for word in words[:_BOX_COLUMNS])
        places.append(((x + width // 2) * pixel_size, (y + height // 2) * pixel_size, 0))
    return places


def _from_table(path: Path, pixel_size: float) -> list[tuple[float, float, int]]:
    table = pd.read_csv(path)
    if {"x_px", "y_px"} <= set(table.columns):
        centres = table[["x_px", "y_px"]].to_numpy(float) * pixel_size
    elif {"x_A", "y_A"} <= set(table.columns):
        centres = table[["x_A", "y_A"]].to_numpy(float)
    else:
        raise ValueError(f"its columns are {', '.join(map(str, table.columns))}")
    if not np.isfinite(centres).all():
        raise ValueError("a place is not finite")
    frames = table["frame"].to_numpy(int) if "frame" in table else np.zeros(len(table), dtype=int)
    return [(float(x), float(y), int(frame)) for (x, y), frame in zip(centres, frames, strict=True)]
