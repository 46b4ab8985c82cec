"""A simulated movie with its truth: what the program is tested with, and what the demonstration shows."""

from pathlib import Path

import numpy as np
import pandas as pd

from atomotion.data import Movie
from atomotion.io.atoms import write_atoms
from atomotion.io.writer import write_movie
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.movie_strip import movie_strip
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.movie import SimulatedMovie, simulate_movie


def run(task: Task) -> None:
    """Simulate a movie; no inputs."""
    # frames are made when they are read, so a movie larger than memory is only as slow as its writing
    simulated = simulate_movie(task.config, np.random.default_rng(task.config.seed), lazy=True)
    write_movie(task.output("movie.mrcs"), simulated.movie, on_step=task.steps("frames"))
    clean = Movie(frames=simulated.clean, pixel_size=simulated.movie.pixel_size, contrast=simulated.movie.contrast)
    write_movie(task.output("clean.mrcs"), clean, on_step=task.steps("clean frames"))
    write_atoms(task.output("atoms.xyz"), simulated.atoms)
    task.write_table("truth.csv", _truth(simulated))
    task.write_json(
        "simulate.json",
        {
            "atoms": len(simulated.atoms),
            "diameter_A": simulated.diameter,
            "frames": len(simulated.movie),
            "ordered_frames": int(simulated.ordered.sum()),
            "electrons_per_pixel": task.config.dose * task.config.pixel_size**2,
        },
    )
    shown = np.linspace(0, len(simulated.movie) - 1, min(6, len(simulated.movie))).astype(int)
    figure = movie_strip(
        [
            ("recorded", [simulated.movie.frames[int(index)] for index in shown]),
            ("clean", [simulated.clean[int(index)] for index in shown]),
        ],
        [f"{index} {'ordered' if simulated.ordered[index] else 'disordered'}" for index in shown],
        pixel_size=simulated.movie.pixel_size,
    )
    save(figure, task.figure("movie.png"))


def _truth(simulated: SimulatedMovie) -> pd.DataFrame:
    turned = simulated.poses.quaternions
    return pd.DataFrame(
        {
            "frame": np.arange(len(simulated.ordered)),
            "time_s": simulated.times,
            "ordered": simulated.ordered,
            "dx_A": simulated.poses.shifts[:, 0],
            "dy_A": simulated.poses.shifts[:, 1],
            "q_w": turned[:, 0],
            "q_x": turned[:, 1],
            "q_y": turned[:, 2],
            "q_z": turned[:, 3],
        }
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
    outputs=(
        OutputFile(name="movie.mrcs", about="The movie as a camera would record it, with its facts."),
        OutputFile(name="clean.mrcs", about="The expected intensity of every frame, without noise."),
        OutputFile(name="atoms.xyz", about="The ordered particle in its own frame (extended XYZ)."),
        OutputFile(
            name="truth.csv",
            about="What is true of every frame.",
            columns=(
                Column("frame", "Number of the frame, from 0."),
                Column("time_s", "When it was recorded; lost frames leave gaps."),
                Column("ordered", "Whether the particle is ordered."),
                Column("dx_A", "Where the particle's origin lies to the right of the centre of pixel n // 2."),
                Column("dy_A", "The same downwards."),
                Column("q_w", "Orientation: unit quaternion w x y z of an active rotation."),
                Column("q_x", "See `q_w`."),
                Column("q_y", "See `q_w`."),
                Column("q_z", "See `q_w`."),
            ),
        ),
        OutputFile(
            name="simulate.json",
            about="The movie in a few numbers.",
            columns=(
                Column("atoms", "Atoms of the particle."),
                Column("diameter_A", "Diameter of the sphere with as many atoms of the bulk metal."),
                Column("frames", "Frames of the movie."),
                Column("ordered_frames", "How many of them show the ordered particle."),
                Column("electrons_per_pixel", "Mean electrons per pixel and frame in vacuum."),
            ),
        ),
    ),
)
