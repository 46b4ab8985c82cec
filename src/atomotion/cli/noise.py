"""``atomotion noise``: the noise of a raw movie, and what it invalidates."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command, facts_in_words
from atomotion.cli.flags import OptionalOut, Run, Vacuum, with_flags
from atomotion.cli.quality import noise_facts
from atomotion.io.config import MovieSource
from atomotion.noise.config import NoiseConfig


@with_flags(config=NoiseConfig, source=MovieSource, run=Run)
def noise(
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

    from atomotion.stages.noise import STAGE
    from atomotion.stages.vacuum import vacuum_input

    command = Command(out, run)
    leaf = command.stage(STAGE, config, movie=replace(source, path=movie), vacuum=vacuum_input(vacuum))
    if command.execute(leaf):
        facts = noise_facts(command.summaries["noise.json"])
        command.say(summary=facts_in_words(facts), next_command=f"atomotion denoise {movie} -o denoised.mrcs")
    return 0
