"""``atomotion atoms``: the atoms of a density map, and what it says about each."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.atoms.config import AtomsConfig
from atomotion.cli.direct import Command, facts_in_words
from atomotion.cli.flags import OptionalOut, Run, with_flags
from atomotion.data import UsageError, parse_quantity


@with_flags(config=AtomsConfig, run=Run)
def atoms(
    map: Annotated[Path, Parameter(help="The density: an MRC or CCP4 map of any program, .mrc or .map.")],
    /,
    *,
    out: OptionalOut = None,
    element: Annotated[str | None, Parameter(help="Element of all atoms, for example Pt.")] = None,
    voxel_size: Annotated[
        str | None, Parameter(help="Size of a voxel, for example 0.358A; goes before the map's own.")
    ] = None,
    b_factor: Annotated[
        str | None, Parameter(help="Column of the table for the PDB file's B-factors; 8π² U_iso by default.")
    ] = None,
    config: AtomsConfig,
    run: Run,
) -> int:
    """Find the atoms of a density map: position, occupancy, validation correlation, displacement tensor of each."""
    from atomotion.stages.atoms import STAGE

    size = None if voxel_size is None else parse_quantity(voxel_size, "Å")
    if size is not None and not 0.0 < size < 100.0:
        raise UsageError(
            f"--voxel-size is {voxel_size}; a voxel of a density is a fraction of an Å, for example 0.358A"
        )
    command = Command(out, run)
    if command.execute(command.stage(STAGE, config, map=map, element=element, voxel_size=size, b_factor=b_factor)):
        values = command.summaries["atoms.json"]
        facts = {
            "atoms": values["atoms"],
            "validation correlation": values["validation_correlation_mean"],
            "  its spread": values["validation_correlation_sd"],
            "median U_iso (Å²)": values["u_iso_median_A2"],
            "  standard error": values["u_iso_error_median_A2"],
            "resolution of fit (Å)": values["fit_resolution_A"],
        }
        result = command.files[0] if command.files else "atoms.xyz"
        command.say(summary=facts_in_words(facts), next_command=f"atomotion structure {result} -o structure.csv")
    return 0
