"""The rigid drift of a movie: how far the content of every frame is displaced."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.io.movie import open_movie
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.drift_path import drift_path
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section
from atomotion.stages.findings import noise_findings, outliers_in
from atomotion.track.config import DriftConfig
from atomotion.track.drift import estimate_drift


def run(task: Task) -> None:
    """Estimate the drift of ``movie``; frames that ``noise`` names as outliers are passed over."""
    movie = open_movie(task.inputs["movie"])
    drift = estimate_drift(
        movie.frames,
        task.config,
        bad_frames=outliers_in(noise_findings(task.inputs.get("noise"))),
        on_step=task.steps("frames"),
    )
    xy = drift.xy
    if drift.is_visible is False:
        # half of a lattice period in the wrong direction does more harm than a drift that is left in
        xy = np.zeros_like(xy)
        task.warn(
            f"the drift is taken as none: its two estimates, from halves of the spatial frequencies, differ by "
            f"{2 * drift.error_px:.2g} px rms (the sample changes too much, or is too faint)"
        )
    times = movie.time_axis()
    scale = np.nan if movie.pixel_size is None else movie.pixel_size
    table = pd.DataFrame(
        {
            "frame": np.arange(len(movie)),
            "time_s": np.nan if times is None else times,
            "dx_px": xy[:, 0],
            "dy_px": xy[:, 1],
            "dx_A": xy[:, 0] * scale,
            "dy_A": xy[:, 1] * scale,
            "sd_px": drift.sd_px,
            "score": drift.score,
        }
    )
    task.write_table("drift.csv", table)
    reach = float(np.hypot(*np.ptp(xy, axis=0)))
    task.write_json(
        "drift.json",
        {
            "visible": drift.is_visible,
            "range_px": reach,
            "range_A": reach * movie.pixel_size if movie.pixel_size is not None else None,
            "step_rms_px": _step(xy),
            "error_px": drift.error_px,
            "agreement": drift.agreement,
            "median_sd_px": float(np.median(drift.sd_px)),
            "median_score": float(np.nanmedian(drift.score)),
        },
    )
    known = movie.pixel_size is not None
    figure = drift_path(
        xy[:, 0] * (scale if known else 1.0),
        xy[:, 1] * (scale if known else 1.0),
        unit="Å" if known else "px",
        times=times,
    )
    save(figure, task.figure("drift.png"))


def _step(xy: NDArray[np.floating]) -> float:
    return float(np.sqrt((np.diff(xy, axis=0) ** 2).sum(axis=1).mean())) if len(xy) > 1 else 0.0


def read_drift(path: Path | None, frames: int) -> NDArray[np.float64] | None:
    """(t, 2) dx dy [px] from a ``drift.csv``; None without one.

    Raises
    ------
    InputError
        Where the file is none, or is of another movie.
    """
    if path is None:
        return None
    try:
        table = pd.read_csv(path)
        drift = table[["dx_px", "dy_px"]].to_numpy(float)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} is no drift table: {error}; make one with: atomotion drift MOVIE -o drift.csv"
        ) from error
    if len(drift) != frames:
        raise InputError(f"{path} holds the drift of {len(drift)} frames, but the movie has {frames}")
    if not np.isfinite(drift).all():
        raise InputError(f"{path} has displacements that are not finite")
    return drift


def section(folder: Path) -> Section:
    """The drift in the report."""
    values = read_json(folder / "out" / "drift.json", {})
    size = f"{values['range_px']:.3g} px" if values["range_A"] is None else f"{values['range_A']:.3g} Å"
    sentences = ["The drift could not be measured and is taken as none."]
    if values["visible"] is not False:
        error = "" if values["error_px"] is None else f", known to {values['error_px']:.2g} px"
        sentences = [
            f"The content moves over {size}{error}. The polygon follows it, and averages over time are taken along it; "
            "no frame is resampled."
        ]
    return Section(
        title=STAGE.title,
        sentences=sentences,
        figures=[
            Figure(
                path=folder / "figures" / "drift.png",
                caption="Displacement of the content of every frame relative to the first good one.",
                data=folder / "out" / "drift.csv",
            )
        ],
    )


STAGE = Stage(
    name="drift",
    title="Rigid drift",
    config=DriftConfig,
    run=run,
    section=section,
    outputs=(
        OutputFile(
            name="drift.csv",
            about="Displacement of the content of every frame.",
            columns=(
                Column("frame", "Number of the frame, from 0."),
                Column("time_s", "Its time; empty where the frame time is not known."),
                Column("dx_px", "Displacement to the right, relative to the first good frame."),
                Column("dy_px", "Displacement downwards."),
                Column("dx_A", "The same in Å; empty without a pixel size."),
                Column("dy_A", "The same in Å; empty without a pixel size."),
                Column("sd_px", "Standard deviation of a displacement, per axis, as far as noise goes."),
                Column(
                    "score", "About 1 where the frame shows what its neighbours show, 0 where nothing of it is seen."
                ),
            ),
        ),
        OutputFile(
            name="drift.json",
            about="The drift in a few numbers.",
            columns=(
                Column(
                    "visible", "Whether two estimates agree; if not, the drift is taken as none. Null: not asked for."
                ),
                Column("range_px", "Diagonal of the box that the path fills."),
                Column("range_A", "The same in Å; null without a pixel size."),
                Column("step_rms_px", "Root mean square of the displacement from one frame to the next."),
                Column("error_px", "Half the rms difference of two estimates from halves of the spatial frequencies."),
                Column(
                    "agreement",
                    "How sure it is that frames aligned by one half match in the other [standard deviations of noise].",
                ),
                Column("median_sd_px", "Median of the displacements' standard deviations."),
                Column("median_score", "Median of the scores."),
            ),
        ),
    ),
)
