"""``atomotion demo``: the program at work on a simulated movie."""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Run
from atomotion.cli.machine import local_pool
from atomotion.cli.progress import Progress
from atomotion.data import UsageError


def demo(
    folder: Annotated[Path, Parameter(help="Where the movies and the project go.")] = Path("demo"),
    /,
    *,
    seed: Annotated[int, Parameter(help="Another seed, another movie.")] = 0,
    show: Annotated[bool, Parameter(help="Open the report in a browser at the end.")] = True,
) -> int:
    """Simulate three particles (ordered, melting and ordering, mostly molten), run the route, show the report."""
    from atomotion.io.config import MovieSource
    from atomotion.project.settings import MovieEntry, load_project, write_project
    from atomotion.workflows import routes

    study = folder / "study"
    if (study / "project.toml").exists():
        print(f"{study} is there already; going on with it")
    elif folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; name another folder: atomotion demo DIR")
    movies = {name: folder / "movies" / f"{name}.mrcs" for name in _MOVIES}
    for name, path in movies.items():
        if not path.exists():
            print(f"simulating {name} ...", flush=True)
            _simulate(name, path, seed)
    if not (study / "project.toml").exists():
        write_project(
            study,
            route="fluxionality",
            sample={"element": "Pt"},
            acquisition=MovieSource(),
            movies=[MovieEntry(name=name, source=MovieSource(path=path)) for name, path in movies.items()],
            # far less than a movie deserves, and enough to see atoms in
            stages={"denoise": {"budget": "45 s"}, "quality": {"budget": "30 s"}},
        )
    project = load_project(study)
    with Progress(several=True) as progress:
        outcomes = routes.run(project, pool=local_pool(tasks=len(movies)), listen=progress)
    report = (study / "report.html").resolve()
    _compare_with_truth(study, movies)
    print(f"report: {report}")
    if show and sys.stdout.isatty():
        webbrowser.open(report.as_uri())
    return 1 if "failed" in outcomes.values() else 0


# what differs from the recipe of a switching particle
_MOVIES: dict[str, dict[str, object]] = {
    "switching": {},
    "ordered": {"periods": None, "diameter": 26.0, "frames": 120, "width_px": 192, "height_px": 192},
    "fluxional": {"periods": "12 42 10 46 10", "diameter": 17.0, "frames": 120, "atom_contrast": 0.12},
}


def _simulate(name: str, path: Path, seed: int) -> None:
    from dataclasses import replace

    from atomotion.simulate.recipes import switching_particle
    from atomotion.stages.simulate import STAGE

    path.parent.mkdir(parents=True, exist_ok=True)
    config = replace(switching_particle(), seed=seed + list(_MOVIES).index(name), **_MOVIES[name])  # type: ignore[arg-type]
    command = Command(path, Run())
    command.execute(command.stage(STAGE, config))


def _compare_with_truth(study: Path, movies: dict[str, Path]) -> None:
    """Say how well order was recognised, since here the truth is known."""
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
