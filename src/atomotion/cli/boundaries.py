"""``atomotion boundaries``: where time windows begin and end, by their own reconstructions."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Out, Run, with_flags
from atomotion.io.config import MovieSource
from atomotion.tomography.boundaries_config import BoundariesConfig


@with_flags(config=BoundariesConfig, source=MovieSource, run=Run)
def boundaries(
    series: Annotated[Path, Parameter(help="The boxes of one particle, as atomotion track writes them.")],
    models: Annotated[
        list[Path],
        Parameter(help="The atoms.xyz of the windows, with the poses.csv and summary.json of atomotion reconstruct."),
    ],
    /,
    *,
    windows: Annotated[Path, Parameter(help="The windows that were reconstructed, as atomotion frames writes them.")],
    frames: Annotated[
        Path | None, Parameter(help="frames.csv of atomotion frames, for the measures of windows that change.")
    ] = None,
    mtf: Annotated[
        Path | None,
        Parameter(help="The camera's transfer: two columns of text, parts of the Nyquist frequency and value."),
    ] = None,
    out: Out,
    config: BoundariesConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Move the boundaries of windows to where atoms come or go; split windows in which they do; merge equal ones."""
    from dataclasses import replace

    from atomotion.stages.boundaries import STAGE

    command = Command(out, run)
    source = replace(source, path=series)
    leaf = command.stage(STAGE, config, series=source, models=models, windows=windows, frames=frames, mtf=mtf)
    if command.execute(leaf):
        values = command.summaries["boundaries.json"]
        table = next(path for path in command.files if path.name.endswith("windows.csv"))
        words = (
            f"{values['windows_before']} windows became {values['windows']}: {len(values['moved'])} boundaries moved, "
            f"{len(values['split'])} new, {len(values['merged'])} taken away"
        )
        command.say(summary=words, next_command=f"atomotion reconstruct {series} --windows {table} -o reconstruction")
    return 0
