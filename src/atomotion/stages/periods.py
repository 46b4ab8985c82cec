"""When order comes and goes: periods by change points, their lifetimes and fringes, and the kind of particle."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, Movie
from atomotion.data.polygon import Polygon
from atomotion.io.movie import open_movie, read_movie
from atomotion.io.polygon import fit_polygon, read_polygon
from atomotion.order.config import PeriodsConfig
from atomotion.order.fringes import Fringes, find_fringes
from atomotion.order.kinds import kind_of_particle
from atomotion.order.periods import Period, find_periods
from atomotion.order.polygon_mask import polygon_area
from atomotion.order.trend import series_statistics
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.settings import movie_name
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.movie_strip import movie_strip
from atomotion.report.figures.order_curve import Span, order_curve
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.drift import read_drift
from atomotion.stages.order import leading_rows, measure_of

# columns of the strip of typical frames
_MOST_SHOWN = 8


def run(task: Task) -> None:
    """Find the periods of ``order``; with ``movie`` and ``polygon`` their fringes and typical frames too."""
    table = _read_order(task.inputs["order"])
    movie = open_movie(task.inputs["movie"])
    source, rows = leading_rows(table)
    if len(rows) != len(movie):
        raise InputError(f"the order table has {len(rows)} frames, but {movie.name} has {len(movie)}")
    column, label = measure_of(rows)
    raw = table[table["source"] == "raw"]
    periods = find_periods(
        rows[column],
        task.config,
        relative=rows["alps_relative"],
        p_values=raw["p_value"] if len(raw) else None,
        times=movie.time_axis(),
        raw=source == "raw",
    )
    denoised = read_movie(task.inputs["denoised"]) if task.inputs.get("denoised") else None
    drift = read_drift(task.inputs.get("drift"), len(movie))
    given = task.inputs.get("polygon")
    polygon = fit_polygon(read_polygon(given), movie) if given is not None else None
    fringes = _fringes(task, movie, polygon, drift, periods)
    found = _table(periods, fringes, movie)
    task.write_table("periods.csv", found)
    task.write_json("periods.json", _summary(task, rows, column, source, periods, polygon, movie))
    spans = [
        Span(start=each.start, stop=each.stop, mean=each.mean, label=each.label, name=name)
        for name, each in zip(found["period"], periods)
    ]
    figure = order_curve(
        rows[column].to_numpy(float),
        ylabel=f"{label} ({source})",
        times=movie.time_axis(),
        p_values=raw["p_value"].to_numpy(float) if len(raw) else None,
        periods=spans,
        vacuum_level=1.0 if column == "alps_relative" else None,
    )
    save(figure, task.figure("periods.png"))
    _draw_typical(task, movie, denoised, periods, found, polygon, drift)


def _read_order(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no table of order: {error}") from error
    needed = {"frame", "source", "alps", "alps_relative", "p_value"}
    if not needed <= set(table.columns):
        missing = ", ".join(sorted(needed - set(table.columns)))
        raise InputError(f"{path} lacks the columns {missing}; make it with: atomotion order MOVIE -o order.csv")
    return table


def _fringes(
    task: Task,
    movie: Movie,
    polygon: Polygon | None,
    drift: NDArray[np.floating] | None,
    periods: tuple[Period, ...],
) -> list[Fringes | None]:
    if polygon is None:
        return [None] * len(periods)
    step = task.steps("fringes")
    found = []
    # raw frames: a filter would have put its own stamp on the spectrum
    frames: Frames = movie.frames
    for number, period in enumerate(periods):
        found.append(
            find_fringes(
                frames,
                polygon.points,
                task.config.fringes,
                start=period.start,
                stop=period.stop,
                drift=drift,
                pixel_size=movie.pixel_size,
            )
        )
        step(number + 1, len(periods))
    return found


def _table(periods: tuple[Period, ...], fringes: list[Fringes | None], movie: Movie) -> pd.DataFrame:
    times = movie.time_axis()
    rows = []
    for number, (period, pattern) in enumerate(zip(periods, fringes)):
        values = asdict(period)
        rows.append(
            {
                "period": chr(65 + number) if number < 26 else str(number + 1),
                "frame_start": period.start,
                "frame_stop": period.stop,
                "t0_s": np.nan if times is None else times[period.start],
                "label": period.label,
                **{key: values[key] for key in ("mean", "sd", "standard_error", "mean_relative", "measured")},
                **{key: values[key] for key in ("lifetime_frames", "lifetime_s", "began_before", "ended_after")},
                "vacuum_p_value": period.vacuum_p_value,
                "typical_frame": period.typical_frame,
                "fringe_spacing_px": None if pattern is None else pattern.spacing_px,
                "fringe_spacing_A": None if pattern is None else pattern.spacing,
                "fringe_angle_deg": None if pattern is None else pattern.fringe_angle_deg,
                "fringe_p_value": None if pattern is None else pattern.p_value,
                "reason": period.reason,
            }
        )
    return pd.DataFrame(rows)


def _summary(
    task: Task,
    rows: pd.DataFrame,
    column: str,
    source: str,
    periods: tuple[Period, ...],
    polygon: Polygon | None,
    movie: Movie,
) -> dict[str, Any]:
    statistics = series_statistics(rows[column])
    kind = kind_of_particle(periods, task.config.kinds)
    size = None if polygon is None else 2 * float(np.sqrt(abs(polygon_area(polygon.points)) / np.pi))
    frames = {label: sum(each.lifetime_frames for each in periods if each.label == label) for label in _LABELS}
    return {
        "movie": task.subject or movie_name(Path(movie.name)),
        "source": source,
        "measure": column,
        "mean": statistics.mean,
        "mean_error": statistics.mean_error,
        "sd": statistics.sd,
        "sd_error": statistics.sd_error,
        "size_px": size,
        "size_A": None if size is None or movie.pixel_size is None else size * movie.pixel_size,
        "periods": len(periods),
        "fraction_of_time": {label: count / len(movie) for label, count in frames.items() if count},
        "kind": kind.kind,
        "reason": kind.reason,
        "evidence": kind.evidence,
    }


_LABELS = ("ordered", "disordered", "intermediate", "undetermined")


def _draw_typical(
    task: Task,
    movie: Movie,
    denoised: Movie | None,
    periods: tuple[Period, ...],
    table: pd.DataFrame,
    polygon: Polygon | None,
    drift: NDArray[np.floating] | None,
) -> None:
    """One frame that typifies each period, raw above denoised."""
    chosen = [(name, each) for name, each in zip(table["period"], periods) if each.typical_frame is not None]
    longest = sorted(chosen, key=lambda item: -item[1].lifetime_frames)[:_MOST_SHOWN]
    chosen = [item for item in chosen if item in longest]
    if not chosen:
        return
    frames = [each.typical_frame for _, each in chosen]
    strips = [("raw", [np.asarray(movie.frames[frame], dtype=float) for frame in frames])]
    if denoised is not None:
        strips.append(("denoised", [np.asarray(denoised.frames[frame], dtype=float) for frame in frames]))
    outlines = None
    if polygon is not None:
        outlines = [polygon.points + (0.0 if drift is None else drift[frame]) for frame in frames]
    titles = [f"{name}: {each.label}\nframe {each.typical_frame}" for name, each in chosen]
    figure = movie_strip(strips, titles, pixel_size=movie.pixel_size, polygons=outlines)
    save(figure, task.figure("typical.png"))


def section(folder: Path) -> Section:
    """The periods in the report."""
    values = read_json(folder / "out" / "periods.json", {})
    table = pd.read_csv(folder / "out" / "periods.csv")
    shares = ", ".join(f"{label} {share:.0%}" for label, share in values["fraction_of_time"].items())
    figures = [
        Figure(
            path=folder / "figures" / "periods.png",
            caption="Order of every frame with its periods; below, the p-value of the raw frames against vacuum.",
            data=folder / "out" / "periods.csv",
        )
    ]
    if (folder / "figures" / "typical.png").exists():
        caption = "The frame of each period whose order is nearest to the period's median: raw, and denoised."
        figures.append(Figure(path=folder / "figures" / "typical.png", caption=caption))
    columns = ["period", "label", "frame_start", "frame_stop", "mean", "sd", "lifetime_frames"]
    columns += [name for name in ("lifetime_s", "fringe_spacing_A") if table[name].notna().any()]
    if "fringe_spacing_A" not in columns and table["fringe_spacing_px"].notna().any():
        columns.append("fringe_spacing_px")
    if table["fringe_angle_deg"].notna().any():
        columns.append("fringe_angle_deg")
    return Section(
        title=STAGE.title,
        sentences=[f"The particle is {values['kind']}: {values['reason']}.", f"Share of time: {shares}."],
        figures=figures,
        tables=[Table(columns=columns, rows=table[columns].to_numpy(object).tolist())],
    )


STAGE = Stage(
    name="periods",
    title="Periods of order and disorder",
    config=PeriodsConfig,
    run=run,
    section=section,
    positional=("order",),
    outputs=(
        OutputFile(
            name="periods.csv",
            about="One row per period.",
            columns=(
                Column("period", "Its name: A, B, C, ..."),
                Column("frame_start", "Its first frame."),
                Column("frame_stop", "The frame after its last."),
                Column("t0_s", "Time of its first frame; empty where the frame time is not known."),
                Column("label", "ordered, disordered, intermediate or undetermined; `reason` says by which rule."),
                Column("mean", "Mean of the curve (`measure` in periods.json)."),
                Column("sd", "Standard deviation of its frames."),
                Column("standard_error", "Of the mean; allows for the correlation of neighbouring frames."),
                Column("mean_relative", "Mean of ALPS over vacuum; empty where it is not known."),
                Column("measured", "Frames with a value."),
                Column("lifetime_frames", "How long it lasts [frames]."),
                Column("lifetime_s", "How long it lasts; empty where the frame time is not known."),
                Column("began_before", "Whether the movie begins within it: its true lifetime is longer."),
                Column("ended_after", "Whether the movie ends within it: its true lifetime is longer."),
                Column("vacuum_p_value", "Probability that vacuum looks like its raw frames, all together."),
                Column("typical_frame", "The frame nearest to its median."),
                Column("fringe_spacing_px", "Spacing of the strongest lattice fringes; empty where none stand out."),
                Column("fringe_spacing_A", "The same in Å; empty without a pixel size."),
                Column(
                    "fringe_angle_deg", "Direction along which the fringes run, from +x towards +y (down), 0 to 180."
                ),
                Column("fringe_p_value", "Chance that noise makes such a peak."),
                Column("reason", "The rule that gave the label, with its numbers."),
            ),
        ),
        OutputFile(
            name="periods.json",
            about="The movie as a whole.",
            columns=(
                Column("movie", "The movie's name."),
                Column("source", "Which frames the curve is of: denoised where they were given, else raw."),
                Column("measure", "The curve: `alps_relative` where it is known, else `alps`."),
                Column("mean", "Its mean."),
                Column("mean_error", "Standard error of the mean; allows for the correlation of neighbouring frames."),
                Column("sd", "Its standard deviation."),
                Column("sd_error", "Standard error of the standard deviation."),
                Column("size_px", "Diameter of the circle with the polygon's area [px]."),
                Column("size_A", "The same in Å; null without a pixel size."),
                Column("periods", "How many periods there are."),
                Column("fraction_of_time", "Share of frames by label."),
                Column(
                    "kind",
                    "ordered, disordered, changing or undetermined: the kinds of particle of Crozier et al. 2025.",
                ),
                Column("reason", "The rule that gave the kind."),
                Column("evidence", "The numbers behind it."),
            ),
        ),
    ),
)
