"""``atomotion denoise``: a movie with less noise."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Drift, Noise, Out, Run, Vacuum, with_flags
from atomotion.data import UsageError
from atomotion.denoise.config import DenoiseConfig
from atomotion.io.config import MovieSource


@with_flags(config=DenoiseConfig, source=MovieSource, run=Run)
def denoise(
    movie: Annotated[Path, Parameter(help="The movie.")],
    /,
    *,
    out: Out,
    drift: Drift = None,
    noise: Noise = None,
    vacuum: Vacuum = None,
    model: Annotated[
        Path | None, Parameter(help="A model.pt of an earlier run: it is applied, and nothing is trained.")
    ] = None,
    config: DenoiseConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Denoise a movie or a series of boxes, by default with a network that learns from the movie itself.

    With --vacuum, simulated vacuum goes through the same, for what order is compared with.
    """
    from dataclasses import replace

    from atomotion.stages.denoise import STAGE
    from atomotion.stages.vacuum import vacuum_input

    if out.suffix and out.resolve() == movie.resolve():
        raise UsageError(f"{out} is the movie itself; choose another name for the result")
    command = Command(out, run)
    leaf = command.stage(
        STAGE,
        config,
        movie=replace(source, path=movie),
        drift=drift,
        noise=noise,
        vacuum=vacuum_input(vacuum),
        model=model,
    )
    if command.execute(leaf):
        command.say(next_command=f"atomotion order {movie} --denoised {command.files[0]} -o order.csv")
    return 0
