"""Raw frames to order over time: the route of Crozier et al., Science 387 (2025)."""

from dataclasses import replace
from functools import partial

from atomotion.project.plan import Leaf
from atomotion.project.settings import MovieEntry, Project
from atomotion.project.stage import Stage
from atomotion.stages import denoise, drift, noise, order, periods, quality, region, trend
from atomotion.stages.vacuum import vacuum_input
from atomotion.workflows.leaves import leaf_of

STAGES: tuple[Stage, ...] = (
    noise.STAGE,
    drift.STAGE,
    region.STAGE,
    denoise.STAGE,
    quality.STAGE,
    order.STAGE,
    periods.STAGE,
    trend.STAGE,
)
_leaf = partial(leaf_of, STAGES)


def leaves(project: Project) -> list[Leaf]:
    """The leaves of all movies, and the comparison of the movies with each other."""
    planned: list[Leaf] = []
    for movie in project.movies:
        planned += _of_movie(project, movie)
    found = [leaf.result("periods.json") for leaf in planned if leaf.stage is periods.STAGE]
    planned.append(replace(_leaf(project, trend.STAGE, "all", periods=found), tolerant=True))
    return planned


def _of_movie(project: Project, movie: MovieEntry) -> list[Leaf]:
    name, source = movie.name, movie.source
    vacuum = vacuum_input(movie.vacuum)
    measured = _leaf(project, noise.STAGE, name, movie=source, vacuum=vacuum)
    drifted = _leaf(project, drift.STAGE, name, movie=source, noise=measured.result("noise.json"))
    found = _leaf(
        project,
        region.STAGE,
        name,
        movie=source,
        drift=drifted.result("drift.csv"),
        noise=measured.result("noise.json"),
        polygon=movie.polygon,
    )
    empty = vacuum if vacuum is not None else found.result("vacuum.json")
    denoised = _leaf(
        project,
        denoise.STAGE,
        name,
        movie=source,
        drift=drifted.result("drift.csv"),
        noise=measured.result("noise.json"),
        vacuum=empty,
    )
    judged = _leaf(
        project,
        quality.STAGE,
        name,
        movie=source,
        denoised=denoised.result("denoised.mrcs"),
        info=denoised.result("denoise.json"),
        model=denoised.result("model.pt"),
        noise=measured.result("noise.json"),
        vacuum=empty,
        polygon=found.result("polygon.json"),
        drift=drifted.result("drift.csv"),
    )
    ordered = _leaf(
        project,
        order.STAGE,
        name,
        movie=source,
        denoised=denoised.result("denoised.mrcs"),
        denoised_vacuum=denoised.result("denoised_vacuum.mrcs"),
        polygon=found.result("polygon.json"),
        vacuum=empty,
        drift=drifted.result("drift.csv"),
        noise=measured.result("noise.json"),
    )
    periodic = _leaf(
        project,
        periods.STAGE,
        name,
        order=ordered.result("order.csv"),
        movie=source,
        denoised=denoised.result("denoised.mrcs"),
        polygon=found.result("polygon.json"),
        drift=drifted.result("drift.csv"),
    )
    return [measured, drifted, found, denoised, judged, ordered, periodic]
