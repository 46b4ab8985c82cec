"""The denoised movie, and simulated vacuum that went through the same."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Movie, to_mapping
from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.methods import METHODS, uses_anscombe
from atomotion.io.facts import facts_of
from atomotion.io.frame_check import Checked, bad_frames
from atomotion.io.movie import open_movie, read_movie
from atomotion.io.writer import MovieWriter, frames_per_block, resumable_frames
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.movie_strip import movie_strip
from atomotion.report.figures.style import save
from atomotion.report.figures.training_curve import training_curve
from atomotion.report.page import Figure, Section
from atomotion.stages.denoiser import MODEL, Denoiser, prepared
from atomotion.stages.drift import read_drift
from atomotion.stages.findings import noise_findings, noise_scale, outliers_in
from atomotion.stages.vacuum import BootstrapFrames, vacuum_counts, vacuum_on_movie

# simulated vacuum frames: enough for a mean within 1 %, few enough to cost little
_VACUUM_FRAMES = 48
_SHOWN = 5


def run(task: Task) -> None:
    """Denoise ``movie`` along its ``drift``, with ``model`` where one is given; with ``vacuum`` the same to vacuum."""
    config: DenoiseConfig = task.config
    movie = open_movie(task.inputs["movie"])
    noise = noise_findings(task.inputs.get("noise"))
    bad = outliers_in(noise)
    if config.bad_frames == "refuse":
        movie = replace(movie, frames=Checked(movie.frames, movie.name, bad))
    else:
        bad |= _unusable(task, movie)
    scale = noise_scale(movie, movie.frames, noise)
    drift = read_drift(task.inputs.get("drift"), len(movie))
    simulated = _vacuum(task, movie, noise)
    predicted = len(movie) + (0 if simulated is None else len(simulated))
    denoiser = prepared(task, movie.frames, scale, noise, bad, predicted_frames=predicted)
    _write(task, movie, "denoised.mrcs", denoiser, drift, bad)
    if simulated is not None and not denoiser.is_general:
        task.warn(f"{config.method} works on one series as a whole: no vacuum can go through the same")
        simulated = None
    if simulated is not None:
        # vacuum has nothing that drifts
        _write(task, simulated, "denoised_vacuum.mrcs", denoiser, None, frozenset())
    if denoiser.curve is not None:
        task.write_table("training.csv", denoiser.curve)
        save(training_curve(denoiser.curve), task.figure("training.png"))
    if (task.work / MODEL).exists():
        # after everything else: what is in the work folder is what a killed run goes on from
        (task.work / MODEL).replace(task.output(MODEL))
    task.write_json(
        "denoise.json",
        {
            "method": config.method,
            "settings": to_mapping(config, only_changed=True),
            "noise_sd": scale.sd,
            "units_per_electron": scale.units_per_electron,
            "anscombe": config.method in METHODS and uses_anscombe(scale, config),
            "follows_drift": config.method in METHODS and drift is not None and bool(np.any(drift)),
            "frames_each_side": denoiser.frames_each_side(len(movie)),
            "is_blind": denoiser.is_blind,
            "hole_px": denoiser.hole_px,
            "parameters": denoiser.parameters,
            "left_out": sorted(bad),
            "vacuum_frames": 0 if simulated is None else len(simulated),
        },
    )
    _show(task, movie, bad)


def _show(task: Task, movie: Movie, bad: frozenset[int]) -> None:
    """A few frames, raw and denoised."""
    spread = [int(index) for index in np.linspace(0, len(movie) - 1, min(_SHOWN, len(movie)))]
    shown = [index for index in spread if index not in bad] or spread
    rows = [
        (name, [np.asarray(frames[index], dtype=float) for index in shown])
        for name, frames in (("raw", movie.frames), ("denoised", read_movie(task.output("denoised.mrcs")).frames))
    ]
    titles = [f"frame {index}" for index in shown]
    save(movie_strip(rows, titles, pixel_size=movie.pixel_size), task.figure("denoised.png"))


def _unusable(task: Task, movie: Movie) -> frozenset[int]:
    """Every frame of the movie that is constant or not finite."""
    step, found, report = frames_per_block(movie.frames), set[int](), task.steps("looking for bad frames")
    for start in range(0, len(movie), step):
        found |= set(bad_frames(np.asarray(movie.frames[start : start + step]), start))
        report(min(start + step, len(movie)), len(movie))
    return frozenset(found)


def _write(
    task: Task,
    movie: Movie,
    name: str,
    denoiser: Denoiser,
    drift: NDArray[np.floating] | None,
    bad: frozenset[int],
) -> None:
    """Write the denoised frames, and their standard deviations; what a killed run has written is kept."""
    # the partial files lie in the work folder, which outlives the attempt
    task.work.mkdir(parents=True, exist_ok=True)
    names = [name, name.replace(".mrcs", "_sd.mrcs")] if denoiser.gives_errors else [name]
    paths = [task.work / each for each in names]
    if not all(path.exists() for path in paths):
        done = min(len(movie) if path.exists() else resumable_frames(path) for path in paths)
        shape = (len(movie), *movie.frame_shape)
        with ExitStack() as stack:
            writers = [
                stack.enter_context(
                    MovieWriter(path, shape, np.float32, facts=_facts(task.config, movie, path), resume_at=done)
                )
                for path in paths
            ]
            report = task.steps(name.removesuffix(".mrcs").replace("_", " "))
            blocks = denoiser.blocks(movie.frames, drift=drift, bad_frames=bad, start=done, on_step=report)
            for _, values, errors in blocks:
                writers[0].write(values)
                if errors is not None:
                    writers[1].write(errors)
    for path in paths:
        path.replace(task.output(path.name))


def _facts(config: DenoiseConfig, movie: Movie, path: Path) -> dict[str, Any]:
    changed = ", ".join(f"{key} {value}" for key, value in to_mapping(config, only_changed=True).items())
    what = "standard deviations" if path.stem.endswith("_sd") else "denoised"
    return facts_of(movie, processing=f"{what}: {config.method}{', ' + changed if changed else ''}")


def _vacuum(task: Task, movie: Movie, noise: Mapping[str, Any]) -> Movie | None:
    """Frames of independent pixels with the values of the measured vacuum, of the movie's shape and units."""
    frames, mask = vacuum_on_movie(task.inputs.get("vacuum"), movie)
    if frames is None or mask is None:
        return None
    if noise.get("is_white_pixels") is False or noise.get("is_white_frames") is False:
        task.warn(
            "the noise is correlated, so simulated vacuum of independent pixels would not be like the measured one: "
            "denoised frames get no ratio to vacuum"
        )
        return None
    values = vacuum_counts(frames, mask)
    count = min(_VACUUM_FRAMES, max(8, len(movie)))
    return Movie(
        frames=BootstrapFrames(values, (count, *movie.frame_shape)),
        pixel_size=movie.pixel_size,
        frame_time=movie.frame_time,
        contrast=movie.contrast,
        units_per_electron=movie.units_per_electron,
        metadata={"source": "simulated vacuum"},
    )


