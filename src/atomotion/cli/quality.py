"""``atomotion quality``: the noise of a movie, and what it invalidates."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command, facts_in_words
from atomotion.cli.flags import OptionalOut, Run, Vacuum, with_flags
from atomotion.io.config import MovieSource
from atomotion.noise.config import NoiseConfig


@with_flags(config=NoiseConfig, source=MovieSource, run=Run)
def quality(
    movie: Annotated[Path, Parameter(help="The raw movie.")],
    /,
    *,
    out: OptionalOut = None,
    vacuum: Vacuum = None,
    config: NoiseConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Measure the noise of a raw movie: units per electron, correlations, outlier frames, and what they forbid."""
    from dataclasses import replace

    from atomotion.stages import noise
    from atomotion.stages.vacuum import vacuum_input

    command = Command(out, run)
    leaf = command.stage(noise.STAGE, config, movie=replace(source, path=movie), vacuum=vacuum_input(vacuum))
    if command.execute(leaf):
        values = command.summaries["noise.json"]
        low, high = values["units_per_electron_low"], values["units_per_electron_high"]
        shown = {
            "units per electron": values["units_per_electron"],
            "  95 % interval": None if low is None else f"{low:.4g} to {high:.4g}",
            "electrons per pixel": values["electrons_per_pixel"],
            "pixel correlation": values["pixel_lag1"],
            "frame correlation": values["frame_lag1"],
            "outlier frames": ", ".join(map(str, values["outlier_frames"])) or "none",
        }
        command.say(summary=facts_in_words(shown), next_command=f"atomotion order {movie} -o order.csv")
    return 0
