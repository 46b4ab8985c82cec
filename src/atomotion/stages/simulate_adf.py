"""A simulated ADF-STEM image with its truth: what counting is tested with."""

from pathlib import Path

import numpy as np
import pandas as pd

from atomotion.data import Movie
from atomotion.io.atoms import read_atoms, write_atoms
from atomotion.io.writer import write_movie
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.movie_strip import movie_strip
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section
from atomotion.simulate.adf import simulate_adf
from atomotion.simulate.config import AdfConfig


def run(task: Task) -> None:
    """Simulate an image; an optional input is a ``structure``."""
    config: AdfConfig = task.config
    structure = task.inputs.get("structure")
    simulated = simulate_adf(
        config, np.random.default_rng(config.seed), atoms=None if structure is None else read_atoms(structure)
    )
    movie = Movie(
        frames=simulated.image[None],
        pixel_size=config.pixel_size,
        dose=config.dose,
        units_per_electron=None if config.dose is None else 1.0 / (config.dose * config.pixel_size**2),
        contrast="bright",
        detector="simulated ADF",
    )
    write_movie(task.output("image.mrcs"), movie)
    write_movie(
        task.output("clean.mrcs"),
        Movie(frames=simulated.clean[None], pixel_size=config.pixel_size, contrast="bright"),
    )
    assert simulated.atoms is not None
    write_atoms(task.output("atoms.xyz"), simulated.atoms)
    task.write_table(
        "columns.csv",
        pd.DataFrame(
            {
                "column": np.arange(len(simulated.counts)),
                "x_A": simulated.columns[:, 0],
                "y_A": simulated.columns[:, 1],
                "atoms": simulated.counts,
                "scs_A2": simulated.cross_sections,
            }
        ),
    )
    task.write_json(
        "simulate_adf.json",
        {
            "atoms": len(simulated.atoms),
            "columns": len(simulated.counts),
            "largest_count": int(simulated.counts.max()),
            "brightest_fraction": float(simulated.clean.max()),
        },
    )
    figure = movie_strip(
        [("image", [simulated.image]), ("clean", [simulated.clean])], [""], pixel_size=config.pixel_size
    )
    save(figure, task.figure("image.png"))


def section(folder: Path) -> Section:
    """The simulated image in a report."""
    values = read_json(folder / "out" / "simulate_adf.json", {})
    return Section(
        title=STAGE.title,
        sentences=[f"{values['atoms']} atoms in {values['columns']} columns of up to {values['largest_count']}."],
        figures=[Figure(path=folder / "figures" / "image.png", caption="Recorded and clean image.")],
    )


STAGE = Stage(
    name="simulate_adf",
    command="simulate adf",
    title="A simulated ADF-STEM image",
    config=AdfConfig,
    run=run,
    section=section,
    positional=(),
    outputs=(
        OutputFile(name="image.mrcs", about="The fraction of the electrons that the detector caught."),
        OutputFile(name="clean.mrcs", about="The same without noise."),
        OutputFile(name="atoms.xyz", about="The atoms as the beam, along +z, sees them (extended XYZ)."),
        OutputFile(
            name="columns.csv",
            about="What is true of every atomic column.",
            columns=(
                Column("column", "Number of the column, from 0."),
                Column("x_A", "Where it lies, from the centre of the first pixel."),
                Column("y_A", "The same downwards."),
                Column("atoms", "Atoms of the column."),
                Column("scs_A2", "Its scattering cross-section."),
            ),
        ),
        OutputFile(
            name="simulate_adf.json",
            about="The image in a few numbers.",
            columns=(
                Column("atoms", "Atoms of the particle."),
                Column("columns", "Atomic columns."),
                Column("largest_count", "Atoms of the largest column."),
                Column("brightest_fraction", "Largest expected fraction of the beam in a pixel."),
            ),
        ),
    ),
)
