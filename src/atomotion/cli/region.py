"""``atomotion region``: where the particle is, and where nothing is."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Drift, Noise, Out, Run, with_flags
from atomotion.io.config import MovieSource
from atomotion.order.config import RegionConfig


@with_flags(config=RegionConfig, source=MovieSource, run=Run)
def region(
    movie: Annotated[Path, Parameter(help="The movie.")],
    /,
    *,
    out: Out,
    drift: Drift = None,
    noise: Noise = None,
    config: RegionConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Find the particle and an empty region beside it; look at the picture before you trust them."""
    from dataclasses import replace

    from atomotion.stages.region import STAGE

    command = Command(out, run)
    leaf = command.stage(STAGE, config, movie=replace(source, path=movie), drift=drift, noise=noise)
    if command.execute(leaf):
        values = command.summaries["region.json"]
        vacuum = "an empty region was found" if values["vacuum_found"] else f"no vacuum: {values['vacuum_reason']}"
        command.say(
            summary=f"particle of {values['area_px']:.0f} px; {vacuum}",
            next_command=f"atomotion order {movie} --polygon {out} -o order.csv",
        )
    return 0
