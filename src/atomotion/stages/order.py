"""How ordered every frame is: ALPS of raw and denoised frames, and the test of the raw ones against vacuum."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
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
from atomotion.order.table import order_table
from atomotion.order.vacuum import VacuumModel, fit_vacuum
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.order_curve import order_curve
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.drift import read_drift
from atomotion.stages.findings import noise_findings, outliers_in
from atomotion.stages.sources import is_denoised
from atomotion.stages.vacuum import vacuum_on_movie

# a checkpoint is written after this many frames
_CHECKPOINT = 256


def run(task: Task) -> None:
    """Measure the order of every frame of ``movie``, and of ``denoised`` where it is given, inside ``polygon``."""
    movie = open_movie(task.inputs["movie"])
    polygon = fit_polygon(read_polygon(task.inputs["polygon"]), movie) if task.inputs.get("polygon") else None
    drift = read_drift(task.inputs.get("drift"), len(movie))
    noise = read_json(task.inputs["noise"], {}) if task.inputs.get("noise") else {}
    pieces = _Pieces(task, movie, polygon, drift, outliers_in(noise_findings(task.inputs.get("noise"))))
    config = replace(task.config, divisor=_divisor(task.config, movie, noise))
    units = config.divisor or 1.0
    model, tables = None, []
    if not is_denoised(movie):
        model, table = _raw(task, movie, config, pieces)
        if model is not None and noise.get("is_white_frames") is False:
            task.warn("frames are correlated: each p-value holds, but those of neighbouring frames are not independent")
        tables.append(table)
    given = task.inputs.get("denoised")
    if given is not None or not tables:
        denoised = movie if given is None else read_movie(given)
        tables.append(_denoised(task, movie, denoised, config, pieces, units))
    table = pd.concat(tables, ignore_index=True)
    for note in dict.fromkeys(note for each in tables for note in each.attrs["notes"]):
        task.warn(note)
    task.write_table("order.csv", table)
    task.write_json("order.json", _summary(table, tables, movie, polygon, config, model))
    _draw(task, table, movie, config)


def _raw(task: Task, movie: Movie, config: OrderConfig, pieces: "_Pieces") -> tuple[VacuumModel | None, pd.DataFrame]:
    """The rows of the raw frames, tested against vacuum where there is one."""
    measured = pieces.measure(movie.frames, config, "raw")
    frames, mask = vacuum_on_movie(task.inputs.get("vacuum"), movie)
    model = None if frames is None else fit_vacuum(frames, config, mask=mask)
    table = order_table(
        movie,
        config,
        polygon=pieces.points,
        vacuum=model,
        # frames of their own can stand in where no model of independent counts holds
        vacuum_frames=frames if frames is not None and frames is not movie.frames else None,
        measured=measured,
        workers=task.threads,
        on_step=task.steps("vacuum frames"),
    )
    return model, table


def _denoised(
    task: Task, movie: Movie, denoised: Movie, config: OrderConfig, pieces: "_Pieces", units: float
) -> pd.DataFrame:
    """The rows of the denoised frames, in electrons as the raw ones."""
    # denoised frames are no counts: rounding them would throw away what the denoiser found
    smooth = replace(config, divisor=None, sigma_px=config.denoised_sigma_px, bad_frames="skip")
    measured = pieces.measure(denoised.frames, smooth, "denoised")
    path = task.inputs.get("denoised_vacuum")
    table = order_table(
        replace(movie, frames=denoised.frames),
        smooth,
        polygon=pieces.points,
        vacuum_frames=None if path is None else read_movie(path).frames,
        source="denoised",
        measured=measured,
        workers=task.threads,
        on_step=task.steps("denoised vacuum frames"),
    )
    scaled = table.assign(alps=table["alps"] / units, total_persistence=table["total_persistence"] / units)
    # the test against vacuum is for raw counts; that there is none for denoised frames is no news
    notes = [note for note in table.attrs["notes"] if not note.startswith("no vacuum test")]
    scaled.attrs = table.attrs | {"vacuum_alps": table.attrs["vacuum_alps"] / units, "notes": notes}
    return scaled


class _Pieces:
    """Measures frames with the task's polygon, drift and outliers, in pieces that survive a kill."""

    def __init__(
        self, task: Task, movie: Movie, polygon: Polygon | None, drift: NDArray[np.floating] | None, bad: frozenset[int]
    ) -> None:
        self.task, self.movie, self.bad = task, movie, bad
        self.points = None if polygon is None else polygon.points
        self.drift = None if polygon is None else drift

    def measure(self, frames: Frames, config: OrderConfig, name: str) -> FrameOrder:
        """The order of all frames; finished pieces are read back from the checkpoint."""
        total = int(frames.shape[0])
        report = self.task.steps(f"{name} frames")
        pieces = []
        for start in range(0, total, _CHECKPOINT):
            part = range(start, min(start + _CHECKPOINT, total))
            path = self.task.work / f"{name}_{start:08d}.npz"
            if not path.exists():
                _write_piece(self._measured(frames, config, part, partial(_later, report, start, total)), path)
            pieces.append(_read_piece(path))
            report(part.stop, total)
        return _joined(pieces)

    def _measured(
        self, frames: Frames, config: OrderConfig, part: range, on_step: Callable[[int, int], None]
    ) -> FrameOrder:
        return measure_frames(
            frames,
            config,
            polygon=self.points,
            contrast=self.movie.contrast,
            drift=self.drift,
            leave_out=self.bad,
            first=part.start,
            last=part.stop,
            workers=self.task.threads,
            on_step=on_step,
        )


