"""``atomotion simulate``: movies, images and particles with known truth."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Out, Run, with_flags
from atomotion.data import parameter
from atomotion.simulate.config import AdfConfig, MovieConfig
from atomotion.simulate.recipes import RECIPES
from atomotion.simulate.recipes import recipe as recipe_of

app = App(name="simulate", help="Simulate movies, images and particles with known truth.")


def _recipe(name: str | None) -> MovieConfig:
    return recipe_of(name) if name is not None else MovieConfig()


Structure = Annotated[
    Path | None,
    Parameter(help="Atoms instead of an ideal particle: .xyz, .pdb or LAMMPS data; several states follow each other."),
]
Curve = Annotated[Path | None, Parameter(help="A camera's curve: a text file of two columns, frequency and value.")]


@app.command
@with_flags(start={"config": ("recipe", _recipe)}, config=MovieConfig, run=Run)
def movie(
    *,
    out: Out,
    recipe: Annotated[
        str | None,
        Parameter(help=f"Start from a named movie: {', '.join(RECIPES)}."),
    ] = None,
    structure: Structure = None,
    mtf: Curve = None,
    dqe: Curve = None,
    config: MovieConfig,
    run: Run,
) -> int:
    """Simulate a movie of particles that rotate, diffuse, change, melt and order again, with the truth beside it.

    Frequencies of a camera's curves are in parts of the Nyquist frequency.
    """
    from atomotion.stages.simulate import STAGE

    command = Command(out, run)
    leaf = command.stage(STAGE, config, structure=structure, mtf=mtf, dqe=dqe)
    if command.execute(leaf):
        made = command.files[0]
        for file in command.files:
            if file.suffix == ".star":
                _name_stack(file, STAGE.main_output, made.name)
        through_graphene = config.surroundings.graphene > 0
        clean = made.with_name(f"{made.stem}_without_graphene{made.suffix}")
        command.say(
            next_command=f"atomotion background {made} -o {clean}"
            if through_graphene
            else f"atomotion order {made} -o order.csv"
        )
    return 0


def _name_stack(poses: Path, old: str, stack: str) -> None:
    """Name the movie in a STAR file of poses as it was written; a stage cannot know what its results will be called."""
    name = re.compile(rf"(\d+)@{re.escape(old)}(?=\s)")
    quote = '"' if any(each.isspace() for each in stack) else ""
    text = poses.read_text(encoding="utf-8")
    poses.write_text(name.sub(lambda found: f"{quote}{found[1]}@{stack}{quote}", text), encoding="utf-8")


@app.command
@with_flags(config=AdfConfig, run=Run)
def adf(*, out: Out, structure: Structure = None, config: AdfConfig, run: Run) -> int:
    """Simulate an ADF-STEM image of a particle by the column model, with the counts of all columns beside it."""
    from atomotion.stages.simulate_adf import STAGE

    command = Command(out, run)
    if command.execute(command.stage(STAGE, config, structure=structure)):
        values = command.summaries["simulate_adf.json"]
        command.say(summary=f"{values['atoms']} atoms in {values['columns']} columns")
    return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticleConfig:
    """An ideal particle."""

    kind: Literal[
        "sphere", "twin", "stacking_fault", "truncated_octahedron", "cuboctahedron", "icosahedron", "decahedron"
    ] = parameter("truncated_octahedron", "Its shape.")
    element: str = parameter("Pt", "Element of its atoms.")
    diameter: float = parameter(
        20.0, "Diameter of the sphere with as many atoms of the bulk metal.", unit="Å", low=5.0, high=200.0
    )
    surface_disorder: float = parameter(
        0.0, "Root-mean-square displacement of atoms of the surface.", unit="Å", low=0.0, high=1.0
    )
    inner_disorder: float = parameter(
        0.0, "Root-mean-square displacement of all other atoms.", unit="Å", low=0.0, high=1.0
    )
    change: Literal["none", "etching", "growth", "fluctuation"] = parameter(
        "none", "What happens to it from state to state; the states are written one after the other."
    )
    states: int = parameter(4, "States of a particle that changes.", low=1, high=10000)
    changed_atoms: int = parameter(10, "Atoms that leave, come or move from state to state.", low=0)
    seed: int = parameter(0, "Seed of everything that is random.", low=0)


@app.command
@with_flags(config=ParticleConfig)
def particle(*, out: Out, config: ParticleConfig) -> int:
    """Write the atoms of an ideal particle, or the states of one that changes: .xyz, or one state as .pdb."""
    import numpy as np

    from atomotion.io.atoms import write_atoms
    from atomotion.particles import displaced, successive_states
    from atomotion.particles import particle as ideal

    rng = np.random.default_rng(config.seed)
    atoms = ideal(config.kind, config.element, config.diameter)
    if config.surface_disorder or config.inner_disorder:
        atoms = displaced(atoms, surface=config.surface_disorder, inner=config.inner_disorder, rng=rng)
    states = successive_states(atoms, config.change, states=config.states, changed=config.changed_atoms, rng=rng)
    write_atoms(out, list(states))
    last = f" to {len(states[-1])} in {len(states)} states" if len(states) > 1 else ""
    print(f"{len(atoms)} atoms of {config.element}{last}\nresult: {out}")
    return 0
