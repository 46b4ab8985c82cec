"""The three-dimensional atoms of one particle in one window of time."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from atomotion.data import AtomotionError, InputError, ParticleSeries
from atomotion.io.atoms import read_atoms
from atomotion.io.config import MovieSource
from atomotion.io.series import open_series, series_file
from atomotion.project.stage import Stage, Task
from atomotion.stages.reconstruct_outputs import OUTPUTS
from atomotion.stages.reconstruct_results import draw_results, section, write_results
from atomotion.stages.window_boxes import Boxes, cropped, measured_diameter, read_window
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.reconstruction import Reconstruction
from atomotion.tomography.turning import RotationOverTime, rotation_over_time

if TYPE_CHECKING:
    from atomotion.tomography.response import Optics
    from atomotion.tomography.verdict import Verdict

_AGREE = 0.5  # Å: halves that place an atom nearer than this agree
_UNTESTED = (
    "the published method tests no lattice copies and knows no errors: atoms may be wrong however well halves agree; "
    "use the method evidence to have a reconstruction tested"
)


def run(task: Task) -> None:
    """Reconstruct the window ``window`` of ``windows`` (or all) from the boxes of ``series``.

    Optional inputs are a file of atoms to ``start`` from, and the camera's ``mtf``.
    """
    import torch

    from atomotion.tomography.verdict import judge_reconstruction

    source: MovieSource = task.inputs["series"]
    series = open_series(source)
    assert source.path is not None
    if series.pixel_size is None:
        raise InputError(f"pixel size is missing in {source.path}; pass --pixel-size, e.g. 0.358A")
    config: ReconstructionConfig = task.config
    boxes = read_window(
        series, source, task.inputs.get("windows"), task.inputs.get("window"), denoised=config.boxes == "denoised"
    )
    if config.diameter is None:
        found = boxes.diameter if boxes.diameter is not None else measured_diameter(boxes.images, series.pixel_size)
        config = replace(config, diameter=found)
    assert config.diameter is not None
    optics = _optics(task, series)
    torch.set_num_threads(task.threads)
    if config.method == "published":
        result, verdict = _published(task, series, boxes, config, optics), None
        notes = [_UNTESTED]
    else:
        result = _by_evidence(task, series, boxes, config, optics)
        verdict = judge_reconstruction(result, times=boxes.times)
        if not verdict.is_trusted and not config.doubtful:
            raise AtomotionError("no atoms are given: " + "; ".join(verdict.reasons))
        notes = [*verdict.reasons, *verdict.warnings]
    for note in notes:
        task.warn(note)
    turning = rotation_over_time(result.poses.quaternions, times=boxes.times) if config.ordered else None
    summary = _summary(series, source, boxes, config, result) | _turned(turning) | _judged(verdict)
    summary["time_halves"] = _halves_in_time(task, series, boxes, config, optics)
    raw = series_file(source.path, "raw")
    write_results(task, series, raw if raw.exists() and config.boxes == "raw" else source.path, boxes, result, turning)
    task.write_json("summary.json", summary)
    draw_results(task, boxes, result, turning)


def _judged(verdict: "Verdict | None") -> dict[str, Any]:
    """What the verdict says, for the summary; nothing is known of the published method's result."""
    if verdict is None:
        return {"unseen_directions_fraction": None, "trusted": None, "reasons": [], "notes": [_UNTESTED], "facts": {}}
    return {
        "unseen_directions_fraction": verdict.facts["unseen_directions_fraction"],
        "trusted": verdict.is_trusted,
        "reasons": list(verdict.reasons),
        "notes": list(verdict.warnings),
        "facts": verdict.facts,
    }


def _optics(task: Task, series: ParticleSeries) -> "Optics":
    """The optics of the series; warns where no transfer is known."""
    from atomotion.stages.series_optics import optics_of

    optics = optics_of(series, mtf=task.inputs.get("mtf"), focal_spread=task.config.focal_spread)
    if optics.voltage is None:
        task.warn(
            "defocus or voltage are not known: no contrast transfer is applied, and a band that reaches beyond its "
            "first zero would mix signs; pass --defocus and --voltage, or end the band earlier with --resolution"
        )
    return optics


