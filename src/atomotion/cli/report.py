"""``atomotion report``: write the report again."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def report(
    folder: Annotated[Path, Parameter(help="The project folder; by default the current one.")] = Path(), /
) -> int:
    """Write the project's report from what is finished."""
    from atomotion.project.settings import load_project
    from atomotion.workflows.reporting import write_report
    from atomotion.workflows.routes import plan

    project = load_project(folder)
    print(f"report: {write_report(project, plan(project))}")
    return 0
