"""The noise of the raw movie: units per electron, correlations, outlier frames, and what they forbid."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atomotion.io.movie import open_movie
from atomotion.noise.config import NoiseConfig
from atomotion.noise.consequences import seen_in_vacuum
from atomotion.noise.findings import NoiseFindings
from atomotion.noise.measure import measure_noise
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.noise_findings import noise_findings
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.vacuum import vacuum_on_movie


def run(task: Task) -> None:
    """Measure the noise of ``movie``, in ``vacuum`` where one is given."""
    movie = open_movie(task.inputs["movie"])
    vacuum_frames, mask = vacuum_on_movie(task.inputs.get("vacuum"), movie)
    separate = vacuum_frames is not None and vacuum_frames is not movie.frames
    findings = measure_noise(
        movie.frames, vacuum_mask=None if separate else mask, config=task.config, on_step=task.steps("frames")
    )
    if separate:
        assert vacuum_frames is not None
        empty = measure_noise(vacuum_frames, vacuum_mask=mask, config=task.config, on_step=task.steps("vacuum frames"))
        findings = seen_in_vacuum(findings, empty)
    for sentence in findings.warnings:
        task.warn(sentence)
    task.write_json("noise.json", _summary(findings))
    task.write_table("noise_frames.csv", _frame_table(findings))
    figure = noise_findings(
        level=findings.window_mean,
        variance=findings.window_variance,
        gain=findings.units_per_electron,
        offset=findings.offset,
        pixel_correlation=findings.pixel_correlation,
        frame_correlation=findings.frame_correlation,
        frame_means=findings.frame_mean,
        outliers=findings.outlier_index,
        times=movie.time_axis(),
    )
    save(figure, task.figure("noise.png"))


def _summary(findings: NoiseFindings) -> dict[str, Any]:
    low, high = findings.units_per_electron_interval or (None, None)
    return {
        "units_per_electron": findings.units_per_electron,
        "units_per_electron_low": low,
        "units_per_electron_high": high,
        "offset": findings.offset,
        "is_poisson": findings.is_poisson,
        "electrons_per_pixel": findings.electrons_per_pixel,
        "pixel_lag1": findings.pixel_lag1,
        "pixel_lag1_x": findings.pixel_lag1_x,
        "pixel_lag1_y": findings.pixel_lag1_y,
        "pixel_lag1_error": findings.pixel_lag1_error,
        "pixel_correlation": findings.pixel_correlation,
        "is_white_pixels": findings.is_white_pixels,
        "frame_lag1": findings.frame_lag1,
        "frame_lag1_error": findings.frame_lag1_error,
        "frame_correlation": findings.frame_correlation,
        "is_white_frames": findings.is_white_frames,
        "vacuum_snr": findings.vacuum_snr,
        "flicker": findings.flicker,
        "outlier_frames": findings.outlier_index,
        "outlier_reasons": [each.detail for each in findings.outlier_frames],
        "method": findings.method,
        "warnings": findings.warnings,
    }


def _frame_table(findings: NoiseFindings) -> pd.DataFrame:
    """One row per frame: its brightness and what is wrong with it."""
    reasons = [""] * len(findings.frame_mean)
    for each in findings.outlier_frames:
        reasons[each.index] = each.detail
    return pd.DataFrame(
        {
            "frame": np.arange(len(reasons)),
            "mean": findings.frame_mean,
            "standard_deviation": findings.frame_sd,
            "outlier": reasons,
        }
    )


def section(folder: Path) -> Section:
    """The noise in the report."""
    values = read_json(folder / "out" / "noise.json", {})
    rows = [
        ["units per electron", values["units_per_electron"], _interval(values)],
        ["electrons per pixel and frame", values["electrons_per_pixel"], ""],
        ["correlation of neighbouring pixels", values["pixel_lag1"], _verdict(values["is_white_pixels"])],
        ["correlation of neighbouring frames", values["frame_lag1"], _verdict(values["is_white_frames"])],
        ["mean / standard deviation in vacuum", values["vacuum_snr"], ""],
        ["flicker of the beam", values["flicker"], "relative, beyond counting noise"],
        ["outlier frames", len(values["outlier_frames"]), ", ".join(map(str, values["outlier_frames"][:20]))],
    ]
    return Section(
        title=STAGE.title,
        figures=[
            Figure(
                path=folder / "figures" / "noise.png",
                caption="Noise variance against mean, with the line of units per electron; correlation of a pixel's "
                "noise with its neighbours' and with later frames'; mean of every frame.",
                data=folder / "out" / "noise_frames.csv",
            )
        ],
        tables=[Table(columns=["", "value", ""], rows=rows, caption=f"Measured from: {values['method']}.")],
    )


def _interval(values: dict[str, Any]) -> str:
    low, high = values["units_per_electron_low"], values["units_per_electron_high"]
    return "" if low is None else f"95 %: {low:.4g} to {high:.4g}"


def _verdict(white: bool | None) -> str:
    return {True: "white", False: "correlated", None: "not measured"}[white]


STAGE = Stage(
    name="noise",
    title="Noise of the raw movie",
    config=NoiseConfig,
    run=run,
    section=section,
    outputs=(
        OutputFile(
            name="noise.json",
            about="What the noise is; `null` where something could not be findings.",
            columns=(
                Column(
                    "units_per_electron", "Noise variance per mean intensity: stored units that one electron makes."
                ),
                Column("units_per_electron_low", "Lower end of its 95 % interval."),
                Column("units_per_electron_high", "Upper end of its 95 % interval."),
                Column("offset", "Intensity at which the noise vanishes [stored units]."),
                Column("is_poisson", "Whether the variance grows with the mean, as counted electrons' does."),
                Column("electrons_per_pixel", "Mean electrons per pixel and frame, in vacuum where one was given."),
                Column("pixel_lag1", "Correlation of the noise of neighbouring pixels."),
                Column("pixel_lag1_x", "The same along x."),
                Column("pixel_lag1_y", "The same along y."),
                Column("pixel_lag1_error", "Its standard error."),
                Column("pixel_correlation", "Correlation at pixel lags -3..3, rows are lags in y."),
                Column("is_white_pixels", "Whether that correlation is negligible."),
                Column("frame_lag1", "Correlation of a pixel's noise in neighbouring frames."),
                Column("frame_lag1_error", "Its standard error."),
                Column("frame_correlation", "Correlation at lags of 1, 2, 3 frames."),
                Column("is_white_frames", "Whether that correlation is negligible."),
                Column("vacuum_snr", "Mean over standard deviation of the vacuum's pixels in one frame."),
                Column("flicker", "Relative standard deviation of the frames' mean, beyond counting noise."),
                Column("outlier_frames", "Frames that do not belong with the others, counted from 0."),
                Column("outlier_reasons", "What is wrong with each of them."),
                Column("method", "Where it was measured: vacuum, or frame differences."),
                Column("warnings", "What the findings invalidate, a sentence each."),
            ),
        ),
        OutputFile(
            name="noise_frames.csv",
            about="Brightness of every frame.",
            columns=(
                Column("frame", "Number of the frame, from 0."),
                Column("mean", "Mean of a sample of its pixels [stored units]."),
                Column("standard_deviation", "Their standard deviation [stored units]."),
                Column("outlier", "What is wrong with the frame; empty where nothing is."),
            ),
        ),
    ),
)
