"""How the leaves of a route are made and named."""

from collections.abc import Sequence

from atomotion.project.plan import Leaf
from atomotion.project.settings import Project
from atomotion.project.stage import Stage


def leaf_of(stages: Sequence[Stage], project: Project, stage: Stage, subject: str, **inputs: object) -> Leaf:
    """The leaf of a stage of the route `stages` for a subject: a movie, its particle, or the particle's time window.

    It lies in ``stages/NN_name/subject`` of the project, NN being the stage's place in the route.
    """
    number = [each.name for each in stages].index(stage.name) + 1
    return Leaf(
        stage=stage,
        subject=subject,
        folder=project.root / "stages" / f"{number:02d}_{stage.name}" / subject,
        config=project.config_for(stage.name, stage.config),
        inputs=inputs,
    )
