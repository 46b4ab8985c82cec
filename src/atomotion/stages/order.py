"""How ordered every frame is: ALPS of raw and denoised frames, and the test of the raw ones against vacuum."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import Frames, Movie
from atomotion.data.polygon import Polygon
from atomotion.io.movie import open_movie, read_movie
from atomotion.io.polygon import fit_polygon, read_polygon
from atomotion.order.config import OrderConfig
from atomotion.order.measure import FrameOrder, level_of, measure_frames
from atomotion.order.polygon_mask import polygon_area
from atomotion.order.vacuum import VacuumModel, fit_vacuum, null_alps, vacuum_test
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.order_curve import order_curve
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.drift import read_drift
from atomotion.stages.noise import outlier_frames
from atomotion.stages.sources import is_denoised
from atomotion.stages.vacuum import vacuum_on_movie

# a checkpoint is written after this many frames
_CHECKPOINT = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class _Null:
    """ALPS of vacuum through the same processing: its values, or why there are none."""

    alps: NDArray[np.floating] | None = None
    reason: str = ""

    @property
    def mean(self) -> float:
        return float(np.nanmean(self.alps)) if self.alps is not None else float("nan")


def run(task: Task) -> None:
    """Measure the order of every frame of ``movie``, and of ``denoised`` where it is given, inside ``polygon``."""
    movie = open_movie(task.inputs["movie"])
    given = task.inputs.get("polygon")
    polygon = fit_polygon(read_polygon(given), movie) if given is not None else None
    drift = read_drift(task.inputs.get("drift"), len(movie))
    noise = read_json(task.inputs["noise"], {}) if task.inputs.get("noise") else {}
    bad = outlier_frames(task.inputs.get("noise"))
    config = task.config
    if movie.contrast is None and config.level == "auto":
        task.warn("the contrast of the movie is not known: atoms are taken to be dark; say --contrast bright if not")
    measurement = _Measurement(task, movie, polygon, drift, bad)
    tables, nulls, model = [], {}, None
    source = "denoised" if is_denoised(movie) else "raw"
    if source == "raw":
        config = replace(config, divisor=_divisor(config, movie, noise))
        raw = measurement.of(movie.frames, config, "raw")
        model, nulls["raw"] = _raw_null(task, movie, config, polygon, noise)
        tables.append(_table(movie, raw, "raw", nulls["raw"], config, 1.0))
    else:
        nulls["denoised"], raw_units = _denoised_null(task, measurement), config.divisor or 1.0
        measured = measurement.of(movie.frames, _for_denoised(config), "denoised")
        tables.append(_table(movie, measured, "denoised", nulls["denoised"], config, raw_units))
    if task.inputs.get("denoised") is not None:
        denoised = read_movie(task.inputs["denoised"])
        nulls["denoised"] = _denoised_null(task, measurement)
        measured = measurement.of(denoised.frames, _for_denoised(config), "denoised")
        tables.append(_table(movie, measured, "denoised", nulls["denoised"], config, config.divisor or 1.0))
    table = pd.concat(tables, ignore_index=True)
    task.write_table("order.csv", table)
    task.write_json("order.json", _summary(table, movie, polygon, config, model, nulls))
    _draw(task, table, movie, config)


class _Measurement:
    """Measures frames with the task's polygon, drift and outliers, in pieces that survive a kill."""

    def __init__(
        self, task: Task, movie: Movie, polygon: Polygon | None, drift: NDArray | None, bad: frozenset[int]
    ) -> None:
        self.task, self.movie, self.polygon, self.drift, self.bad = task, movie, polygon, drift, bad

    def of(self, frames: Frames, config: OrderConfig, name: str, *, moving: bool = True) -> FrameOrder:
        """The order of all frames; finished pieces are read back from the checkpoint."""
        total = int(frames.shape[0])
        step = self.task.steps(f"{name} frames")
        pieces = []
        for start in range(0, total, _CHECKPOINT):
            stop = min(start + _CHECKPOINT, total)
            path = self.task.work / f"{name}_{start:08d}.npz"
            if not path.exists():
                piece = measure_frames(
                    frames,
                    config,
                    polygon=None if self.polygon is None else self.polygon.points,
                    contrast=self.movie.contrast,
                    drift=self.drift if moving and self.polygon is not None else None,
                    leave_out=self.bad if moving else frozenset(),
                    first=start,
                    last=stop,
                    workers=self.task.threads,
                    on_step=lambda done, _, start=start: step(start + done, total),
                )
                _write_piece(piece, path)
            pieces.append(_read_piece(path))
            step(stop, total)
        return _joined(pieces)


