"""``atomotion drift``: the rigid drift of a movie."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Noise, Out, Run, with_flags
from atomotion.io.config import MovieSource
from atomotion.track.config import DriftConfig


@with_flags(config=DriftConfig, source=MovieSource, run=Run)
def drift(
    movie: Annotated[Path, Parameter(help="The movie.")],
    /,
    *,
    out: Out,
    noise: Noise = None,
    config: DriftConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Measure how far the content of every frame is displaced; order and denoise take the table with --drift."""
    from dataclasses import replace

    from atomotion.stages.drift import STAGE

    command = Command(out, run)
    leaf = command.stage(STAGE, config, movie=replace(source, path=movie), noise=noise)
    if command.execute(leaf):
        values = command.summaries["drift.json"]
        known = values["error_px"] or values["median_sd_px"]
        measured = f"drift over {values['range_px']:.3g} px, known to {known:.2g} px"
        command.say(
            summary="no drift could be measured" if values["visible"] is False else measured,
            next_command=f"atomotion order {movie} --drift {out} -o order.csv",
        )
    return 0