def _given(
    task: Task, series: ParticleSeries, boxes: Boxes, config: ReconstructionConfig, optics: "Optics"
) -> dict[str, Any]:
    """What the reconstructions take besides images and config."""
    from atomotion.denoise.machine import torch_device

    assert config.diameter is not None and series.pixel_size is not None
    background = series.background
    return {
        "pixel_size": series.pixel_size,
        "background": None if background is None else cropped(background, config.diameter, series.pixel_size),
        "times": boxes.times,
        "box_centres": boxes.centres,
        "optics": optics,
        "seed": config.seed,
        "device": torch_device(task.device),
    }


def _by_evidence(
    task: Task, series: ParticleSeries, boxes: Boxes, config: ReconstructionConfig, optics: "Optics"
) -> Reconstruction:
    from atomotion.tomography.chain import reconstruct

    assert config.diameter is not None and series.pixel_size is not None
    start = task.inputs.get("start")
    return reconstruct(
        cropped(boxes.images, config.diameter, series.pixel_size),
        config,
        **_given(task, series, boxes, config, optics),
        start_atoms=None if start is None else read_atoms(start, element=config.element).positions,
        on_step=task.steps("steps of the reconstruction"),
    )


def _halves_in_time(
    task: Task, series: ParticleSeries, boxes: Boxes, config: ReconstructionConfig, optics: "Optics"
) -> dict[str, Any] | None:
    """The comparison of both halves in time, where it is asked for; None where a half gives no atoms."""
    if config.split_halves == "none":
        return None
    from atomotion.stages.reconstruct_halves import write_time_halves
    from atomotion.tomography.halves_in_time import time_halves

    assert config.diameter is not None and series.pixel_size is not None
    try:
        found = time_halves(
            cropped(boxes.images, config.diameter, series.pixel_size),
            config,
            **_given(task, series, boxes, config, optics),
            on_step=task.steps("halves in time"),
        )
    except InputError as error:
        task.warn(f"the halves in time are not compared: {error}")
        return None
    return write_time_halves(task, found)


def _published(
    task: Task, series: ParticleSeries, boxes: Boxes, config: ReconstructionConfig, optics: "Optics"
) -> Reconstruction:
    from atomotion.denoise.machine import torch_device
    from atomotion.tomography.published import reconstruct_published

    assert series.pixel_size is not None
    return reconstruct_published(
        boxes.images,
        config,
        pixel_size=series.pixel_size,
        optics=optics,
        seed=config.seed,
        device=torch_device(task.device),
        on_step=task.steps("iterations"),
    )


def _turned(turning: RotationOverTime | None) -> dict[str, Any]:
    """The rotation in numbers: the turn per image, and the diffusion over all windows."""
    if turning is None:
        return {"rotation_step_deg": None, "rotational_diffusion_rad2_per_s": None}
    steps, diffusion = turning.steps_deg[~turning.jumps], turning.diffusion[np.isfinite(turning.diffusion)]
    return {
        "rotation_step_deg": float(np.sqrt(np.mean(steps**2))) if len(steps) else None,
        "rotational_diffusion_rad2_per_s": float(diffusion.mean()) if len(diffusion) else None,
    }


def _summary(
    series: ParticleSeries, source: MovieSource, boxes: Boxes, config: ReconstructionConfig, result: Reconstruction
) -> dict[str, Any]:
    halves = result.halves
    known = result.poses.score
    return {
        "series": str(source.path),
        **boxes.facts,
        "element": result.element,
        "atoms": len(result),
        "images": len(boxes.images),
        "method": config.method,
        "boxes": config.boxes,
        "start": result.start,
        "starts": dict(result.starts),
        "diameter_A": result.diameter,
        "lattice_A": result.lattice,
        "defocus_A": result.defocus,
        "held_out_z": result.held_out_z,
        "model_z": None if known is None else float(np.mean(known)),
        "log_evidence": result.log_evidence,
        "copy_ambiguity": result.ambiguous,
        "half_atom_agreement": None
        if halves is None or np.isnan(halves.rms)
        else float(np.mean(halves.distances < _AGREE)),
        "half_rmsd_A": None if halves is None else halves.rms,
        "fsc_0143_A": None if halves is None else halves.shells.resolution(),
        "position_sigma_median_A": float(np.median(result.sigmas)),
        "b_factor_A2": result.b_factor,
        "u_iso_median_A2": None if result.widths is None else float(np.median(result.widths.u_iso)),
        "validation_correlation_mean": None if result.agreement is None else float(result.agreement.mean()),
    }


STAGE = Stage(
    name="reconstruct",
    title="Atoms in three dimensions",
    config=ReconstructionConfig,
    run=run,
    section=section,
    positional=("series",),
    outputs=OUTPUTS,
)
