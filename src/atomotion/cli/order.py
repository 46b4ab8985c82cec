"""``atomotion order``: order over time, its periods, and its trend with particle size."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Drift, Noise, Out, PolygonFile, Run, Vacuum, with_flags
from atomotion.data import UsageError
from atomotion.io.config import MovieSource
from atomotion.order.config import OrderConfig, PeriodsConfig, RegionConfig, TrendConfig
from atomotion.project.plan import Leaf


@with_flags(config=OrderConfig, periods=PeriodsConfig, source=MovieSource, run=Run)
def order(
    movies: Annotated[list[Path], Parameter(help="The movie; with several, their trend with particle size too.")],
    /,
    *,
    out: Out,
    polygon: PolygonFile = None,
    vacuum: Vacuum = None,
    denoised: Annotated[Path | None, Parameter(help="The denoised movie, measured beside the raw one.")] = None,
    denoised_vacuum: Annotated[Path | None, Parameter(help="Vacuum that went through the same denoiser.")] = None,
    drift: Drift = None,
    noise: Noise = None,
    config: OrderConfig,
    periods: PeriodsConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Measure how ordered every frame is (ALPS), whether that differs from vacuum, and when order comes and goes."""
    from dataclasses import replace

    from atomotion.project.settings import movie_name
    from atomotion.stages.trend import STAGE as TREND
    from atomotion.stages.vacuum import vacuum_input

    several = len(movies) > 1
    if several and out.suffix:
        raise UsageError(f"{len(movies)} movies make more than one table; name a folder with -o, not {out}")
    own = {"--denoised": denoised, "--denoised-vacuum": denoised_vacuum, "--drift": drift, "--noise": noise}
    for flag, value in own.items():
        if several and value is not None:
            raise UsageError(f"{flag} belongs to one movie; for several use a project: atomotion new")
    command = Command(out, run)
    leaves = []
    for movie in movies:
        inputs = {
            "movie": replace(source, path=movie),
            "polygon": polygon,
            "vacuum": vacuum_input(vacuum),
            "denoised": denoised,
            "denoised_vacuum": denoised_vacuum,
            "drift": drift,
            "noise": noise,
        }
        leaves.append(_plan(command, inputs, config, periods, movie_name(movie) if several else ""))
    main = leaves[0][0]
    if several:
        main = command.stage(TREND, TrendConfig(), periods=[found.result("periods.json") for _, found in leaves])
    if command.execute(main):
        _say(command, movies, several)
    return 0


def _plan(
    command: Command, inputs: dict[str, Any], config: OrderConfig, periods: PeriodsConfig, subject: str
) -> tuple[Leaf, Leaf]:
    from atomotion.stages import order, region
    from atomotion.stages import periods as periods_stage

    if inputs["polygon"] is None:
        given = {role: inputs[role] for role in ("movie", "drift", "noise")}
        found = command.stage(region.STAGE, RegionConfig(), subject, **given)
        inputs["polygon"] = found.result("polygon.json")
        inputs["vacuum"] = inputs["vacuum"] or found.result("vacuum.json")
    measured = command.stage(order.STAGE, config, subject, **inputs)
    later = command.stage(
        periods_stage.STAGE,
        periods,
        subject,
        order=measured.result("order.csv"),
        **{role: inputs[role] for role in ("movie", "denoised", "polygon", "drift")},
    )
    return measured, later


def _say(command: Command, movies: list[Path], several: bool) -> None:
    if several:
        command.say(next_command=f"atomotion new DIR {' '.join(f'--movie {movie}' for movie in movies[:2])} ...")
        return
    values, found = command.summaries["order.json"], command.summaries["periods.json"]
    lines = [
        f"ALPS of {source} frames: mean {values['mean_alps'][source]:.4g}, SD {values['sd_alps'][source]:.3g}"
        for source in values["sources"]
    ]
    if values["tested_frames"]:
        lines.append(f"{values['frames_beyond_vacuum']} of {values['tested_frames']} raw frames are beyond vacuum")
    lines.append(f"{found['periods']} periods; the particle is {found['kind']}: {found['reason']}")
    command.say(summary="\n".join(lines), next_command=f"atomotion new DIR --movie {movies[0]}")
