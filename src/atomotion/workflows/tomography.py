"""Raw liquid-cell frames to atoms in time: the route of Kang et al. (2025) and Meana-Pañeda et al. (2025).

Graphene is removed from the frames, particles are followed, and each is cut out. A network denoises the boxes of each
particle, where it lies still, for seeing; everything that is measured comes from the raw boxes.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from atomotion.project.leaf import read_json, read_status
from atomotion.project.plan import Leaf
from atomotion.project.settings import MovieEntry, Project
from atomotion.project.stage import Stage
from atomotion.stages import background, compare, denoise, frames, noise, reconstruct, structure, track
from atomotion.workflows.leaves import leaf_of

STAGES: tuple[Stage, ...] = (
    noise.STAGE,
    background.STAGE,
    track.STAGE,
    denoise.STAGE,
    frames.STAGE,
    reconstruct.STAGE,
    structure.STAGE,
    compare.STAGE,
)
_leaf = partial(leaf_of, STAGES)


def leaves(project: Project) -> list[Leaf]:
    """The leaves of all movies; those of particles and windows as soon as these are known."""
    planned: list[Leaf] = []
    for movie in project.movies:
        planned += _of_movie(project, movie)
    return planned


def _of_movie(project: Project, movie: MovieEntry) -> list[Leaf]:
    name = movie.name
    measured = _leaf(project, noise.STAGE, name, movie=movie.source)
    cleaned = _leaf(project, background.STAGE, name, movie=movie.source, noise=measured.result("noise.json"))
    tracked = _leaf(
        project,
        track.STAGE,
        name,
        movie=replace(cleaned.result("clean.mrcs"), as_movie=True),
        noise=measured.result("noise.json"),
    )
    planned = [measured, cleaned, tracked]
    for particle in _particles(tracked):
        planned += _of_particle(project, tracked, f"{name}/{particle}", particle)
    return planned


def _of_particle(project: Project, tracked: Leaf, subject: str, particle: str) -> list[Leaf]:
    boxes = replace(tracked.result(f"{particle}.mrcs"), as_movie=True)
    # frames are numbered anew in the boxes, so the noise is measured anew too
    measured = _leaf(project, noise.STAGE, subject, movie=boxes)
    denoised = _leaf(project, denoise.STAGE, subject, movie=boxes, noise=measured.result("noise.json"))
    judged = _leaf(project, frames.STAGE, subject, series=boxes)
    judged = replace(judged, config=_of_element(judged.config, project))
    planned = [measured, denoised, judged]
    models, measures = [], []
    for number in _windows(judged):
        inside = f"{subject}/window_{number:02d}"
        found = _leaf(
            project, reconstruct.STAGE, inside, series=boxes, windows=judged.result("windows.csv"), window=number
        )
        found = replace(found, config=_of_element(found.config, project))
        models.append(found.result("atoms.xyz"))
        measures.append(_leaf(project, structure.STAGE, inside, atoms=found.result("atoms.xyz")))
        planned += [found, measures[-1]]
    if len(models) > 1:
        planned.append(replace(_leaf(project, compare.STAGE, subject, states=models), tolerant=True))
    return planned


def _of_element(config: object, project: Project) -> object:
    """The config with the sample's element, which ``project.toml`` names once."""
    element = project.sample.get("element")
    return config if element is None else replace(config, element=element)  # type: ignore[type-var]


def _finished(leaf: Leaf) -> bool:
    return read_status(leaf.folder)["state"] == "done"


def _particles(tracked: Leaf) -> list[str]:
    """Names of the particles that were found; none before that."""
    if not _finished(tracked):
        return []
    rows = read_json(tracked.result("tracks.json").path, {}).get("particles", [])
    return [Path(row["file"]).stem for row in rows]


def _windows(judged: Leaf) -> list[int]:
    """Numbers of the windows that were proposed; none before that."""
    if not _finished(judged):
        return []
    return [int(each) for each in pd.read_csv(judged.result("windows.csv").path)["window"]]
