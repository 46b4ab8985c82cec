"""The order of a movie as a table: one row per frame."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from atomotion.data import Frames, Movie
from atomotion.order.config import OrderConfig
from atomotion.order.measure import FrameOrder, level_of, measure_frames
from atomotion.order.relative import (
    AlpsReference,
    alps_relative,
    no_reference,
    reference_from_null,
    reference_from_vacuum,
)
from atomotion.order.vacuum import VacuumModel, null_alps, vacuum_test


def order_table(
    movie: Movie,
    config: OrderConfig | None = None,
    *,
    polygon: ArrayLike | None = None,
    vacuum: VacuumModel | None = None,
    vacuum_frames: Frames | None = None,
    source: Literal["raw", "denoised"] = "raw",
    drift: NDArray[np.floating] | None = None,
    measured: FrameOrder | None = None,
    workers: int = 1,
    on_step: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """One row per frame: ALPS, what it is relative to vacuum, persistent entropy, and the vacuum test.

    Parameters
    ----------
    movie : Movie
    config : OrderConfig
    polygon : (n, 2) float, x y [px]
        The particle; the whole frame without one.
    vacuum : VacuumModel
        From raw vacuum (`fit_vacuum`); for raw movies only: it gives the p-values and the relative ALPS.
    vacuum_frames : (t, y, x)
        Vacuum that went through all the processing that the movie did, for the relative ALPS where there is no
        valid `vacuum`.
    source : "raw" or "denoised"
        Which of the two the movie is.
    drift : (t, 2) float, dx dy [px]
        Of the polygon, per frame.
    measured : FrameOrder
        What `measure_frames` gives, where that was done before, in pieces.
    workers : int
    on_step : callable

    Returns
    -------
    DataFrame
        ``frame``, ``time_s`` (NaN where the movie has no times), ``source``, ``alps``, ``persistent_entropy``,
        ``total_persistence``, ``bars``, ``alps_relative``, ``p_value``, ``p_adjusted``, ``beyond_vacuum`` (whether
        vacuum is rejected; None where not tested), ``note`` (why a frame was left out). ``attrs["notes"]`` says in
        sentences what is missing and why; ``attrs["vacuum_alps"]`` and ``attrs["vacuum_alps_sd"]`` are the reference.
    """
    config = OrderConfig() if config is None else config
    if measured is None:
        measured = measure_frames(
            movie.frames,
            config,
            polygon=polygon,
            contrast=movie.contrast,
            drift=drift,
            workers=workers,
            on_step=on_step,
        )
    notes = [f"frame {number} {reason}" for number, reason in measured.left_out.items()]
    if config.level == "auto" and movie.contrast is None:
        notes.append("contrast is not known: dark blobs are followed; pass --contrast bright for bright atoms")
    null, why = _null(movie, config, polygon, vacuum, source, workers)
    if null is not None:
        reference = reference_from_null(null)
    elif vacuum_frames is not None and polygon is not None:
        reference = reference_from_vacuum(
            vacuum_frames, config, polygon=polygon, shape=movie.frame_shape, contrast=movie.contrast, workers=workers
        )
    else:
        reference = no_reference(why)
    notes += _vacuum_notes(why, reference, vacuum if null is not None else None)
    times = movie.time_axis()
    test = None if null is None else vacuum_test(measured.alps, null, config)
    table = pd.DataFrame(
        {
            "frame": np.arange(len(movie)),
            "time_s": np.full(len(movie), np.nan) if times is None else times,
            "source": source,
            "alps": measured.alps,
            "persistent_entropy": measured.persistent_entropy,
            "total_persistence": measured.total_persistence,
            "bars": measured.bars,
            "alps_relative": alps_relative(measured.alps, reference),
            "p_value": np.nan if test is None else test.p_value,
            "p_adjusted": np.nan if test is None else test.p_adjusted,
            "beyond_vacuum": None if test is None else test.rejected,
            "note": [measured.left_out.get(number, "") for number in range(len(movie))],
        }
    )
    table.attrs["notes"] = notes
    table.attrs["level"] = level_of(config, movie.contrast)
    table.attrs["vacuum_alps"], table.attrs["vacuum_alps_sd"] = reference.mean, reference.sd
    return table


def _null(
    movie: Movie,
    config: OrderConfig,
    polygon: ArrayLike | None,
    vacuum: VacuumModel | None,
    source: str,
    workers: int,
) -> tuple[NDArray[np.float64] | None, str]:
    """The null's ALPS, or the reason why there is none."""
    if vacuum is None:
        return None, "no vacuum region was given"
    if source != "raw":
        return None, "the movie is denoised, so its pixels are no independent counts"
    if vacuum.problem:
        return None, vacuum.problem
    null = null_alps(vacuum, movie.frame_shape, config, polygon=polygon, contrast=movie.contrast, workers=workers)
    return null, ""


def _vacuum_notes(why: str, reference: AlpsReference, vacuum: VacuumModel | None) -> list[str]:
    notes = [f"no vacuum test: {why}"] if why else []
    if reference.basis == "none" and reference.reason:
        notes.append(f"no ALPS relative to vacuum: {reference.reason}")
    if reference.basis == "vacuum bars":
        notes.append("the vacuum is smaller than the polygon: ALPS relative to vacuum may be some 3 % too high")
    return notes + list(vacuum.warnings if vacuum is not None else ())
