"""The boxes of one time window of a particle's series, as the reconstruction wants them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, ParticleSeries
from atomotion.frames.diameter import size_curve, size_evidence
from atomotion.frames.maps import box_maps
from atomotion.io.config import MovieSource
from atomotion.stages.frames import series_times

_ROOM = 6.0  # Å of box that are kept around the particle on each side


@dataclass(frozen=True, kw_only=True, slots=True)
class Boxes:
    """The boxes of one window, cut to what the reconstruction needs.

    Parameters
    ----------
    images : (n, y, x)
    box : (n,) int
        Their numbers in the stack.
    frame : (n,) int
    times : (n,) float [s] or None
    centres : (n, 2) float [Å] or None
        Where their pixels n // 2 lie in the movie.
    facts : mapping
        ``window``, ``frame_start``, ``frame_stop``, ``t0_s``, ``t1_s``.
    diameter : float [Å] or None
        That the window's table states.
    """

    images: NDArray[np.float32]
    box: NDArray[np.intp]
    frame: NDArray[np.integer]
    times: NDArray[np.float64] | None
    centres: NDArray[np.float64] | None
    facts: dict[str, Any]
    diameter: float | None


def read_window(
    series: ParticleSeries, source: MovieSource, windows: Path | None, number: int | None, *, denoised: bool = False
) -> Boxes:
    """The raw (or denoised) boxes of a window; those in which the particle was out of sight are left out.

    Raises
    ------
    InputError
        Where the table has no such window, or no boxes lie in it.
    """
    if denoised and series.raw is series.images:
        raise InputError(f"{source.path} holds raw boxes; denoise them first with: atomotion denoise")
    stack = series.images if denoised or series.raw is None else series.raw
    index = np.asarray(series.frame_index)
    use = np.ones(len(index), dtype=bool)
    table = series.metadata.get("table")
    if table is not None and "bridged" in table:
        use &= ~table["bridged"].to_numpy(bool)
    facts: dict[str, Any] = {"window": None, "frame_start": int(index[0]), "frame_stop": int(index[-1]) + 1}
    diameter = None
    if windows is not None:
        row = _row_of(windows, number)
        facts = {
            "window": int(row["window"]),
            "frame_start": int(row["frame_start"]),
            "frame_stop": int(row["frame_stop"]),
        }
        use &= (index >= facts["frame_start"]) & (index < facts["frame_stop"])
        diameter = float(row["diameter_A"]) if np.isfinite(row.get("diameter_A", np.nan)) else None
    chosen = np.flatnonzero(use)
    if len(chosen) == 0:
        raise InputError(
            f"no boxes of {source.path} lie in frames {facts['frame_start']} to {facts['frame_stop']}; are series and "
            "windows of the same particle?"
        )
    times = series_times(series)
    step = 0.0 if times is None or len(times) < 2 else float(np.median(np.diff(times)))
    facts |= {
        "t0_s": None if times is None else float(times[chosen[0]]),
        "t1_s": None if times is None else float(times[chosen[-1]]) + step,
    }
    return Boxes(
        images=np.stack([np.asarray(stack[int(box)], dtype=np.float32) for box in chosen]),
        box=chosen,
        frame=index[chosen],
        times=None if times is None else times[chosen],
        centres=_box_centres(table, series, chosen),
        facts=facts,
        diameter=diameter,
    )


def _read_windows(windows: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(windows)
        table[["window", "frame_start", "frame_stop"]].astype(int)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{windows} is no table of windows: {error}; make one with: atomotion frames") from error
    if table.empty:
        raise InputError(f"{windows} has no window; the particle was not in sight long enough, or shows no lattice")
    return table


def numbers_of_windows(windows: Path) -> list[int]:
    """The numbers of the windows of a ``windows.csv``."""
    return [int(each) for each in _read_windows(windows)["window"]]


def _row_of(windows: Path, number: int | None) -> pd.Series:
    table = _read_windows(windows)
    known = [int(each) for each in table["window"]]
    if number is None and len(known) == 1:
        number = known[0]
    if number not in known:
        raise InputError(f"{windows} has the windows {', '.join(map(str, known))}, not {number}; pass --window")
    row: pd.Series = table[table["window"] == number].iloc[0]
    return row


def _box_centres(
    table: pd.DataFrame | None, series: ParticleSeries, chosen: NDArray[np.intp]
) -> NDArray[np.float64] | None:
    if table is None or not {"box_x_px", "box_y_px"} <= set(table.columns) or series.pixel_size is None:
        return None
    middle = np.array([int(series.images.shape[2]) // 2, int(series.images.shape[1]) // 2])
    corners = table[["box_x_px", "box_y_px"]].to_numpy(float)[chosen]
    return np.asarray((corners + middle) * series.pixel_size)


def measured_diameter(images: Frames, pixel_size: float) -> float:
    """The particle's diameter [Å] from the energy of its lattice in all boxes together."""
    count = int(images.shape[0])
    evidence = size_evidence(box_maps(images, pixel_size=pixel_size))
    curve = size_curve(evidence, count=count, window=count, block=min(25, count))
    return float(np.median(curve.diameter))


def cropped(boxes: Frames, diameter: float, pixel_size: float) -> NDArray[np.float32]:
    """The middle of the boxes, with some room around the particle; pixel n // 2 stays pixel n // 2."""
    half = int(np.ceil((0.5 * diameter + _ROOM) / pixel_size))
    sides = [slice(max(n // 2 - half, 0), min(n // 2 + half, n)) for n in (int(each) for each in boxes.shape[1:])]
    return np.asarray(boxes[:, sides[0], sides[1]], dtype=np.float32)
