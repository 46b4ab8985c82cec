"""``atomotion structure``: the measures of every atom, and of the particle."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command, facts_in_words
from atomotion.cli.flags import OptionalOut, Run, with_flags
from atomotion.structure.config import StructureConfig

Element = Annotated[
    str | None,
    Parameter(help="Makes all atoms this element, whatever the file says; of LAMMPS types in order: Pd,Pt."),
]


@with_flags(config=StructureConfig, run=Run)
def structure(
    atoms: Annotated[Path, Parameter(help="The atoms: extended XYZ, PDB, LAMMPS data or plain XYZ, in Å.")],
    /,
    *,
    out: OptionalOut = None,
    element: Element = None,
    state: Annotated[int | None, Parameter(help="Which state of a file with several, from 1.")] = None,
    show: Annotated[
        str | None, Parameter(help="Columns of the table that the picture is coloured by, with commas between.")
    ] = None,
    config: StructureConfig,
    run: Run,
) -> int:
    """Measure every atom and the whole particle: coordination, bonds, strain, order, surface, defects.

    Coordinates are all that is needed: the lattice's orientation, radii and grains are found.
    """
    from atomotion.stages.structure import STAGE

    command = Command(out, run)
    if command.execute(command.stage(STAGE, config, atoms=atoms, element=element, state=state, show=show)):
        values = command.summaries["structure.json"]
        facts = {
            "atoms": values["atoms"],
            "hull diameter (Å)": values["hull_diameter_A"],
            "lattice parameter (Å)": values["lattice_parameter_A"],
            "core ratio": values["core_ratio"],
            "disordered atoms": values["disordered_atoms"],
            "radial strain (%)": values["mean_radial_strain_percent"],
            "penetration depth (Å)": values["penetration_depth_A"],
        }
        if values["strain_method"] == "published":
            facts["  share shown"] = values["strain_retained_radial"]
        others = "" if values["file"] != atoms.name else " NEXT_STATE.xyz"
        command.say(summary=facts_in_words(facts), next_command=f"atomotion compare {atoms}{others} -o changes")
    return 0
