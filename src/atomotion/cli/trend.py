"""``atomotion trend``: the order of several particles against their size."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Out, Run, with_flags
from atomotion.order.config import TrendConfig


@with_flags(config=TrendConfig, run=Run)
def trend(
    periods: Annotated[list[Path], Parameter(help="The periods.json of each movie.")],
    /,
    *,
    out: Out,
    config: TrendConfig,
    run: Run,
) -> int:
    """Compare movies: mean and spread of order against particle size, and the kinds of particle."""
    from atomotion.stages.trend import STAGE

    command = Command(out, run)
    if command.execute(command.stage(STAGE, config, periods=periods)):
        values = command.summaries["trend.json"]
        command.say(summary=", ".join(f"{count} {kind}" for kind, count in values["kinds"].items()))
    return 0
