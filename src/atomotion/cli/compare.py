"""``atomotion compare``: what changes between the states of a particle."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Out, Run, with_flags
from atomotion.cli.structure import Element
from atomotion.structure.comparison_config import AlignmentConfig, CompareConfig, matching_preset


def _preset(name: str | None) -> CompareConfig:
    if name is None:
        return CompareConfig()
    return CompareConfig(alignment=AlignmentConfig(matching=matching_preset(name)))


@with_flags(start={"config": ("preset", _preset)}, config=CompareConfig, run=Run)
def compare(
    states: Annotated[
        list[Path],
        Parameter(help="Files of atoms in the order of time, one state each, or one extended XYZ with all states."),
    ],
    /,
    *,
    out: Out,
    times: Annotated[
        str | None,
        Parameter(help="Time windows, 0s:5s,6s:11s, or a CSV with t0_s and t1_s; the files' own t0, t1 if not given."),
    ] = None,
    densities: Annotated[
        list[Path] | None,
        Parameter(
            help="MRC maps of the same states in the same order, in the frames of their atoms.",
            consume_multiple=True,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        Parameter(help="Matching as in a paper: half_spacing (the default), meana2025, kang2025, wietfeldt2024."),
    ] = None,
    element: Element = None,
    config: CompareConfig,
    run: Run,
) -> int:
    """Compare the states of a particle: atoms kept, removed, added, moved; the core that stays; the kind of dynamics.

    States may come in any orientation: each is laid on the one before over all copies of the lattice.
    """
    from atomotion.stages.compare import STAGE

    windows = Path(times) if times is not None and times.endswith(".csv") else times
    command = Command(out, run)
    leaf = command.stage(STAGE, config, states=states, densities=densities, times=windows, element=element)
    if command.execute(leaf):
        values = command.summaries["compare.json"]
        lines = [
            f"{values['states']} states, {values['atoms_first']} to {values['atoms_last']} atoms; "
            f"{values['core_atoms']} stay in all of them",
            f"over the steps {sum(values['removed'])} removed and {sum(values['added'])} added, of which "
            f"{sum(values['rearranged'])} may have moved elsewhere",
        ]
        if values["rate_atoms_per_s"] is not None:
            lines.append(f"{values['rate_atoms_per_s']:.3g} atoms per second")
        lines.append(f"kind of dynamics: {values['kind']}: {values['reason']}")
        aligned = next((path for path in command.files if path.name.endswith("aligned.xyz")), None)
        command.say(summary="\n".join(lines), next_command=f"atomotion structure {aligned} --state 1 -o structure.csv")
    return 0