def _write_piece(piece: FrameOrder, path: Path) -> None:
    beside = path.with_suffix(".partial.npz")
    np.savez(
        beside,
        alps=piece.alps,
        persistent_entropy=piece.persistent_entropy,
        total_persistence=piece.total_persistence,
        bars=piece.bars,
        left_out=np.array(list(piece.left_out), dtype=int),
        reasons=np.array(list(piece.left_out.values()), dtype=str),
    )
    beside.replace(path)


def _read_piece(path: Path) -> FrameOrder:
    with np.load(path) as stored:
        return FrameOrder(
            alps=stored["alps"],
            persistent_entropy=stored["persistent_entropy"],
            total_persistence=stored["total_persistence"],
            bars=stored["bars"],
            left_out=dict(zip(stored["left_out"].tolist(), stored["reasons"].tolist())),
        )


def _joined(pieces: list[FrameOrder]) -> FrameOrder:
    return FrameOrder(
        alps=np.concatenate([each.alps for each in pieces]),
        persistent_entropy=np.concatenate([each.persistent_entropy for each in pieces]),
        total_persistence=np.concatenate([each.total_persistence for each in pieces]),
        bars=np.concatenate([each.bars for each in pieces]),
        left_out={number: reason for each in pieces for number, reason in each.left_out.items()},
    )


def _divisor(config: OrderConfig, movie: Movie, noise: Mapping[str, Any]) -> float | None:
    """Units per electron: as told, else the movie's own fact, else as measured; None where frames are counts already."""
    if config.divisor is not None:
        return config.divisor
    gain = movie.units_per_electron or (
        noise.get("units_per_electron") if noise.get("is_poisson") is not False else None
    )
    return None if gain is None or abs(gain - 1) < 0.05 else float(gain)


def _for_denoised(config: OrderConfig) -> OrderConfig:
    # denoised frames are no counts; rounding them would throw away what the denoiser found
    return replace(config, divisor=None, sigma_px=config.denoised_sigma_px)


def _raw_null(
    task: Task, movie: Movie, config: OrderConfig, polygon: Polygon | None, noise: Mapping[str, Any]
) -> tuple[VacuumModel | None, _Null]:
    frames, mask = vacuum_on_movie(task.inputs.get("vacuum"), movie)
    if frames is None:
        return None, _Null(reason="no vacuum region is known; give one with --vacuum")
    model = fit_vacuum(frames, config, mask=mask)
    for sentence in model.warnings:
        task.warn(sentence)
    if model.problem:
        task.warn(f"no vacuum test: {model.problem}")
        return model, _Null(reason=model.problem)
    if noise.get("is_white_frames") is False:
        task.warn("frames are correlated: p-values of single frames hold, but neighbouring frames are not independent")
    alps = null_alps(
        model,
        movie.frame_shape,
        config,
        polygon=None if polygon is None else polygon.points,
        contrast=movie.contrast,
        workers=task.threads,
        on_step=task.steps("vacuum frames"),
    )
    return model, _Null(alps=alps)


