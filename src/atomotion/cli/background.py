"""``atomotion background``: graphene found and removed."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Noise, Out, Run, with_flags
from atomotion.data import UsageError
from atomotion.io.config import MovieSource
from atomotion.track.config import GrapheneConfig


@with_flags(config=GrapheneConfig, source=MovieSource, run=Run)
def background(
    movie: Annotated[Path, Parameter(help="The movie.")],
    /,
    *,
    out: Out,
    noise: Noise = None,
    config: GrapheneConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Find the sheets of graphene in a movie, check the pixel size with them, and remove them."""
    from dataclasses import replace

    from atomotion.stages.background import STAGE

    if out.suffix and out.resolve() == movie.resolve():
        raise UsageError(f"{out} is the movie itself; choose another name for the result")
    command = Command(out, run)
    leaf = command.stage(STAGE, config, movie=replace(source, path=movie), noise=noise)
    if command.execute(leaf):
        values = command.summaries["background.json"]
        angles = ", ".join(f"{angle:.1f}" for angle in values["angles_deg"])
        size = values["graphene_pixel_size_A"]
        command.say(
            summary=f"graphene at {angles} degrees; by it a pixel is {size:.4f} Å"
            if angles
            else "no graphene was found",
            next_command=f"atomotion track {command.files[0]} -o tracks/",
        )
    return 0
