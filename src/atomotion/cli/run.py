"""``atomotion run``: the whole route of a project."""

from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.flags import Run, with_flags
from atomotion.cli.machine import local_pool
from atomotion.cli.progress import Progress
from atomotion.project.plan import Leaf


@with_flags(run=Run)
def run(
    folder: Annotated[Path, Parameter(help="The project folder; by default the current one.")] = Path(),
    /,
    *,
    route: Annotated[str | None, Parameter(help="Another route than the project's own.")] = None,
    from_: Annotated[
        str | None, Parameter(name="--from", help="Run this stage and the later ones again, even if finished.")
    ] = None,
    to: Annotated[str | None, Parameter(help="The last stage to run.")] = None,
    movie: Annotated[list[str] | None, Parameter(help="Only this movie, by its name; can be repeated.")] = None,
    jobs: Annotated[int | None, Parameter(name=["--jobs", "-j"], help="Leaves run at once on this machine.")] = None,
    cluster: Annotated[
        str | None, Parameter(help="Run on a Dask cluster: tcp://host:8786, or slurm with a [cluster] table.")
    ] = None,
    run: Run,
) -> int:
    """Run the project's route; finished stages are skipped, a stopped or killed run goes on from where it was."""
    from dataclasses import replace

    from atomotion.project.pools import DaskPool, Pool
    from atomotion.project.settings import load_project
    from atomotion.workflows import routes

    project = load_project(folder)
    if route is not None:
        project = replace(project, route=route)
    if run.dry_run:
        return _say_what_would_run(routes.plan(project, until=to))
    pool: Pool
    if cluster is not None:
        pool = DaskPool(cluster, project.cluster, threads=run.threads or 1, device=run.device)
    else:
        pool = local_pool(run.threads, jobs, tasks=len(movie or project.movies), device=run.device)
    with Progress(quiet=run.quiet, verbose=run.verbose, several=True) as progress:
        outcomes = routes.run(project, pool=pool, listen=progress, again_from=from_, until=to, movies=movie or ())
    counts = Counter(outcomes.values())
    if run.json:
        import json

        print(json.dumps({str(leaf): outcome for leaf, outcome in outcomes.items()}, indent=1))
    else:
        print(", ".join(f"{counts[word]} {word}" for word in ("done", "kept", "failed", "blocked") if counts[word]))
        print(f"report: {project.root / 'report.html'}   next: atomotion status {folder}")
    return 1 if counts["failed"] else 0


def _say_what_would_run(leaves: list[Leaf]) -> int:
    from atomotion.project.leaf import read_status

    for leaf in leaves:
        state = read_status(leaf.folder)["state"]
        print(f"{leaf!s:40} {'finished before' if state == 'done' else state}")
    return 0
