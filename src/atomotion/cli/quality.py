"""``atomotion quality``: the noise of a movie, and what it invalidates."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import run_stages
from atomotion.cli.flags import OptionalOut, Run, with_flags
from atomotion.io.config import MovieSource
from atomotion.noise.config import NoiseConfig


@with_flags(config=NoiseConfig, source=MovieSource, run=Run)
def quality(
    movie: Annotated[Path, Parameter(help="The raw movie.")],
    /,
    *,
    out: OptionalOut = None,
    vacuum: Annotated[
        str | None, Parameter(help="An empty region: a polygon file, or FILE[:ARRAY] with frames of one.")
    ] = None,
    config: NoiseConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Measure the noise of a raw movie: units per electron, correlations, outlier frames, and what they forbid."""
    from dataclasses import replace

    from atomotion.stages import noise
    from atomotion.stages.vacuum import vacuum_input

    inputs = {"movie": replace(source, path=movie), "vacuum": vacuum_input(vacuum) if vacuum else None}
    done = run_stages([(noise.STAGE, config, inputs)], out=out, run=run)
    values = done.summary("noise.json")
    if not run.json:
        low, high = values["units_per_electron_low"], values["units_per_electron_high"]
        interval = "" if low is None else f" ({low:.4g} to {high:.4g})"
        _line("units per electron", values["units_per_electron"], interval)
        _line("electrons per pixel", values["electrons_per_pixel"])
        _line("pixel correlation", values["pixel_lag1"], f" +- {values['pixel_lag1_error']:.2g}")
        _line("frame correlation", values["frame_lag1"])
        print(f"outlier frames       {', '.join(map(str, values['outlier_frames'])) or 'none'}")
    done.say(next_command=f"atomotion order {movie} -o order.csv")
    return 0


def _line(name: str, value: float | None, more: str = "") -> None:
    print(f"{name:20} " + ("not measured" if value is None else f"{value:.4g}{more}"))
