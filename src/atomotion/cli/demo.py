"""``atomotion demo``: the program at work on simulated movies."""

import sys
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Run
from atomotion.cli.machine import local_pool
from atomotion.cli.progress import Progress
from atomotion.data import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class _Show:
    """A route, and what it is shown on.

    Parameters
    ----------
    route : str
        It names the project's folder too.
    recipe : str
        Of all movies.
    movies : mapping
        Name to what differs from the recipe.
    stages : mapping
        Parameters of stages: far less time than a movie deserves, and enough to see atoms in.
    compare : callable
        Says how well it went, from the project's folder and the movies by name, since here the truth is known.
    """

    route: str
    recipe: str
    movies: Mapping[str, Mapping[str, object]]
    stages: Mapping[str, Mapping[str, Any]]
    compare: Callable[[Path, Mapping[str, Path]], None]


def demo(
    folder: Annotated[Path, Parameter(help="Where the movies and the projects go.")] = Path("demo"),
    /,
    *,
    seed: Annotated[int, Parameter(help="Another seed, other movies.")] = 0,
    show: Annotated[bool, Parameter(help="Open the reports in a browser at the end.")] = True,
) -> int:
    """Simulate particles that melt and order, and one that tumbles in a liquid; run both routes, show the reports."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "movies").exists():
        raise UsageError(f"{folder} is not empty; name another folder: atomotion demo DIR")
    reports, failed = [], False
    for each in _SHOWS:
        failed |= _run(each, folder, seed)
        reports.append((folder / each.route / "report.html").resolve())
    for report in reports:
        print(f"report: {report}")
        if show and sys.stdout.isatty():
            webbrowser.open(report.as_uri())
    return 1 if failed else 0


def _run(shown: _Show, folder: Path, seed: int) -> bool:
    """Run one route on its movies; whether anything failed."""
    from atomotion.io.config import MovieSource
    from atomotion.project.settings import MovieEntry, load_project, write_project
    from atomotion.workflows import routes

    study = folder / shown.route
    if (study / "project.toml").exists():
        print(f"{study} is there already; going on with it")
    movies = {name: folder / "movies" / f"{name}.mrcs" for name in shown.movies}
    for name, path in movies.items():
        if not path.exists():
            print(f"simulating {name} ...", flush=True)
            _simulate(shown, name, path, seed)
    if not (study / "project.toml").exists():
        write_project(
            study,
            route=shown.route,
            sample={"element": "Pt"},
            acquisition=MovieSource(),
            movies=[MovieEntry(name=name, source=MovieSource(path=path)) for name, path in movies.items()],
            stages=shown.stages,
        )
    with Progress(several=True) as progress:
        outcomes = routes.run(load_project(study), pool=local_pool(tasks=len(movies)), listen=progress)
    shown.compare(study, movies)
    return "failed" in outcomes.values()


def _simulate(shown: _Show, name: str, path: Path, seed: int) -> None:
    from atomotion.simulate.recipes import recipe
    from atomotion.stages.simulate import STAGE

    path.parent.mkdir(parents=True, exist_ok=True)
    differs: dict[str, Any] = {"seed": list(shown.movies).index(name), **shown.movies[name]}
    differs["seed"] += seed
    command = Command(path, Run())
    command.execute(command.stage(STAGE, replace(recipe(shown.recipe), **differs)))


def _periods_against_truth(study: Path, movies: Mapping[str, Path]) -> None:
    """Say in how many frames order was recognised."""
    import pandas as pd

    for name, path in movies.items():
        table = study / "stages" / "07_periods" / name / "out" / "periods.csv"
        if not table.exists():
            continue
        truth = pd.read_csv(path.with_name(f"{path.stem}_truth.csv"))["ordered"].to_numpy(bool)
        right = total = 0
        for period in pd.read_csv(table).itertuples():
            inside = truth[period.frame_start : period.frame_stop]
            if period.label in ("ordered", "disordered"):
                right += int((inside == (period.label == "ordered")).sum())
                total += len(inside)
        share = f"{right / total:.0%} of them as the truth has it" if total else "nothing to compare"
        print(f"{name}: {total} of {len(truth)} frames lie in periods called ordered or disordered, {share}")


def _atoms_against_truth(study: Path, movies: Mapping[str, Path]) -> None:
    """Say how many atoms were found, and how far from their places, beside a sphere that knows nothing."""
    from atomotion.io.atoms import read_atoms, read_states
    from atomotion.structure import null_score, score_model

    for name, path in movies.items():
        states = read_states(path.with_name(f"{path.stem}_atoms.xyz"))
        for model in sorted((study / "stages" / "06_reconstruct" / name).glob("*/*/out/atoms.xyz")):
            found = read_atoms(model).positions
            pairs = [(score_model(found, each.positions), each) for each in states]
            score, truth = max(pairs, key=lambda pair: pair[0].found - pair[0].false)
            null = null_score(truth.positions, 3.92)
            print(
                f"{name}, {model.parents[1].name}: {score.found:.1%} of {len(truth)} atoms found, {score.false:.1%} "
                f"too many, {score.rms:.3f} Å from their places (a sphere that saw nothing: {null.found:.1%}, "
                f"{null.rms:.2f} Å)"
            )


_SHOWS = (
    _Show(
        route="fluxionality",
        recipe="switching_particle",
        movies={
            "switching": {},
            "ordered": {"periods": None, "diameter": 26.0, "frames": 120, "width_px": 192, "height_px": 192},
            "fluxional": {"periods": "12 42 10 46 10", "diameter": 17.0, "frames": 120, "atom_contrast": 0.12},
        },
        stages={"denoise": {"budget": "45 s"}, "quality": {"budget": "30 s"}},
        compare=_periods_against_truth,
    ),
    _Show(
        route="tomography",
        recipe="liquid_cell",
        movies={
            "etched": {"seed": 5, "frames": 500, "change": "etching", "states": 2, "changed_atoms": 60,
                       "surface_disorder": 0.1},
        },
        stages={"denoise": {"budget": "30 s"}, "reconstruct": {"start": "fcc"}},
        compare=_atoms_against_truth,
    ),
)  # fmt: skip
