"""``atomotion track``: particles found, followed and cut out."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Drift, Noise, Out, Run, with_flags
from atomotion.io.config import MovieSource
from atomotion.track.config import TrackConfig


@with_flags(config=TrackConfig, source=MovieSource, run=Run)
def track(
    movie: Annotated[Path, Parameter(help="The movie, raw.")],
    /,
    *,
    out: Out,
    denoised: Annotated[Path | None, Parameter(help="The same frames denoised: boxes are cut from both.")] = None,
    boxes: Annotated[
        Path | None, Parameter(help="Where particles are: an EMAN .box file, or a CSV with x_px, y_px and frame.")
    ] = None,
    drift: Drift = None,
    noise: Noise = None,
    config: TrackConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Find the particles of a movie, follow them, and cut out boxes that go with them."""
    from dataclasses import replace

    from atomotion.stages.track import STAGE, with_movie

    command = Command(out, run)
    leaf = command.stage(
        STAGE,
        config,
        movie=replace(source, path=movie),
        denoised=None if denoised is None else with_movie(source, denoised),
        boxes=boxes,
        drift=drift,
        noise=noise,
    )
    if command.execute(leaf):
        rows = command.summaries["tracks.json"]["particles"]
        first = next((path for path in command.files if path.name.endswith(rows[0]["file"])), out)
        command.say(
            summary="\n".join(
                f"particle {row['number']}: frames {row['first_frame']} to {row['last_frame']}, score "
                f"{row['mean_score']:.1f}, centres known to {row['mean_sd_A']:.2f} Å"
                for row in rows
            ),
            next_command=f"atomotion reconstruct {first} --element Pt -o model/",
        )
    return 0