def section(folder: Path) -> Section:
    """The denoised movie in the report."""
    values = read_json(folder / "out" / "denoise.json", {})
    sentences = [f"Method: {values['method']}{', following the drift' if values['follows_drift'] else ''}."]
    if values["anscombe"]:
        sentences.append("Poisson noise was evened out (Anscombe) before, and the transform undone without bias.")
    if values["parameters"]:
        sentences.append(
            f"A network of {values['parameters']:,} trained values, which sees {values['frames_each_side']} frames on "
            "either side" + (" and never the pixel that it predicts." if values["is_blind"] else ".")
        )
    if not values["vacuum_frames"]:
        sentences.append("No vacuum went through the same filter, so order has no ratio to vacuum for denoised frames.")
    return Section(
        title=STAGE.title,
        sentences=sentences,
        figures=[
            Figure(
                path=folder / "figures" / "denoised.png",
                caption="The same frames, raw and denoised, in own grey levels.",
            ),
            *_training(folder),
        ],
    )


def _training(folder: Path) -> list[Figure]:
    if not (folder / "figures" / "training.png").exists():
        return []
    return [
        Figure(
            path=folder / "figures" / "training.png",
            caption="Training: the loss on what is learned from, and on pixels that were kept aside; the marked state "
            "is the one that was used.",
            data=folder / "out" / "training.csv",
        )
    ]


STAGE = Stage(
    name="denoise",
    title="Denoised movie",
    config=DenoiseConfig,
    run=run,
    section=section,
    outputs=(
        OutputFile(name="denoised.mrcs", about="The denoised movie, float32, in the movie's own units and geometry."),
        OutputFile(
            name="denoised_vacuum.mrcs",
            about="Simulated vacuum that went through the same; missing without a vacuum region, or where noise is "
            "correlated.",
            optional=True,
        ),
        OutputFile(
            name="denoised_sd.mrcs",
            about="Standard deviation of every denoised pixel; with `--network-loss poisson_gaussian` only.",
            optional=True,
        ),
        OutputFile(name="denoised_vacuum_sd.mrcs", about="The same for the simulated vacuum.", optional=True),
        OutputFile(
            name=MODEL,
            about="The trained network; `atomotion denoise OTHER --model` applies it to another movie.",
            optional=True,
        ),
        OutputFile(
            name="training.csv",
            about="How training went.",
            optional=True,
            columns=(
                Column("step", "Steps so far."),
                Column("training_time_s", "Time in training so far [s]."),
                Column("loss", "Mean loss over the steps since the line before."),
                Column("loss_kept_aside", "Loss of the averaged weights on pixels that are never learned from."),
                Column("best", "Whether that was the best so far; the last best state is the one that is used."),
            ),
        ),
        OutputFile(
            name="denoise.json",
            about="How it was denoised.",
            columns=(
                Column("method", "The method."),
                Column("settings", "Parameters that are not the defaults, the method's among them."),
                Column("noise_sd", "Standard deviation of a pixel's noise [stored units]."),
                Column("units_per_electron", "Stored units per electron, where known; null otherwise."),
                Column("anscombe", "Whether Poisson noise was evened out before."),
                Column("follows_drift", "Whether averages over time follow the drift."),
                Column("frames_each_side", "Frames before and after that a denoised frame depends on."),
                Column("is_blind", "Whether no denoised pixel depends on its own noisy value."),
                Column("hole_px", "Pixels around its own that a blind network does not see either."),
                Column("parameters", "Trained values of the network; 0 without one."),
                Column("left_out", "Frames that took no part; they hold what their neighbours in time say, or NaN."),
                Column("vacuum_frames", "Frames of simulated vacuum."),
            ),
        ),
    ),
)
