"""``atomotion status``, ``log`` and ``stop``: look at a project that runs or has run."""

import json as json_module
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Folder = Annotated[Path, Parameter(help="The project folder; by default the current one.")]


def status(
    folder: Folder = Path(), /, *, json: Annotated[bool, Parameter(help="As JSON.", negative=())] = False
) -> int:
    """Show how far every movie has come."""
    from atomotion.project.leaf import read_status
    from atomotion.project.settings import load_project
    from atomotion.workflows.routes import plan

    leaves = plan(load_project(folder))
    states = {str(leaf): read_status(leaf.folder) for leaf in leaves}
    if json:
        print(json_module.dumps(states, indent=1))
        return 0
    stages = list(dict.fromkeys(leaf.stage.name for leaf in leaves))
    subjects = list(dict.fromkeys(leaf.subject for leaf in leaves))
    width = max(len(each) for each in subjects) + 2
    print(" " * width + "".join(f"{stage:>10}" for stage in stages))
    for subject in subjects:
        cells = [states.get(f"{stage}/{subject}", {"state": ""})["state"] for stage in stages]
        print(f"{subject:{width}}" + "".join(f"{cell:>10}" for cell in cells))
    for name, state in states.items():
        if state.get("error"):
            print(f"{name}: {state['error']}")
    return 0


def log(
    folder: Folder = Path(),
    /,
    *,
    stage: Annotated[str | None, Parameter(help="Only this stage.")] = None,
    lines: Annotated[int, Parameter(help="Last lines of each log.")] = 20,
) -> int:
    """Show the ends of the stages' logs, and the warnings of each."""
    from atomotion.project.leaf import read_status
    from atomotion.project.settings import load_project
    from atomotion.workflows.routes import plan

    for leaf in plan(load_project(folder)):
        if stage is not None and leaf.stage.name != stage:
            continue
        path = leaf.folder / "log.txt"
        print(f"== {leaf} ({read_status(leaf.folder)['state']})")
        for line in path.read_text(errors="replace").splitlines()[-lines:] if path.exists() else []:
            print(line)
    return 0


def stop(folder: Folder = Path(), /) -> int:
    """Stop whoever runs the project; what is finished stays, and run goes on from there."""
    from atomotion.project.lock import ask_to_stop
    from atomotion.project.settings import load_project

    load_project(folder)
    running = ask_to_stop(folder)
    print("asked to stop" if running else "nothing is running")
    return 0
