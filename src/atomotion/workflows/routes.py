"""Plan and run a route of a project."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module

from atomotion.data import UsageError
from atomotion.project.executor import Happening, Outcome, run_leaves
from atomotion.project.leaf import read_status, write_json
from atomotion.project.lock import only_writer, stop_was_asked
from atomotion.project.plan import Leaf
from atomotion.project.pools import Pool
from atomotion.project.settings import Project, check_tables
from atomotion.workflows.reporting import write_report

# name of a route, and the file that plans it
ROUTES = {
    "fluxionality": "atomotion.workflows.fluxionality",
    "tomography": "atomotion.workflows.tomography",
}


def plan(project: Project, *, until: str | None = None) -> list[Leaf]:
    """The leaves of the project's route, each after those it needs.

    Particles and time windows have their leaves as soon as the stage that finds them has ended.

    Parameters
    ----------
    project : Project
    until : str or None
        The last stage to plan.

    Raises
    ------
    UsageError
        For an unknown route or stage, and for a table of ``project.toml`` that belongs to no stage.
    """
    if project.route not in ROUTES:
        raise UsageError(f"unknown route {project.route!r}; known are {', '.join(ROUTES)}")
    route = import_module(ROUTES[project.route])
    names = [stage.name for stage in route.STAGES]
    check_tables(project, names)
    leaves: list[Leaf] = route.leaves(project)
    if until is None:
        return leaves
    return [leaf for leaf in leaves if names.index(leaf.stage.name) <= _position(until, names)]


def run(
    project: Project,
    *,
    pool: Pool,
    listen: Callable[[Happening], None] = lambda happening: None,
    again_from: str | None = None,
    until: str | None = None,
    movies: Sequence[str] = (),
) -> dict[Leaf, Outcome]:
    """Run the project's route and write its report; what became of every leaf.

    Parameters
    ----------
    project : Project
    pool : Pool
        Where leaves are run.
    listen : callable
        Is told what happens.
    again_from : str or None
        This stage and those after it are run again even where they are finished.
    until : str or None
        The last stage to run.
    movies : sequence of str
        Only these movies; all of them where it is empty.
    """
    unknown = set(movies) - {each.name for each in project.movies}
    if unknown:
        known = ", ".join(each.name for each in project.movies)
        raise UsageError(f"no movie is called {sorted(unknown)[0]!r}; the project has {known}")
    if movies:
        project = replace(project, movies=tuple(each for each in project.movies if each.name in movies))
    planned = partial(plan, project, until=until)
    leaves = planned()
    with only_writer(project.root):
        if again_from is not None:
            forget(leaves, again_from)
        outcomes = run_leaves(planned, pool=pool, listen=listen, should_stop=lambda: stop_was_asked(project.root))
        write_report(project, planned())
    return outcomes


def forget(leaves: Sequence[Leaf], stage: str) -> None:
    """Mark the leaves of `stage` and of every later stage as not finished."""
    names = list(dict.fromkeys(leaf.stage.name for leaf in leaves))
    first = _position(stage, names)
    for leaf in leaves:
        if names.index(leaf.stage.name) >= first and leaf.folder.exists():
            write_json(leaf.folder / "status.json", {**read_status(leaf.folder), "state": "new"})


def _position(stage: str, names: Sequence[str]) -> int:
    if stage not in names:
        raise UsageError(f"no stage is called {stage!r}; the route has {', '.join(names)}")
    return list(names).index(stage)
