"""The files of a simulated movie, and the tables of its truth."""

from typing import Any

import numpy as np
import pandas as pd
from ase import Atoms

from atomotion.project.outputs import Column, OutputFile
from atomotion.simulate.movie import SimulatedMovie

OUTPUTS = (
    OutputFile(name="movie.mrcs", about="The movie as a camera would record it, with its facts."),
    OutputFile(name="clean.mrcs", about="The expected intensity of every frame, without noise."),
    OutputFile(
        name="atoms.xyz",
        about="The first particle, ordered, in its own frame: all its states, with their times (extended XYZ).",
    ),
    OutputFile(name="atoms_NN.xyz", about="The same of the second particle, 01, and of all further ones."),
    OutputFile(
        name="poses.star",
        about="The first particle's true poses in RELION's form; shifts are from pixel n // 2 of the frame.",
    ),
    OutputFile(name="poses_NN.star", about="The same of the second particle, 01, and of all further ones."),
    OutputFile(
        name="truth.csv",
        about="What is true of every particle in every frame, particle after particle.",
        columns=(
            Column("particle", "Number of the particle, from 0."),
            Column("frame", "Number of the frame, from 0."),
            Column("time_s", "When it was recorded; lost frames leave gaps."),
            Column("state", "Which state of the particle it shows, from 0: a structure of `atoms.xyz`."),
            Column("ordered", "Whether the particle is ordered."),
            Column("x_A", "Where the particle's origin lies in the frame, from the centre of its first pixel."),
            Column("y_A", "The same downwards."),
            Column("z_A", "The same along the beam, from the plane of the defocus."),
            Column("dx_A", "Where the particle's origin lies to the right of the centre of pixel n // 2."),
            Column("dy_A", "The same downwards."),
            Column("mass_x_A", "Where the mean of its atoms lies, from the centre of the first pixel."),
            Column("mass_y_A", "The same downwards."),
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
            Column("particles", "Number of particles."),
            Column("atoms", "Atoms of the first particle."),
            Column("states", "States that the first particle goes through."),
            Column("atoms_last", "Atoms of the first particle in its last state."),
            Column("diameter_A", "Diameter of the sphere with as many atoms of the bulk metal, of the first particle."),
            Column("frames", "Frames of the movie."),
            Column("ordered_frames", "How many of them show the first particle ordered."),
            Column("electrons_per_pixel", "Mean electrons per pixel and frame in vacuum."),
            Column("graphene_deg", "Angle of a lattice vector of each sheet of graphene with x, modulo 60°."),
            Column("image", "How atoms became an image."),
        ),
    ),
)


def truth_table(simulated: SimulatedMovie) -> pd.DataFrame:
    """One row per particle and frame."""
    tables = []
    for number, particle in enumerate(simulated.particles):
        turned = particle.poses.quaternions
        tables.append(
            pd.DataFrame(
                {
                    "particle": number,
                    "frame": np.arange(len(particle.ordered)),
                    "time_s": simulated.times,
                    "state": particle.state,
                    "ordered": particle.ordered,
                    "x_A": particle.centres[:, 0],
                    "y_A": particle.centres[:, 1],
                    "z_A": particle.heights,
                    "dx_A": particle.poses.shifts[:, 0],
                    "dy_A": particle.poses.shifts[:, 1],
                    "mass_x_A": particle.mass_centres[:, 0],
                    "mass_y_A": particle.mass_centres[:, 1],
                    "q_w": turned[:, 0],
                    "q_x": turned[:, 1],
                    "q_y": turned[:, 2],
                    "q_z": turned[:, 3],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def states_of_particle(simulated: SimulatedMovie, particle: int) -> list[Atoms]:
    """The states that a particle shows, in order of time, with ``t0`` and ``t1`` [s] in their info."""
    truth = simulated.particles[particle]
    frame_time = float(simulated.movie.frame_time or 0.0)
    shown = []
    for number, atoms in enumerate(truth.states):
        frames = np.flatnonzero(truth.state == number)
        copy = atoms.copy()
        copy.info = {"state": number}
        if len(frames):
            copy.info |= {
                "t0": float(simulated.times[frames[0]]),
                "t1": float(simulated.times[frames[-1]]) + frame_time,
            }
        shown.append(copy)
    return shown


def summary(simulated: SimulatedMovie, config: Any) -> dict[str, Any]:
    """The movie in a few numbers."""
    first = simulated.particles[0]
    return {
        "particles": len(simulated.particles),
        "atoms": len(first.states[0]),
        "states": len(first.states),
        "atoms_last": len(first.states[-1]),
        "diameter_A": first.diameter,
        "frames": len(simulated.movie),
        "ordered_frames": int(first.ordered.sum()),
        "electrons_per_pixel": config.dose * config.pixel_size**2,
        "graphene_deg": simulated.graphene_deg,
        "image": config.image,
    }
