"""The three-dimensional atoms of one particle in one window of time."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import AtomotionError, Frames, InputError, ParticleSeries
from atomotion.frames.diameter import size_curve, size_evidence
from atomotion.frames.maps import box_maps
from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.geometry.symmetry import angle_to_nearest_copy, rotation_group
from atomotion.io.atoms import write_atoms
from atomotion.io.config import MovieSource
from atomotion.io.maps import write_map
from atomotion.io.series import open_series, series_file
from atomotion.io.star import write_poses
from atomotion.project.leaf import read_json
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.reconstructed import density_slices, evidence_over_time, how_sure
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.frames import series_times
from atomotion.stages.reconstruct_outputs import OUTPUTS
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.reconstruction import Reconstruction

_ROOM = 6.0  # Å of box that are kept around the particle on each side
_AGREE = 0.5  # Å: halves that place an atom nearer than this agree
_PDB_LARGEST = 999.99


@dataclass(frozen=True, kw_only=True, slots=True)
class Boxes:
    """The boxes of one window, cut to what the reconstruction needs.

    Parameters
    ----------
    images : (n, y, x)
    box : (n,) int
        Their numbers in the stack.
    frame : (n,) int
    times : (n,) float [s] or None
    centres : (n, 2) float [Å] or None
        Where their pixels n // 2 lie in the movie.
    facts : mapping
        ``window``, ``frame_start``, ``frame_stop``, ``t0_s``, ``t1_s``.
    diameter : float [Å] or None
        That the window's table states.
    """

    images: NDArray[np.float32]
    box: NDArray[np.intp]
    frame: NDArray[np.integer]
    times: NDArray[np.float64] | None
    centres: NDArray[np.float64] | None
    facts: dict[str, Any]
    diameter: float | None


def run(task: Task) -> None:
    """Reconstruct the window ``window`` of ``windows`` (or all) from the boxes of ``series``."""
    import torch

    from atomotion.denoise.machine import torch_device
    from atomotion.tomography.chain import reconstruct
    from atomotion.tomography.response import Optics
    from atomotion.tomography.verdict import judge_reconstruction

    source: MovieSource = task.inputs["series"]
    series = open_series(source)
    assert source.path is not None
    if series.pixel_size is None:
        raise InputError(f"pixel size is missing in {source.path}; pass --pixel-size, e.g. 0.358A")
    boxes = read_window(series, source, task.inputs.get("windows"), task.inputs.get("window"))
    config: ReconstructionConfig = task.config
    if config.diameter is None:
        found = boxes.diameter if boxes.diameter is not None else measured_diameter(boxes.images, series.pixel_size)
        config = replace(config, diameter=found)
    assert config.diameter is not None
    if series.defocus is None or series.voltage is None:
        task.warn(
            "defocus or voltage are not known: no contrast transfer is applied, and a band that reaches beyond its "
            "first zero would mix signs; pass --defocus and --voltage, or end the band earlier with --resolution"
        )
        optics = Optics(bright=series.contrast != "dark")
    else:
        optics = Optics(voltage=series.voltage, cs=series.cs or 0.0, defocus=series.defocus)
    torch.set_num_threads(task.threads)
    result = reconstruct(
        cropped(boxes.images, config.diameter, series.pixel_size),
        config,
        pixel_size=series.pixel_size,
        background=None
        if series.background is None
        else cropped(series.background, config.diameter, series.pixel_size),
        times=boxes.times,
        box_centres=boxes.centres,
        optics=optics,
        seed=config.seed,
        device=torch_device(task.device),
        on_step=task.steps("steps of the reconstruction"),
    )
    verdict = judge_reconstruction(result, times=boxes.times)
    if not verdict.is_trusted and not config.doubtful:
        raise AtomotionError("no atoms are given: " + "; ".join(verdict.reasons))
    for note in (*verdict.reasons, *verdict.warnings):
        task.warn(note)
    summary = _summary(series, source, boxes, config, result) | {
        "unseen_directions_fraction": verdict.facts["unseen_directions_fraction"],
        "trusted": verdict.is_trusted,
        "reasons": list(verdict.reasons),
        "notes": list(verdict.warnings),
    }
    stack = series_file(source.path, "raw")
    _write(task, series, stack if stack.exists() else source.path, boxes, result)
    task.write_json("summary.json", summary)
    _draw(task, boxes, result)


def read_window(series: ParticleSeries, source: MovieSource, windows: Path | None, number: int | None) -> Boxes:
    """The raw boxes of a window; those in which the particle was out of sight are left out.

    Raises
    ------
    InputError
        Where the table has no such window, or no boxes lie in it.
    """
    raw = series.raw if series.raw is not None else series.images
    index = np.asarray(series.frame_index)
    use = np.ones(len(index), dtype=bool)
    table = series.metadata.get("table")
    if table is not None and "bridged" in table:
        use &= ~table["bridged"].to_numpy(bool)
    facts: dict[str, Any] = {"window": None, "frame_start": int(index[0]), "frame_stop": int(index[-1]) + 1}
    diameter = None
    if windows is not None:
        row = _row_of(windows, number)
        facts = {
            "window": int(row["window"]),
            "frame_start": int(row["frame_start"]),
            "frame_stop": int(row["frame_stop"]),
        }
        use &= (index >= facts["frame_start"]) & (index < facts["frame_stop"])
        diameter = float(row["diameter_A"]) if np.isfinite(row.get("diameter_A", np.nan)) else None
    chosen = np.flatnonzero(use)
    if len(chosen) == 0:
        raise InputError(
            f"no boxes of {source.path} lie in frames {facts['frame_start']} to {facts['frame_stop']}; are series and "
            "windows of the same particle?"
        )
    times = series_times(series)
    step = 0.0 if times is None or len(times) < 2 else float(np.median(np.diff(times)))
    facts |= {
        "t0_s": None if times is None else float(times[chosen[0]]),
        "t1_s": None if times is None else float(times[chosen[-1]]) + step,
    }
    return Boxes(
        images=np.stack([np.asarray(raw[int(box)], dtype=np.float32) for box in chosen]),
        box=chosen,
        frame=index[chosen],
        times=None if times is None else times[chosen],
        centres=_box_centres(table, series, chosen),
        facts=facts,
        diameter=diameter,
    )


def _read_windows(windows: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(windows)
        table[["window", "frame_start", "frame_stop"]].astype(int)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{windows} is no table of windows: {error}; make one with: atomotion frames") from error
    if table.empty:
        raise InputError(f"{windows} has no window; the particle was not in sight long enough, or shows no lattice")
    return table


def numbers_of_windows(windows: Path) -> list[int]:
    """The numbers of the windows of a ``windows.csv``."""
    return [int(each) for each in _read_windows(windows)["window"]]


def _row_of(windows: Path, number: int | None) -> pd.Series:
    table = _read_windows(windows)
    known = [int(each) for each in table["window"]]
    if number is None and len(known) == 1:
        number = known[0]
    if number not in known:
        raise InputError(f"{windows} has the windows {', '.join(map(str, known))}, not {number}; pass --window")
    row: pd.Series = table[table["window"] == number].iloc[0]
    return row


def _box_centres(
    table: pd.DataFrame | None, series: ParticleSeries, chosen: NDArray[np.intp]
) -> NDArray[np.float64] | None:
    if table is None or not {"box_x_px", "box_y_px"} <= set(table.columns) or series.pixel_size is None:
        return None
    middle = np.array([int(series.images.shape[2]) // 2, int(series.images.shape[1]) // 2])
    corners = table[["box_x_px", "box_y_px"]].to_numpy(float)[chosen]
    return np.asarray((corners + middle) * series.pixel_size)


def measured_diameter(images: Frames, pixel_size: float) -> float:
    """The particle's diameter [Å] from the energy of its lattice in all boxes together."""
    count = int(images.shape[0])
    evidence = size_evidence(box_maps(images, pixel_size=pixel_size))
    curve = size_curve(evidence, count=count, window=count, block=min(25, count))
    return float(np.median(curve.diameter))


