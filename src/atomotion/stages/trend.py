"""Several particles beside each other: order against size, and how many of each kind there are."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atomotion.data import InputError
from atomotion.order.config import TrendConfig
from atomotion.order.trend import Line, fit_line
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.size_trend import size_trend
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section, Table


def run(task: Task) -> None:
    """Put the ``periods.json`` of several movies side by side."""
    paths: list[Path] = task.inputs["periods"]
    if not paths:
        raise InputError("no movie has finished its periods, so there is nothing to compare")
    table = _table(paths)
    in_angstrom = bool(table["size_A"].notna().all())
    column = "size_A" if in_angstrom else "size_px"
    if not in_angstrom and table["size_A"].notna().any():
        task.warn("some movies have no pixel size, so particle sizes are compared in pixels")
    if table["measure"].nunique() > 1 or table["source"].nunique() > 1:
        task.warn(
            "the movies are not measured alike (raw and denoised frames, or ALPS with and without a ratio to vacuum), "
            "so their values cannot be compared"
        )
    line = _line(task, table, column)
    task.write_table("trend.csv", table)
    task.write_json(
        "trend.json",
        {
            "particles": len(table),
            "kinds": dict(Counter(table["kind"])),
            "size_column": column,
            "slope": None if line is None else line.slope,
            "slope_low": None if line is None else line.slope_low,
            "slope_high": None if line is None else line.slope_high,
            "intercept": None if line is None else line.intercept,
            "slope_p_value": None if line is None else line.p_value,
            "scatter": None if line is None else line.scatter,
        },
    )
    label = "ALPS / vacuum" if (table["measure"] == "alps_relative").all() else "ALPS"
    figure = size_trend(
        *(table[name].to_numpy(float) for name in (column, "mean", "mean_error", "sd", "sd_error")),
        names=table["movie"].tolist(),
        kinds=table["kind"].tolist(),
        xlabel=f"particle size ({'Å' if in_angstrom else 'px'})",
        ylabel=label,
        line=None if line is None else (line.slope, line.intercept),
    )
    save(figure, task.figure("trend.png"))


def _table(paths: list[Path]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for path in paths:
        values = read_json(path, {})
        if "kind" not in values:
            raise InputError(f"{path} is no periods.json; make it with: atomotion periods order.csv --movie M")
        row = {"movie": values["movie"]}
        row |= {key: values[key] for key in ("size_px", "size_A", "mean", "mean_error", "sd", "sd_error")}
        row |= {f"share_{label}": values["fraction_of_time"].get(label, 0.0) for label in ("ordered", "disordered")}
        rows.append(row | {key: values[key] for key in ("periods", "kind", "reason", "source", "measure")})
    numbers = ["size_px", "size_A", "mean", "mean_error", "sd", "sd_error"]
    table = pd.DataFrame(rows)
    table[numbers] = table[numbers].astype(float)
    return table.sort_values(["size_px", "movie"], ignore_index=True)


def _line(task: Task, table: pd.DataFrame, column: str) -> Line | None:
    usable = np.isfinite(table[[column, "mean", "mean_error"]].to_numpy(float)).all(axis=1)
    if usable.sum() < task.config.min_particles or table.loc[usable, column].nunique() < 2:
        return None
    return fit_line(table[column], table["mean"], table["mean_error"])


def section(folder: Path) -> Section:
    """The comparison in the report."""
    values = read_json(folder / "out" / "trend.json", {})
    table = pd.read_csv(folder / "out" / "trend.csv")
    kinds = ", ".join(f"{count} {kind}" for kind, count in values["kinds"].items())
    sentences = [f"{values['particles']} particles: {kinds}."]
    if values["slope"] is not None:
        unit = "Å" if values["size_column"] == "size_A" else "px"
        sentences.append(
            f"The mean grows by {values['slope']:.3g} per {unit} (95 %: {values['slope_low']:.3g} to "
            f"{values['slope_high']:.3g}, p = {values['slope_p_value']:.2g})."
        )
    columns = ["movie", values["size_column"], "mean", "sd", "share_ordered", "share_disordered", "periods", "kind"]
    return Section(
        title=STAGE.title,
        sentences=sentences,
        figures=[
            Figure(
                path=folder / "figures" / "trend.png",
                caption="Mean and standard deviation of each movie's order against particle size.",
                data=folder / "out" / "trend.csv",
            )
        ],
        tables=[Table(columns=columns, rows=table[columns].to_numpy(object).tolist())],
    )


STAGE = Stage(
    name="trend",
    title="Order and particle size",
    config=TrendConfig,
    run=run,
    section=section,
    positional=("periods",),
    outputs=(
        OutputFile(
            name="trend.csv",
            about="One row per movie, by size.",
            columns=(
                Column("movie", "The movie's name."),
                Column("size_px", "Diameter of the circle with the polygon's area [px]."),
                Column("size_A", "The same in Å; empty without a pixel size."),
                Column("mean", "Mean of the movie's curve (`measure`)."),
                Column("mean_error", "Its standard error; allows for the correlation of neighbouring frames."),
                Column("sd", "Standard deviation of the curve."),
                Column("sd_error", "Its standard error."),
                Column("share_ordered", "Share of the frames in ordered periods."),
                Column("share_disordered", "Share of the frames in disordered periods."),
                Column("periods", "How many periods there are."),
                Column("kind", "ordered, disordered, changing or undetermined."),
                Column("reason", "The rule that gave the kind."),
                Column("source", "Frames that were measured: raw or denoised."),
                Column("measure", "`alps_relative` or `alps`."),
            ),
        ),
        OutputFile(
            name="trend.json",
            about="The particles together.",
            columns=(
                Column("particles", "How many movies were compared."),
                Column("kinds", "How many of each kind."),
                Column("size_column", "`size_A` where every movie has a pixel size, else `size_px`."),
                Column("slope", "Slope of the mean against size; null with too few particles."),
                Column("slope_low", "Lower end of its 95 % interval."),
                Column("slope_high", "Upper end of its 95 % interval."),
                Column("intercept", "The line at size 0."),
                Column("slope_p_value", "Probability of such a slope without a trend."),
                Column(
                    "scatter", "Standard deviation of the particles about the line, beyond the errors of their means."
                ),
            ),
        ),
    ),
)
