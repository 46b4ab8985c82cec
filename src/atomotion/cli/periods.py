"""``atomotion periods``: periods of order and disorder of a movie whose order was measured."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Drift, Out, PolygonFile, Run, with_flags
from atomotion.io.config import MovieSource
from atomotion.order.config import PeriodsConfig


@with_flags(config=PeriodsConfig, source=MovieSource, run=Run)
def periods(
    order: Annotated[Path, Parameter(help="The table that atomotion order writes.")],
    /,
    *,
    out: Out,
    movie: Annotated[Path, Parameter(help="The movie that was measured.")],
    polygon: PolygonFile = None,
    denoised: Annotated[Path | None, Parameter(help="The denoised movie, for the picture of typical frames.")] = None,
    drift: Drift = None,
    config: PeriodsConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Find the periods of order and disorder, their lifetimes and fringes, and the kind of particle."""
    from dataclasses import replace

    from atomotion.stages.periods import STAGE

    command = Command(out, run)
    leaf = command.stage(
        STAGE,
        config,
        order=order,
        movie=replace(source, path=movie),
        polygon=polygon,
        denoised=denoised,
        drift=drift,
    )
    if command.execute(leaf):
        values = command.summaries["periods.json"]
        command.say(summary=f"{values['periods']} periods; the particle is {values['kind']}: {values['reason']}")
    return 0