def _later(report: Callable[[int, int], None], start: int, total: int, done: int, _: int) -> None:
    report(start + done, total)


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
    """Units per electron: as told, else the movie's own, else as measured; None where frames are counts already."""
    if config.divisor is not None:
        return config.divisor
    gain = movie.units_per_electron or (
        noise.get("units_per_electron") if noise.get("is_poisson") is not False else None
    )
    return None if gain is None or abs(gain - 1) < 0.05 else float(gain)


def _summary(
    table: pd.DataFrame,
    tables: list[pd.DataFrame],
    movie: Movie,
    polygon: Polygon | None,
    config: OrderConfig,
    model: VacuumModel | None,
) -> dict[str, Any]:
    size = None if polygon is None else 2 * np.sqrt(abs(polygon_area(polygon.points)) / np.pi)
    raw = table[(table["source"] == "raw") & table["p_value"].notna()]
    sources = {each["source"].iloc[0]: each for each in tables}
    return {
        "frames": len(movie),
        "sources": list(sources),
        "level": level_of(config, movie.contrast),
        "divisor": config.divisor,
        "size_px": size,
        "size_A": None if size is None or movie.pixel_size is None else size * movie.pixel_size,
        "mean_alps": {source: float(rows["alps"].mean()) for source, rows in sources.items()},
        "sd_alps": {source: float(rows["alps"].std()) for source, rows in sources.items()},
        "mean_alps_relative": {source: float(rows["alps_relative"].mean()) for source, rows in sources.items()},
        "vacuum_alps": {source: rows.attrs["vacuum_alps"] for source, rows in sources.items()},
        "vacuum_mean_counts": None if model is None else model.mean,
        "vacuum_ks_p_value": None if model is None else model.ks_p_value,
        "tested_frames": len(raw),
        "frames_beyond_vacuum": int(raw["beyond_vacuum"].astype(bool).sum()),
        "left_out": sorted(int(frame) for frame in table.loc[table["alps"].isna(), "frame"].unique()),
        "notes": list(dict.fromkeys(note for each in tables for note in each.attrs["notes"])),
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
                    "Accumulated lifetime persistence survival inside the polygon "
                    "[electrons where the divisor is known, else stored units].",
                ),
                Column("persistent_entropy", "Entropy of the lifetimes."),
                Column("total_persistence", "Sum of the lifetimes [as `alps`]."),
                Column("bars", "How many features were counted."),
                Column(
                    "alps_relative",
                    "ALPS over its expectation in vacuum that went through the same processing; "
                    "empty where `notes` of order.json says why.",
                ),
                Column("p_value", "Probability that vacuum has at least this ALPS; raw frames only."),
                Column("p_adjusted", "The same corrected for the number of frames."),
                Column(
                    "beyond_vacuum", "Whether the frame has more order than vacuum at the chosen false discovery rate."
                ),
                Column("note", "Why the frame was left out."),
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
                Column("vacuum_alps", "Mean ALPS of vacuum, by source."),
                Column("vacuum_mean_counts", "Mean counts of a vacuum pixel."),
                Column(
                    "vacuum_ks_p_value",
                    "Whether the vacuum's counts are Poisson: Kolmogorov-Smirnov distance with the "
                    "Dvoretzky-Kiefer-Wolfowitz bound.",
                ),
                Column("tested_frames", "Raw frames that were tested against vacuum."),
                Column("frames_beyond_vacuum", "How many of them have more order than vacuum."),
                Column("left_out", "Frames without a measurement."),
                Column("notes", "What is missing and why, a sentence each."),
            ),
        ),
    ),
)
