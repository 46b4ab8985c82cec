"""``atomotion frames``: what every box of a particle shows, and the windows to reconstruct."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Out, Run, with_flags
from atomotion.frames.config import FramesConfig
from atomotion.io.config import MovieSource


@with_flags(config=FramesConfig, source=MovieSource, run=Run)
def frames(
    series: Annotated[Path, Parameter(help="The boxes of one particle, as atomotion track writes them.")],
    /,
    *,
    out: Out,
    config: FramesConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Find the lattice, the size and the quality of every frame, and propose time windows for reconstruction."""
    from dataclasses import replace

    from atomotion.stages.frames import STAGE

    command = Command(out, run)
    leaf = command.stage(STAGE, config, series=replace(source, path=series))
    if command.execute(leaf):
        values = command.summaries["frames.json"]
        windows = next(path for path in command.files if path.name.endswith("windows.csv"))
        words = (
            f"{values['crystalline_frames']} of {values['frames']} frames crystalline; diameter "
            f"{values['diameter_first_A']:.1f} to {values['diameter_last_A']:.1f} Å; {values['windows']} windows"
        )
        element = config.element or "Pt"
        command.say(
            summary=words,
            next_command=f"atomotion reconstruct {series} --element {element} --windows {windows} -o reconstruction",
        )
    return 0