def _denoised_null(task: Task, measurement: _Measurement) -> _Null:
    path = task.inputs.get("denoised_vacuum")
    if path is None:
        return _Null(reason="no vacuum that went through the same denoiser")
    frames = read_movie(path).frames
    if frames.shape[1:] != measurement.movie.frames.shape[1:]:
        return _Null(
            reason=f"the denoised vacuum has frames of {frames.shape[1:]}, the movie of {measurement.movie.frame_shape}"
        )
    measured = measurement.of(frames, _for_denoised(task.config), "denoised vacuum", moving=False)
    return _Null(alps=measured.alps)


def _table(
    movie: Movie, measured: FrameOrder, source: str, null: _Null, config: OrderConfig, units: float
) -> pd.DataFrame:
    """The rows of one source; intensities of denoised frames are divided by `units` to be electrons as the raw ones."""
    frames = np.arange(len(measured.alps))
    times = movie.time_axis()
    test = vacuum_test(measured.alps, null.alps, config) if source == "raw" and null.alps is not None else None
    notes = np.array([measured.left_out.get(int(frame), null.reason) for frame in frames], dtype=object)
    return pd.DataFrame(
        {
            "frame": frames,
            "time_s": np.nan if times is None else times,
            "source": source,
            "alps": measured.alps / units,
            "persistent_entropy": measured.persistent_entropy,
            "total_persistence": measured.total_persistence / units,
            "bars": measured.bars,
            "alps_relative": measured.alps / null.mean,
            "p_value": np.nan if test is None else test.p_value,
            "p_adjusted": np.nan if test is None else test.p_adjusted,
            "beyond_vacuum": "" if test is None else test.rejected,
            "note": notes,
        }
    )


def _summary(
    table: pd.DataFrame,
    movie: Movie,
    polygon: Polygon | None,
    config: OrderConfig,
    model: VacuumModel | None,
    nulls: Mapping[str, _Null],
) -> dict[str, Any]:
    size = None if polygon is None else 2 * np.sqrt(abs(polygon_area(polygon.points)) / np.pi)
    raw = table[table["source"] == "raw"]
    tested = raw["p_value"].notna()
    return {
        "frames": len(movie),
        "sources": sorted(nulls),
        "level": level_of(config, movie.contrast),
        "divisor": config.divisor,
        "size_px": size,
        "size_A": None if size is None or movie.pixel_size is None else size * movie.pixel_size,
        "mean_alps": {source: float(rows["alps"].mean()) for source, rows in table.groupby("source")},
        "sd_alps": {source: float(rows["alps"].std()) for source, rows in table.groupby("source")},
        "mean_alps_relative": {source: float(rows["alps_relative"].mean()) for source, rows in table.groupby("source")},
        "alps_relative_missing": {source: null.reason for source, null in nulls.items() if null.reason},
        "vacuum_alps": {source: null.mean for source, null in nulls.items()},
        "vacuum_mean_counts": None if model is None else model.mean,
        "vacuum_ks_p_value": None if model is None else model.ks_p_value,
        "tested_frames": int(tested.sum()),
        "frames_beyond_vacuum": int((raw.loc[tested, "beyond_vacuum"] == True).sum()),  # noqa: E712 - the column holds words too
        "left_out": sorted(int(frame) for frame in table.loc[table["alps"].isna(), "frame"].unique()),
    }


