"""``atomotion reconstruct``: from boxes of one tumbling particle to its atoms."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Out, Run, with_flags
from atomotion.data import InputError
from atomotion.io.config import MovieSource
from atomotion.project.plan import Leaf
from atomotion.tomography.config import ReconstructionConfig


@with_flags(config=ReconstructionConfig, source=MovieSource, run=Run)
def reconstruct(
    series: Annotated[Path, Parameter(help="The boxes of one particle, as atomotion track writes them.")],
    /,
    *,
    out: Out,
    windows: Annotated[
        Path | None, Parameter(help="Time windows, as atomotion frames writes them; without it all boxes are one.")
    ] = None,
    window: Annotated[int | None, Parameter(help="Only this one of the windows, from 1.")] = None,
    config: ReconstructionConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Find the positions of all atoms of a particle in every time window, with how sure each one is."""
    from dataclasses import replace

    from atomotion.stages.reconstruct import STAGE, numbers_of_windows

    source = replace(source, path=series)
    numbers = [window] if windows is None or window is not None else numbers_of_windows(windows)
    if windows is None and window is not None:
        raise InputError("a window was named but no table of windows; pass --windows, as atomotion frames writes it")
    command = Command(out, run)
    leaves: list[Leaf] = []
    for number in numbers:
        subject = "" if len(numbers) == 1 else f"window_{number:02d}"
        leaves.append(command.stage(STAGE, config, subject, series=source, windows=windows, window=number))
    if command.execute(leaves[0]):
        models = [path for path in command.files if path.name.endswith("atoms.xyz")]
        nexts = f"atomotion structure {models[0]} -o structure/"
        if len(models) > 1:
            nexts = f"atomotion compare {' '.join(map(str, models))} -o changes/"
        values = command.summaries["summary.json"]
        command.say(
            summary=f"{values['atoms']} atoms from {values['images']} images; halves agree to "
            f"{values['half_rmsd_A'] or float('nan'):.3f} Å"
            if len(models) == 1
            else f"{len(models)} windows reconstructed",
            next_command=nexts,
        )
    return 0
