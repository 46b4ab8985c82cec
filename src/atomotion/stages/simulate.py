"""A simulated movie with its truth: what the program is tested with, and what the demonstration shows."""

from pathlib import Path

import numpy as np
from ase import Atoms

from atomotion.data import InputError, Movie
from atomotion.io.atoms import read_states, write_atoms
from atomotion.io.curves import read_curve
from atomotion.io.star import write_poses
from atomotion.io.writer import write_movie
from atomotion.project.leaf import read_json
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.movie_strip import movie_strip
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section
from atomotion.simulate.camera import CameraCurves, curves_from_tables
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.movie import SimulatedMovie, simulate_movie
from atomotion.stages.simulate_cache import WaveFolder
from atomotion.stages.simulate_outputs import OUTPUTS, states_of_particle, summary, truth_table


def run(task: Task) -> None:
    """Simulate a movie; optional inputs are a ``structure``, and the camera's ``mtf`` and ``dqe``."""
    config: MovieConfig = task.config
    # frames are made when they are read, so a movie larger than memory is only as slow as its writing
    simulated = simulate_movie(
        config,
        np.random.default_rng(config.seed),
        states=_given_states(task.inputs.get("structure"), config),
        curves=_curves(task),
        waves=WaveFolder(config.multislice.cache) if config.image == "multislice" else None,
        workers=task.threads,
        lazy=True,
    )
    write_movie(task.output("movie.mrcs"), simulated.movie, on_step=task.steps("frames"))
    clean = Movie(frames=simulated.clean, pixel_size=simulated.movie.pixel_size, contrast=simulated.movie.contrast)
    write_movie(task.output("clean.mrcs"), clean, on_step=task.steps("clean frames"))
    _write_particles(task, simulated)
    task.write_table("truth.csv", truth_table(simulated))
    task.write_json("simulate.json", summary(simulated, config))
    shown = np.linspace(0, len(simulated.movie) - 1, min(6, len(simulated.movie))).astype(int)
    figure = movie_strip(
        [
            ("recorded", [simulated.movie.frames[int(index)] for index in shown]),
            ("clean", [simulated.clean[int(index)] for index in shown]),
        ],
        [_title(simulated, int(index)) for index in shown],
        pixel_size=simulated.movie.pixel_size,
    )
    save(figure, task.figure("movie.png"))


def _title(simulated: SimulatedMovie, frame: int) -> str:
    first = simulated.particles[0]
    if not first.ordered.all():
        return f"{frame} {'ordered' if first.ordered[frame] else 'disordered'}"
    return f"{frame}, state {first.state[frame]}" if len(first.states) > 1 else f"{frame}"


def _write_particles(task: Task, simulated: SimulatedMovie) -> None:
    movie = simulated.movie
    for number, particle in enumerate(simulated.particles):
        suffix = "" if number == 0 else f"_{number:02d}"
        write_atoms(task.output(f"atoms{suffix}.xyz"), states_of_particle(simulated, number))
        write_poses(
            task.output(f"poses{suffix}.star"),
            particle.poses,
            stack="movie.mrcs",
            pixel_size=float(movie.pixel_size or 1.0),
            image_size=int(movie.frames.shape[2]),
            voltage=movie.voltage,
            cs=movie.cs,
        )


def _given_states(path: Path | None, config: MovieConfig) -> list[tuple[Atoms, int]] | None:
    """The states in a file, each for the same part of the movie, about the mean of the first one's atoms."""
    if path is None:
        return None
    states = read_states(path)
    total = config.frames + config.dropped_frames
    if len(states) > total:
        raise InputError(f"{path} holds {len(states)} states, more than the {total} frames of the movie")
    centre = states[0].positions.mean(axis=0)
    edges = np.arange(len(states) + 1) * total // len(states)
    for state in states:
        state.positions -= centre
    return [(state, int(frames)) for state, frames in zip(states, np.diff(edges), strict=True)]


def _curves(task: Task) -> CameraCurves | None:
    paths = {name: task.inputs.get(name) for name in ("mtf", "dqe")}
    if all(path is None for path in paths.values()):
        return None
    config: MovieConfig = task.config
    if config.camera.mode == "ideal":
        raise InputError("an ideal camera has no curves; set --camera-mode to counting or integrating")
    return curves_from_tables(
        config.camera, **{name: None if path is None else read_curve(path) for name, path in paths.items()}
    )


def section(folder: Path) -> Section:
    """The simulated movie in a report."""
    values = read_json(folder / "out" / "simulate.json", {})
    return Section(
        title=STAGE.title,
        sentences=[f"{values['atoms']} atoms, {values['frames']} frames, {values['ordered_frames']} of them ordered."],
        figures=[Figure(path=folder / "figures" / "movie.png", caption="Recorded and clean frames.")],
    )


STAGE = Stage(
    name="simulate",
    command="simulate movie",
    title="A simulated movie",
    config=MovieConfig,
    run=run,
    section=section,
    positional=(),
    outputs=OUTPUTS,
    version=2,
)
