"""The boxes of one particle on disk: a stack, the table of its centres, and what lies beside it.

``particle_01.mrcs`` holds the boxes, ``particle_01.csv`` one row for each (``frame``, ``time_s``, ``x_A``, ``y_A`` and
whatever else is known of it), ``particle_01_raw.mrcs`` the same boxes out of the raw movie, and
``particle_01_background.mrcs`` boxes of what is around.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import InputError, Movie, ParticleSeries, from_mapping
from atomotion.io.config import MovieSource
from atomotion.io.facts import facts_of
from atomotion.io.movie import open_movie
from atomotion.io.writer import write_movie

if TYPE_CHECKING:
    import pandas as pd

_FACTS = (
    "pixel_size", "frame_time", "times", "dose", "units_per_electron", "contrast", "voltage", "cs", "defocus",
    "detector", "metadata",
)  # fmt: skip
_RAW, _BACKGROUND = "_raw", "_background"


def series_file(path: Path | str, what: str = "") -> Path:
    """The file beside a series: ``"raw"``, ``"background"``, ``"csv"``, or its main stack where `what` is empty.

    Any of these files may be named: ``particle_01_raw.mrcs`` belongs to ``particle_01.mrcs``.
    """
    path = Path(path)
    stem = path.stem.removesuffix(_RAW).removesuffix(_BACKGROUND)
    if what == "csv":
        return path.with_name(f"{stem}.csv")
    ending = path.suffix if path.suffix != ".csv" else ".mrcs"
    return path.with_name(f"{stem}_{what}{ending}" if what else f"{stem}{ending}")


def read_series(path: Path | str, **facts: Any) -> ParticleSeries:
    """The boxes of one particle, opened but not read, with their table and the raw boxes where these lie beside them.

    Parameters
    ----------
    path : Path or str
        The stack: ``particle_01.mrcs``, or ``particle_01_raw.mrcs`` for the raw boxes alone.
    facts
        The fields of `MovieSource`; those given here go before the file's own. A range of frames (``first``, ``last``)
        counts boxes.

    Returns
    -------
    ParticleSeries
        Without a table ``frame_index`` is 0, 1, 2, ..., ``centres`` are NaN, and ``times`` is None. With one, the
        file's columns are in ``metadata["table"]`` (pandas). ``images`` of a file that ends in ``_raw`` are its
        ``raw`` too, and so are those of a stack that was never denoised and has no raw one beside it.

    Raises
    ------
    InputError
        Where a file is missing or broken, or the table does not have one row for each box.
    """
    return open_series(from_mapping(MovieSource, {"path": path, **facts}, where=f"the facts of {path}"))


def open_series(source: MovieSource) -> ParticleSeries:
    """The series that `source` describes; see `read_series`."""
    if source.path is None:
        raise InputError("no series is named; give the stack of boxes, for example tracks/particle_01.mrcs")
    movie = open_movie(source)
    table = _read_table(series_file(source.path, "csv"), source)
    raw = _beside(source, movie, _RAW)
    if raw is None and (source.path.stem.endswith(_RAW) or "denoised" not in movie.metadata.get("processing", "")):
        raw = movie
    background = _beside(source, movie, _BACKGROUND)
    count = len(movie)
    index: NDArray[np.integer] = np.arange(count)
    centres: NDArray[np.floating] = np.full((count, 2), np.nan)
    times = movie.times
    metadata = dict(movie.metadata)
    if table is not None:
        if len(table) != count:
            raise InputError(
                f"{series_file(source.path, 'csv')} has {len(table)} rows, but {source.path} has {count} boxes; "
                "they do not belong together"
            )
        index, centres, known = _columns(table, series_file(source.path, "csv"))
        # a frame time that the user gives goes before the table's times
        times = known if source.frame_time is None and known is not None else times
        metadata["table"] = table
    facts = {name: getattr(movie, name) for name in _FACTS} | {"times": times, "metadata": metadata}
    return ParticleSeries(
        images=movie.frames,
        raw=None if raw is None else raw.frames,
        frame_index=index,
        centres=centres,
        background=None if background is None else background.frames,
        **facts,
    )


def write_series(
    path: Path | str,
    series: ParticleSeries,
    *,
    columns: Mapping[str, Any] | None = None,
    raw_processing: str | None = None,
) -> list[Path]:
    """Write a series: the boxes at `path`, and beside it its table, raw boxes and background.

    Parameters
    ----------
    path : Path or str
        ``particle_01.mrcs``.
    series : ParticleSeries
        Raw boxes that are the very same object as the images are not written twice.
    columns : mapping, optional
        More columns of the table, (n,) each, by name with unit.
    raw_processing : str, optional
        What was done to the raw boxes too, such as the removal of graphene. That to the images is in the metadata.

    Returns
    -------
    list of Path
        The files that were written, the stack first.

    Raises
    ------
    InputError
        Where boxes, frame numbers and centres are not equally many.
    """
    import pandas as pd

    path = Path(path)
    count = int(series.images.shape[0])
    stacks = {"raw boxes": series.raw, "background boxes": series.background}
    lengths = {name: int(stack.shape[0]) for name, stack in stacks.items() if stack is not None}
    lengths |= {"frame numbers": len(series.frame_index), "centres": len(series.centres)}
    for name, length in lengths.items():
        if length != count:
            raise InputError(f"a series for {path} has {count} boxes but {length} {name}")
    written = [path]
    _write_stack(path, series, series.images, series.metadata.get("processing"))
    if series.raw is not None and series.raw is not series.images:
        written.append(series_file(path, "raw"))
        _write_stack(written[-1], series, series.raw, raw_processing)
    if series.background is not None:
        written.append(series_file(path, "background"))
        _write_stack(written[-1], series, series.background, raw_processing)
    times = _times(series)
    table = {
        "frame": np.asarray(series.frame_index),
        "time_s": np.full(count, np.nan) if times is None else times,
        "x_A": series.centres[:, 0],
        "y_A": series.centres[:, 1],
        **(columns or {}),
    }
    written.append(series_file(path, "csv"))
    pd.DataFrame(table).to_csv(written[-1], index=False)
    return written


def series_columns() -> tuple[str, ...]:
    """The columns that every table has."""
    return ("frame", "time_s", "x_A", "y_A")


def series_facts(series: ParticleSeries, **changes: Any) -> dict[str, Any]:
    """The facts of a series by name, as `facts_of` gives those of a movie."""
    facts = {name: getattr(series, name) for name in _FACTS if name != "times"}
    return facts_of(Movie(frames=series.images, **facts), **changes)


def _write_stack(path: Path, series: ParticleSeries, frames: Any, processing: str | None) -> None:
    metadata = {name: value for name, value in series.metadata.items() if name != "processing"}
    if processing is not None:
        metadata["processing"] = processing
    facts = {name: getattr(series, name) for name in _FACTS if name not in ("times", "metadata")}
    write_movie(path, Movie(frames=frames, **facts, metadata=metadata))


def _times(series: ParticleSeries) -> NDArray[np.floating] | None:
    if series.times is not None:
        return np.asarray(series.times, dtype=float)
    return None if series.frame_time is None else np.asarray(series.frame_index) * series.frame_time


def _beside(source: MovieSource, movie: Movie, ending: str) -> Movie | None:
    """The stack beside the main one with this ending, of as many boxes; None where there is none or it is itself."""
    assert source.path is not None
    path = series_file(source.path, ending[1:])
    if path == source.path or not path.exists():
        return None
    other = open_movie(replace(source, path=path, array=None))
    if len(other) != len(movie):
        raise InputError(f"{path} has {len(other)} boxes, but {source.path} has {len(movie)}; make the track again")
    return other


def _read_table(path: Path, source: MovieSource) -> "pd.DataFrame | None":
    if not path.exists():
        return None
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no table of centres: {error}") from error
    return table.iloc[source.first or 0 : source.last].reset_index(drop=True)


def _columns(
    table: "pd.DataFrame", path: Path
) -> tuple[NDArray[np.integer], NDArray[np.floating], NDArray[np.floating] | None]:
    """Frame numbers (n,), centres (n, 2) [Å] and times (n,) [s] or None."""
    try:
        index = table["frame"].to_numpy(int) if "frame" in table else np.arange(len(table))
        centres = np.full((len(table), 2), np.nan)
        for axis, name in enumerate(("x_A", "y_A")):
            if name in table:
                centres[:, axis] = table[name].to_numpy(float)
        times = table["time_s"].to_numpy(float) if "time_s" in table else None
    except ValueError as error:
        raise InputError(f"{path} has cells in frame, time_s, x_A or y_A that are no numbers: {error}") from error
    if np.any(np.diff(index) <= 0) or np.any(index < 0):
        raise InputError(f"the column frame of {path} does not go upwards; one row belongs to one frame")
    return index, centres, times if times is not None and np.isfinite(times).all() else None
