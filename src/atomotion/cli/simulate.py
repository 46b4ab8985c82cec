"""``atomotion simulate``: movies and particles with known truth."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import App, Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Out, Run, with_flags
from atomotion.data import parameter
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.recipes import recipe as recipe_of

app = App(name="simulate", help="Simulate movies and particles with known truth.")


def _recipe(name: str | None) -> MovieConfig:
    return recipe_of(name) if name is not None else MovieConfig()


@app.command
@with_flags(start={"config": ("recipe", _recipe)}, config=MovieConfig, run=Run)
def movie(
    *,
    out: Out,
    recipe: Annotated[
        str | None,
        Parameter(help="Start from a named movie: rotating_pt, switching_particle, switching_particle_low_dose."),
    ] = None,
    config: MovieConfig,
    run: Run,
) -> int:
    """Simulate a movie of one particle that rotates, drifts, melts and orders again, with the truth beside it."""
    from atomotion.stages.simulate import STAGE

    command = Command(out, run)
    leaf = command.stage(STAGE, config)
    if command.execute(leaf):
        command.say(next_command=f"atomotion order {command.files[0]} -o order.csv")
    return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticleConfig:
    """An ideal particle."""

    kind: Literal["sphere", "twin", "truncated_octahedron", "cuboctahedron", "icosahedron", "decahedron"] = parameter(
        "truncated_octahedron", "Its shape."
    )
    element: str = parameter("Pt", "Element of its atoms.")
    diameter: float = parameter(
        20.0, "Diameter of the sphere with as many atoms of the bulk metal.", unit="Å", low=5.0, high=200.0
    )


@app.command
@with_flags(config=ParticleConfig)
def particle(*, out: Out, config: ParticleConfig) -> int:
    """Write the atoms of an ideal particle: .xyz or .pdb."""
    from atomotion.io.atoms import write_atoms
    from atomotion.particles.ideal import particle as ideal

    atoms = ideal(config.kind, config.element, config.diameter)
    write_atoms(out, atoms)
    print(f"{len(atoms)} atoms of {config.element}\nresult: {out}")
    return 0
