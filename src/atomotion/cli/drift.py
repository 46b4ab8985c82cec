"""``atomotion drift``: the rigid drift of a movie."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import run_stages
from atomotion.cli.flags import Out, Run, with_flags
from atomotion.io.config import MovieSource
from atomotion.track.config import DriftConfig


@with_flags(config=DriftConfig, source=MovieSource, run=Run)
def drift(
    movie: Annotated[Path, Parameter(help="The movie.")],
    /,
    *,
    out: Out,
    noise: Annotated[Path | None, Parameter(help="A noise.json, whose outlier frames are passed over.")] = None,
    config: DriftConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Measure how far the content of every frame is displaced; order and denoise take the table with --drift."""
    from dataclasses import replace

    from atomotion.stages.drift import STAGE

    inputs = {"movie": replace(source, path=movie), "noise": noise}
    done = run_stages([(STAGE, config, inputs)], out=out, run=run)
    done.say(next_command=f"atomotion order {movie} --drift {out} -o order.csv")
    return 0