def leading_rows(table: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """The source whose curve is shown, denoised before raw, and its rows."""
    source = "denoised" if (table["source"] == "denoised").any() else "raw"
    return source, table[table["source"] == source].reset_index(drop=True)


def measure_of(rows: pd.DataFrame) -> tuple[str, str]:
    """The column to show, relative where it is known, and its label."""
    if rows["alps_relative"].notna().any():
        return "alps_relative", "ALPS / vacuum"
    return "alps", "ALPS"


def _draw(task: Task, table: pd.DataFrame, movie: Movie, config: OrderConfig) -> None:
    source, rows = leading_rows(table)
    column, label = measure_of(rows)
    raw = table[table["source"] == "raw"]
    figure = order_curve(
        rows[column].to_numpy(float),
        ylabel=f"{label} ({source})",
        times=movie.time_axis(),
        p_values=raw["p_value"].to_numpy(float) if len(raw) else None,
        alpha=config.alpha,
        vacuum_level=1.0 if column == "alps_relative" else None,
    )
    save(figure, task.figure("order.png"))


def section(folder: Path) -> Section:
    """Order over time in the report."""
    values = read_json(folder / "out" / "order.json", {})
    sentences = []
    if values["tested_frames"]:
        sentences.append(
            f"{values['frames_beyond_vacuum']} of {values['tested_frames']} raw frames have more order than vacuum "
            "(false discovery rate controlled over the movie)."
        )
    for source, reason in values["alps_relative_missing"].items():
        sentences.append(f"No ratio to vacuum for {source} frames: {reason}.")
    rows = [
        [
            source,
            values["mean_alps"][source],
            values["sd_alps"][source],
            values["vacuum_alps"][source],
            values["mean_alps_relative"][source],
        ]
        for source in values["sources"]
    ]
    return Section(
        title=STAGE.title,
        sentences=sentences,
        figures=[
            Figure(
                path=folder / "figures" / "order.png",
                caption="Order of every frame; below, the p-value of the raw frames against vacuum.",
                data=folder / "out" / "order.csv",
            )
        ],
        tables=[Table(columns=["source", "mean ALPS", "SD", "ALPS of vacuum", "mean ALPS / vacuum"], rows=rows)],
    )


STAGE = Stage(
    name="order",
    title="Order over time",
    config=OrderConfig,
    run=run,
    section=section,
    outputs=(
        OutputFile(
            name="order.csv",
            about="One row per frame and source.",
            columns=(
                Column("frame", "Number of the frame, from 0."),
                Column("time_s", "Its time; empty where the frame time is not known."),
                Column("source", "`raw` or `denoised` frames."),
                Column(
                    "alps",
                    "Accumulated lifetime persistence survival inside the polygon [electrons where the divisor is known, else stored units].",
                ),
                Column("persistent_entropy", "Entropy of the lifetimes."),
                Column("total_persistence", "Sum of the lifetimes [as `alps`]."),
                Column("bars", "How many features were counted."),
                Column(
                    "alps_relative",
                    "ALPS over its expectation in vacuum that went through the same processing; empty where `note` says why.",
                ),
                Column("p_value", "Probability that vacuum has at least this ALPS; raw frames only."),
                Column("p_adjusted", "The same corrected for the number of frames."),
                Column(
                    "beyond_vacuum", "Whether the frame has more order than vacuum at the chosen false discovery rate."
                ),
                Column("note", "Why a number is missing."),
            ),
        ),
        OutputFile(
            name="order.json",
            about="The movie in a few numbers.",
            columns=(
                Column("frames", "Frames of the movie."),
                Column("sources", "Which frames were measured: raw, denoised."),
                Column("level", "Filtration: sublevel for dark columns, superlevel for bright ones."),
                Column("divisor", "Stored units per electron that raw frames were divided by; null for none."),
                Column("size_px", "Diameter of the circle with the polygon's area [px]."),
                Column("size_A", "The same [Å]; null without a pixel size."),
                Column("mean_alps", "Mean over frames, by source."),
                Column("sd_alps", "Standard deviation over frames, by source."),
                Column("mean_alps_relative", "Mean of `alps_relative`, by source."),
                Column("alps_relative_missing", "Why there is no `alps_relative`, by source."),
                Column("vacuum_alps", "Mean ALPS of vacuum, by source, before division by units."),
                Column("vacuum_mean_counts", "Mean counts of a vacuum pixel."),
                Column(
                    "vacuum_ks_p_value",
                    "Whether the vacuum's counts are Poisson: Kolmogorov-Smirnov distance with the Dvoretzky-Kiefer-Wolfowitz bound.",
                ),
                Column("tested_frames", "Raw frames that were tested against vacuum."),
                Column("frames_beyond_vacuum", "How many of them have more order than vacuum."),
                Column("left_out", "Frames without a measurement."),
            ),
        ),
    ),
)
