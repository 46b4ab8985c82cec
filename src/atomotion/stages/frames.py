"""The frames of one particle: lattice, size and quality of each, and the windows to reconstruct."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, Movie, ParticleSeries
from atomotion.frames.config import FramesConfig
from atomotion.frames.measure import FrameMeasures, measure_boxes
from atomotion.frames.windows import views_of
from atomotion.io.config import MovieSource
from atomotion.io.series import open_series
from atomotion.io.writer import write_movie
from atomotion.particles.ideal import lattice_constant
from atomotion.project.leaf import read_json
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.frame_findings import class_averages, diameter_curve, frame_strip, peak_histogram
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.frames_outputs import OUTPUTS

_SHOWN = 12  # frames of the strip
_CORNERS = 48  # of a drawn circle


def run(task: Task) -> None:
    """Analyse the boxes of ``series`` in two dimensions."""
    source: MovieSource = task.inputs["series"]
    series = open_series(source)
    name = str(source.path)
    config: FramesConfig = task.config
    if series.pixel_size is None:
        raise InputError(
            f"pixel size is missing in {name}, and sizes and lattices need it; pass --pixel-size, e.g. 0.358A"
        )
    raw = series.images if series.raw is None else series.raw
    try:
        found = measure_boxes(
            raw,
            series.images,
            config,
            pixel_size=series.pixel_size,
            expected_lattice=None if config.element is None else lattice_constant(config.element),
            rng=np.random.default_rng(config.seed),
            steps=task.steps,
        )
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    times = series_times(series)
    windows = windows_table(found, series, times)
    table = frames_table(found, series, times, windows)
    summary = _summary(found, series, raw is series.images, windows, table)
    for note in summary["notes"]:
        task.warn(note)
    task.write_table("frames.csv", table)
    task.write_table("windows.csv", windows)
    task.write_json("frames.json", summary)
    _draw(task, found, series.images, series.pixel_size, times)


def series_times(series: ParticleSeries) -> NDArray[np.float64] | None:
    """(n,) times of the boxes [s]; None where they are not known."""
    if series.times is not None:
        return np.asarray(series.times, dtype=float)
    if series.frame_time is not None:
        return np.asarray(series.frame_index, dtype=float) * series.frame_time
    return None


def windows_table(found: FrameMeasures, series: ParticleSeries, times: NDArray[np.float64] | None) -> pd.DataFrame:
    """``windows.csv``."""
    index = np.asarray(series.frame_index)
    step = 0.0 if times is None or len(times) < 2 else float(np.median(np.diff(times)))
    rejected = np.array([bool(note) for note in found.notes])
    rows = []
    for number, window in enumerate(found.windows, start=1):
        inside = slice(window.start, window.stop)
        lattice = found.lattice.value[inside]
        length = window.stop - window.start
        rows.append(
            {
                "window": number,
                "frame_start": int(index[window.start]),
                "frame_stop": int(index[window.stop - 1]) + 1,
                "t0_s": np.nan if times is None else times[window.start],
                "t1_s": np.nan if times is None else times[window.stop - 1] + step,
                "frames": length,
                "crystalline_frames": int(found.crystalline[inside].sum()),
                "rejected_frames": int(rejected[inside].sum()),
                "views": round(views_of(found.evidence, window)),
                "diameter_A": float(found.curve.diameter[inside].mean()),
                "diameter_error_A": float(found.curve.scatter / np.sqrt(length)),
                "lattice_parameter_A": float(np.nanmedian(lattice)) if np.isfinite(lattice).any() else np.nan,
                "reason": window.reason,
            }
        )
    return pd.DataFrame(rows, columns=[column.name for column in OUTPUTS[1].columns])


def frames_table(
    found: FrameMeasures, series: ParticleSeries, times: NDArray[np.float64] | None, windows: pd.DataFrame
) -> pd.DataFrame:
    """``frames.csv``."""
    count = len(found.peaks)
    window = pd.Series([pd.NA] * count, dtype="Int64")
    for number, each in enumerate(found.windows, start=1):
        window.iloc[each.start : each.stop] = number
    centres = np.array([(np.nan, np.nan) if each is None else each.centre for each in found.regions]).reshape(-1, 2)
    classes = found.classes
    return pd.DataFrame(
        {
            "frame": np.asarray(series.frame_index),
            "box": np.arange(count),
            "time_s": np.nan if times is None else times,
            "peak": [each.strongest for each in found.peaks],
            "crystalline": found.crystalline,
            "lattice_parameter_A": found.lattice.value,
            "lattice_parameter_error_A": found.lattice.error,
            "zone_axis": found.zones,
            "region_diameter_A": found.region_diameters,
            "region_x_px": centres[:, 0],
            "region_y_px": centres[:, 1],
            "centre_x_px": found.centres[:, 0],
            "centre_y_px": found.centres[:, 1],
            "diameter_A": found.curve.diameter,
            "diameter_low_A": found.curve.low,
            "diameter_high_A": found.curve.high,
            "sharpness": found.sharpness,
            "class": -1 if classes is None else classes.label,
            "class_likeness": np.nan if classes is None else classes.likeness,
            "rejected": [bool(note) for note in found.notes],
            "note": found.notes,
            "window": window,
        }
    )


def _summary(
    found: FrameMeasures, series: ParticleSeries, same: bool, windows: pd.DataFrame, table: pd.DataFrame
) -> dict[str, Any]:
    denoised = "denoised" if "processing" in series.metadata else "raw"
    return {
        "frames": len(found.peaks),
        "pooled_from": denoised if same else "raw",
        "judged_from": denoised,
        "threshold": found.threshold.value,
        "threshold_reason": found.threshold.reason,
        "bimodal": found.threshold.bimodal,
        "noise_peak": found.noise_peak,
        "crystalline_frames": int(found.crystalline.sum()),
        "rejected_frames": int(table["rejected"].sum()),
        "lattice_parameter_A": found.lattice.mean,
        "lattice_parameter_error_A": found.lattice.mean_error,
        "diameter_first_A": float(found.curve.diameter[0]),
        "diameter_last_A": float(found.curve.diameter[-1]),
        "changes": [
            {"box": int(found.evidence.frames[each.at]), "atoms": each.atoms, "gain": each.gain, "needed": each.price}
            for each in found.changes
        ],
        "monolayer_A": found.monolayer,
        "windows": len(windows),
        "frames_in_windows": int(windows["frames"].sum()),
        "notes": _notes(found, series, windows),
    }


def _notes(found: FrameMeasures, series: ParticleSeries, windows: pd.DataFrame) -> list[str]:
    notes = []
    if not found.threshold.bimodal and found.threshold.reason != "given":
        notes.append(f"crystalline frames: {found.threshold.reason}")
    if series.raw is None:
        notes.append("there are no raw boxes; a denoiser can spread the lattice, and with it the diameter")
    if len(windows) == 0:
        notes.append("no stretch of frames is long enough for a window; pass --windows-given, e.g. 0-400,450-800")
    for number, views in zip(windows["window"].to_list(), windows["views"].to_list(), strict=True):
        if views < found.min_views:
            notes.append(f"window {number} holds about {views} distinct views; its structure may be poor")
    if len(windows) == 1 and "too few frames" in str(windows["reason"].iloc[0]):
        notes.append(str(windows["reason"].iloc[0]))
    return notes


def _draw(
    task: Task, found: FrameMeasures, images: Frames, pixel_size: float, times: NDArray[np.float64] | None
) -> None:
    spans = [(each.start, each.stop) for each in found.windows]
    curve = found.curve
    figure = diameter_curve(
        curve.diameter, curve.low, curve.high, regions=found.region_diameters, sharpness=found.sharpness,
        windows=spans, times=times,
    )  # fmt: skip
    save(figure, task.figure("windows.png"))
    strongest = np.array([each.strongest for each in found.peaks])
    save(
        peak_histogram(strongest, threshold=found.threshold.value, noise=found.noise_peak),
        task.figure("frames_peaks.png"),
    )
    chosen = np.unique(np.linspace(0, len(found.peaks) - 1, _SHOWN).round().astype(int))
    chosen = np.array([each for each in chosen if np.isfinite(strongest[each])], dtype=int)
    titles = [_title(found, int(each)) for each in chosen]
    save(
        frame_strip(
            [np.asarray(images[int(each)], dtype=float) for each in chosen],
            titles,
            regions=[_circle(found, int(each), pixel_size) for each in chosen],
            pixel_size=pixel_size,
        ),
        task.figure("frames.png"),
    )
    if found.classes is not None:
        averages = found.classes.averages
        label = found.classes.label
        members = np.bincount(label[label >= 0], minlength=len(averages))
        write_movie(task.output("classes.mrcs"), Movie(frames=averages, pixel_size=pixel_size))
        save(class_averages(averages, members, pixel_size=pixel_size), task.figure("classes.png"))


def _title(found: FrameMeasures, index: int) -> str:
    shown = found.zones[index] or ("crystalline" if found.crystalline[index] else "no lattice")
    return f"{index}: {shown}" + ("" if found.classes is None else f"\nclass {found.classes.label[index]}")


def _circle(found: FrameMeasures, index: int, pixel_size: float) -> NDArray[np.float64] | None:
    region = found.regions[index]
    if region is None:
        return None
    angle = np.linspace(0.0, 2.0 * np.pi, _CORNERS, endpoint=False)
    radius = 0.5 * region.diameter / pixel_size
    return np.column_stack([region.centre[0] + radius * np.cos(angle), region.centre[1] + radius * np.sin(angle)])


def section(folder: Path) -> Section:
    """The frames and windows in the report."""
    out, pictures = folder / "out", folder / "figures"
    values = read_json(out / "frames.json", {})
    windows = pd.read_csv(out / "windows.csv")
    shown = ["window", "frame_start", "frame_stop"]
    shown += ["t0_s", "t1_s"] if windows["t0_s"].notna().any() else []
    shown += ["crystalline_frames", "views", "diameter_A", "reason"]
    lattice = values["lattice_parameter_A"]
    sentences = [
        f"{values['crystalline_frames']} of {values['frames']} frames show the lattice, {values['rejected_frames']} "
        "are rejected.",
        f"The diameter goes from {values['diameter_first_A']:.1f} to {values['diameter_last_A']:.1f} Å, with "
        f"{len(values['changes'])} changes; {values['windows']} windows hold {values['frames_in_windows']} frames.",
    ]
    if lattice is not None:
        sentences.append(
            f"Lattice parameter {lattice:.3f} Å, standard error {values['lattice_parameter_error_A']:.3f}."
        )
    captions = {
        "windows": ("Diameter over time with its 95 % band, and the windows; below, the contrast of the lattice.",
                    "frames.csv"),
        "frames_peaks": ("Largest Fourier peak of every frame and the threshold of crystalline ones.", "frames.csv"),
        "frames": ("Frames spread over the series; the circle has the area of the crystalline region.", None),
        "classes": ("Averages of neighbours in time, with the number of frames in each.", None),
    }  # fmt: skip
    return Section(
        title=STAGE.title,
        sentences=sentences,
        warnings=values["notes"],
        figures=[
            Figure(path=pictures / f"{name}.png", caption=caption, data=None if data is None else out / data)
            for name, (caption, data) in captions.items()
            if (pictures / f"{name}.png").exists()
        ],
        tables=[Table(columns=shown, rows=windows[shown].to_numpy(object).tolist())],
    )


STAGE = Stage(
    name="frames",
    branches=True,
    title="Frames and time windows",
    config=FramesConfig,
    run=run,
    section=section,
    positional=("series",),
    outputs=OUTPUTS,
)