def cropped(boxes: Frames, diameter: float, pixel_size: float) -> NDArray[np.float32]:
    """The middle of the boxes, with some room around the particle; pixel n // 2 stays pixel n // 2."""
    half = int(np.ceil((0.5 * diameter + _ROOM) / pixel_size))
    sides = [slice(max(n // 2 - half, 0), min(n // 2 + half, n)) for n in (int(each) for each in boxes.shape[1:])]
    return np.asarray(boxes[:, sides[0], sides[1]], dtype=np.float32)


def _turns(result: Reconstruction) -> NDArray[np.float64]:
    """(n,) turn [deg] since the image before, to the nearest lattice copy: a symmetric particle does not tell them."""
    turned = result.poses.quaternions
    return np.concatenate([[np.nan], angle_to_nearest_copy(turned[:-1], turned[1:], rotation_group("O"))])


def _summary(
    series: ParticleSeries, source: MovieSource, boxes: Boxes, config: ReconstructionConfig, result: Reconstruction
) -> dict[str, Any]:
    halves, turns = result.halves, _turns(result)[1:]
    known = result.poses.score
    return {
        "series": str(source.path),
        **boxes.facts,
        "element": result.element,
        "atoms": len(result),
        "images": len(boxes.images),
        "start": "fcc",
        "diameter_A": config.diameter,
        "held_out_z": result.held_out_z,
        "model_z": None if known is None else float(np.mean(known)),
        "log_evidence": result.log_evidence,
        "copy_ambiguity": result.ambiguous,
        "half_atom_agreement": None if halves is None else float(np.mean(halves.distances < _AGREE)),
        "half_rmsd_A": None if halves is None else halves.rms,
        "fsc_0143_A": None if halves is None else halves.shells.resolution(),
        "position_sigma_median_A": float(np.nanmedian(result.sigmas)),
        "b_factor_A2": result.b_factor,
        "rotation_step_deg": float(np.sqrt(np.mean(turns**2))) if config.ordered else None,
    }


def _write(task: Task, series: ParticleSeries, stack: Path, boxes: Boxes, result: Reconstruction) -> None:
    from ase import Atoms

    atoms = Atoms(symbols=[result.element] * len(result), positions=result.positions)
    atoms.set_array("occupancy", result.occupancies)
    atoms.set_array("position_sigma_A", result.sigmas)
    for name, key in (("t0", "t0_s"), ("t1", "t1_s")):
        if boxes.facts[key] is not None:
            atoms.info[name] = boxes.facts[key]
    write_atoms(task.output("atoms.xyz"), atoms)
    atoms.arrays["position_sigma_A"] = np.nan_to_num(result.sigmas, nan=_PDB_LARGEST).clip(0.0, _PDB_LARGEST)
    write_atoms(task.output("atoms.pdb"), atoms, b_factor="position_sigma_A")
    write_map(task.output("density.mrc"), result.density)
    assert series.pixel_size is not None
    write_poses(
        task.output("poses.star"),
        result.poses,
        stack=stack.name,
        numbers=boxes.box + 1,
        pixel_size=series.pixel_size,
        image_size=int(boxes.images.shape[-1]),
        voltage=series.voltage,
        cs=series.cs,
    )
    turned, shifts = result.poses.quaternions, result.poses.shifts
    task.write_table(
        "poses.csv",
        pd.DataFrame(
            {
                "box": boxes.box,
                "frame": boxes.frame,
                "time_s": np.nan if boxes.times is None else boxes.times,
                **{f"q_{axis}": turned[:, i] for i, axis in enumerate("wxyz")},
                "dx_A": shifts[:, 0],
                "dy_A": shifts[:, 1],
                "z": result.poses.score,
                "copy_margin": result.copy_margins,
                "weight": result.poses.weight,
                "turn_deg": _turns(result),
            }
        ),
    )
    if result.halves is not None:
        shells = result.halves.shells
        task.write_table("fsc.csv", pd.DataFrame({"frequency_per_A": shells.k, "correlation": shells.correlation}))


def _draw(task: Task, boxes: Boxes, result: Reconstruction) -> None:
    density = result.density
    figure = density_slices(density.values, result.positions, voxel_size=density.voxel_size, first=density.first_voxel)
    save(figure, task.figure("density.png"))
    time = boxes.frame.astype(float) if boxes.times is None else boxes.times
    assert result.poses.score is not None
    figure = evidence_over_time(
        time,
        label="frame" if boxes.times is None else "time (s)",
        z=result.poses.score,
        margin=result.copy_margins,
        step_deg=_turns(result),
    )
    save(figure, task.figure("evidence.png"))
    views = matrices_from_quaternions(result.poses.quaternions)[:, 2, :]
    shells = None if result.halves is None else result.halves.shells
    figure = how_sure(
        views=views,
        sigmas=result.sigmas,
        k=np.zeros(0) if shells is None else shells.k,
        shells=None if shells is None else shells.correlation,
    )
    save(figure, task.figure("sure.png"))


def section(folder: Path) -> Section:
    """The reconstruction in the report."""
    values, pictures = read_json(folder / "out" / "summary.json", {}), folder / "figures"
    agreement = values["half_atom_agreement"]
    rows = [
        ["images", values["images"], f"frames {values['frame_start']} to {values['frame_stop'] - 1}"],
        ["fit of images to what has not seen them", values["held_out_z"], "standard deviations of noise"],
        ["images on an ambiguous lattice copy", values["copy_ambiguity"], "share"],
        ["atoms on which both halves agree", agreement, "share, within 0.5 Å"],
        ["error of the atoms by the halves (Å)", values["half_rmsd_A"], "root mean square"],
        ["directions that nobody looked from", values["unseen_directions_fraction"], "share"],
        ["turn per image (°)", values["rotation_step_deg"], "root mean square"],
        ["half maps correlate by 0.143 (Å)", values["fsc_0143_A"], "how repeatable, not how right"],
    ]
    captions = {
        "density": ("Slices of the density, with the atoms within 1 Å.", "density.mrc"),
        "evidence": (
            "Fit of every image to the atoms, its margin over other lattice copies, and the turn since the one before.",
            "poses.csv",
        ),
        "sure": (
            "Directions of view (equal areas are equal), standard errors of the positions, correlation of the halves.",
            "atoms.xyz",
        ),
    }
    return Section(
        title=STAGE.title,
        sentences=[f"{values['atoms']} atoms of {values['element']}."],
        figures=[
            Figure(path=pictures / f"{name}.png", caption=caption, data=folder / "out" / data)
            for name, (caption, data) in captions.items()
        ],
        tables=[Table(columns=["", "", ""], rows=rows)],
    )


STAGE = Stage(
    name="reconstruct",
    title="Atoms in three dimensions",
    config=ReconstructionConfig,
    run=run,
    section=section,
    positional=("series",),
    outputs=OUTPUTS,
)
