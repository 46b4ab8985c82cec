"""Where the windows of one particle begin and end, by the reconstructions of a first guess of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import InputError, ParticleSeries
from atomotion.io.atoms import read_atoms
from atomotion.io.config import MovieSource
from atomotion.io.series import open_series
from atomotion.project.leaf import read_json
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.style import save
from atomotion.report.figures.window_evidence import evidence_of_windows
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.boundaries_outputs import OUTPUTS
from atomotion.stages.boundaries_tables import given_windows, settled_table, what_happened
from atomotion.stages.window_boxes import Boxes, cropped, read_window
from atomotion.tomography.boundaries_config import BoundariesConfig

if TYPE_CHECKING:
    from atomotion.tomography.common_frame import WindowModel
    from atomotion.tomography.observations import Observations
    from atomotion.tomography.response import Optics

_LATTICES = ("twin", "icosahedron", "decahedron")  # starts of another symmetry than that of FCC
_GIVEN = "given"  # the reason of windows that a user has set


def run(task: Task) -> None:
    """Settle the ``windows`` of ``series`` by their ``models`` (files of atoms, with poses and summary beside them)."""
    import torch

    from atomotion.tomography.settled_windows import settle_windows, unsettled

    source: MovieSource = task.inputs["series"]
    series = open_series(source)
    if series.pixel_size is None:
        raise InputError(f"pixel size is missing in {source.path}; pass --pixel-size, e.g. 0.358A")
    windows = given_windows(task.inputs["windows"])
    boxes = read_window(series, source, None, None)
    models, facts, numbers = _models(task.inputs["models"], boxes, windows)
    torch.set_num_threads(task.threads)
    if models:
        observations = _observations(task, series, boxes, facts)
        config = _config(task, windows)
        found = settle_windows(observations, models, config, on_step=task.steps("windows compared with the images"))
    else:
        found = unsettled(len(boxes.box), "no window has a reconstruction that can be believed; all stay as they are")
    frames = task.inputs.get("frames")
    table = settled_table(found, windows, numbers, boxes, None if frames is None else pd.read_csv(frames))
    evidence = pd.DataFrame(
        {
            "frame": boxes.frame,
            "box": boxes.box,
            "time_s": np.nan if boxes.times is None else boxes.times,
            "window_before": _window_of(boxes.frame, windows),
            "window": _window_of(boxes.frame, table),
            "z": found.z,
            "correlation": found.correlation,
            "log_ratio_before": found.ratio_before,
            "log_ratio_after": found.ratio_after,
            "strength": found.strength,
        }
    )
    summary = what_happened(found, windows, table, numbers, boxes)
    for note in summary["notes"]:
        task.warn(note)
    task.write_table("windows.csv", table)
    task.write_table("evidence.csv", evidence)
    task.write_json("boundaries.json", summary)
    if models:
        _draw(task, boxes, evidence, windows, table)


def _config(task: Task, windows: pd.DataFrame) -> BoundariesConfig:
    """The config; windows that a user has set stay."""
    config: BoundariesConfig = task.config
    if (windows["reason"] == _GIVEN).all():
        return replace(config, move=False, split=False, merge=False)
    return config


def _models(
    paths: Sequence[Path], boxes: Boxes, windows: pd.DataFrame
) -> tuple[list["WindowModel"], list[dict[str, Any]], list[int]]:
    """The models that can be believed, in the order of time, with their summaries and the numbers of their windows."""
    from atomotion.tomography.common_frame import WindowModel

    found: list[tuple[WindowModel, dict[str, Any], int]] = []
    for path in paths:
        summary, poses = read_json(_beside(path, "summary.json"), {}), _beside(path, "poses.csv")
        if not summary or not poses.exists():
            raise InputError(f"{path} needs summary.json and poses.csv beside it, as atomotion reconstruct writes them")
        # null where it was not tested
        if summary["trusted"] is not True or summary["window"] not in set(windows["window"]):
            continue
        row = windows[windows["window"] == summary["window"]].iloc[0]
        if (row["frame_start"], row["frame_stop"]) != (summary["frame_start"], summary["frame_stop"]):
            raise InputError(f"{path} is not of window {summary['window']} of the table: its frames are others")
        table, atoms = pd.read_csv(poses), read_atoms(path)
        images = np.searchsorted(boxes.box, table["box"])
        if images.max(initial=0) >= len(boxes.box) or (boxes.box[images] != table["box"]).any():
            raise InputError(f"{poses} names boxes that the series has not; are they of the same particle?")
        start, stop = np.searchsorted(boxes.frame, [row["frame_start"], row["frame_stop"]])
        model = WindowModel(
            start=int(start),
            stop=int(stop),
            images=images,
            positions=atoms.positions,
            occupancies=atoms.arrays["occupancy"],
            sigmas=atoms.arrays["position_sigma_A"],
            b_factor=float(summary["b_factor_A2"]),
            quaternions=table[["q_w", "q_x", "q_y", "q_z"]].to_numpy(float),
            shifts=table[["dx_A", "dy_A"]].to_numpy(float),
            z=table["z"].to_numpy(float),
        )
        found.append((model, summary, int(summary["window"])))
    found.sort(key=lambda each: each[0].start)
    return [each[0] for each in found], [each[1] for each in found], [each[2] for each in found]


def _beside(atoms: Path, name: str) -> Path:
    """``poses.csv`` beside ``atoms.xyz``, ``window_02_poses.csv`` beside ``window_02_atoms.xyz``."""
    return atoms.with_name(atoms.name.removesuffix("atoms.xyz") + name)


def _observations(task: Task, series: ParticleSeries, boxes: Boxes, facts: Sequence[dict[str, Any]]) -> "Observations":
    import torch

    from atomotion.denoise.machine import torch_device
    from atomotion.tomography.config import ReconstructionConfig
    from atomotion.tomography.preparation import prepare

    assert series.pixel_size is not None
    config: BoundariesConfig = task.config
    diameter = max(each["diameter_A"] for each in facts)
    background = series.background
    observations, _ = prepare(
        cropped(boxes.images, diameter, series.pixel_size),
        ReconstructionConfig(
            element=facts[0]["element"],
            start=facts[0]["start"] if facts[0].get("start") in _LATTICES else "fcc",
            diameter=diameter,
            resolution=config.resolution,
            longest=config.longest,
            mask_margin=config.mask_margin,
        ),
        pixel_size=series.pixel_size,
        background=None if background is None else cropped(background, diameter, series.pixel_size),
        times=boxes.times,
        box_centres=boxes.centres,
        optics=_optics(task, series, facts),
        generator=torch.Generator().manual_seed(0),
        device=torch_device(task.device),
    )
    return observations


def _optics(task: Task, series: ParticleSeries, facts: Sequence[dict[str, Any]]) -> "Optics":
    """What is known of the microscope, with the defocus that the reconstructions found."""
    from atomotion.stages.series_optics import optics_of

    found = [each["defocus_A"] for each in facts if each.get("defocus_A") is not None]
    return optics_of(
        series,
        mtf=task.inputs.get("mtf"),
        focal_spread=task.config.focal_spread,
        defocus=float(np.mean(found)) if found else None,
    )


def _window_of(frames: NDArray[np.integer], windows: pd.DataFrame) -> pd.Series:
    number = pd.Series([pd.NA] * len(frames), dtype="Int64")
    for _, row in windows.iterrows():
        number[(frames >= row["frame_start"]) & (frames < row["frame_stop"])] = int(row["window"])
    return number


def _draw(task: Task, boxes: Boxes, evidence: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> None:
    times = boxes.frame.astype(float) if boxes.times is None else boxes.times

    def edges(windows: pd.DataFrame) -> list[float]:
        return [float(each) for each in np.interp(windows["frame_start"].to_numpy()[1:], boxes.frame, times)]

    figure = evidence_of_windows(
        times,
        label="frame" if boxes.times is None else "time (s)",
        correlation=evidence["correlation"].to_numpy(),
        before=evidence["log_ratio_before"].to_numpy(),
        after=evidence["log_ratio_after"].to_numpy(),
        edges=edges(after),
        old_edges=edges(before),
    )
    save(figure, task.figure("boundaries.png"))


def section(folder: Path) -> Section:
    """The boundaries in the report."""
    out = folder / "out"
    values, windows = read_json(out / "boundaries.json", {}), pd.read_csv(out / "windows.csv")
    done = [
        f"{len(values[key])} {words}"
        for key, words in (("moved", "moved"), ("split", "new"), ("merged", "taken away"))
        if values[key]
    ]
    sentences = [
        f"{values['windows_before']} windows became {values['windows']}; boundaries: {', '.join(done) or 'as before'}."
    ]
    columns = ["window", "frame_start", "frame_stop", "frames", "reason"]
    picture = folder / "figures" / "boundaries.png"
    return Section(
        title=STAGE.title,
        sentences=sentences,
        warnings=values["notes"],
        figures=[
            Figure(
                path=picture,
                caption="Above, the correlation of every image with the reprojected atoms of its window. Below, by how "
                "much the atoms of the windows beside its own make it likelier. Dotted: boundaries as they were.",
                data=out / "evidence.csv",
            )
        ]
        if picture.exists()
        else [],
        tables=[Table(columns=columns, rows=windows[columns].to_numpy(object).tolist())],
    )


STAGE = Stage(
    name="boundaries",
    title="Boundaries of the windows in three dimensions",
    branches=True,
    config=BoundariesConfig,
    run=run,
    section=section,
    positional=("series", "models"),
    outputs=OUTPUTS,
)
