"""Raw liquid-cell frames to atoms in time: the route of Kang et al. (2025) and Meana-Pañeda et al. (2025).

Graphene is removed from the frames, particles are followed, and each is cut out. A network denoises the boxes of each
particle, where it lies still, for seeing; everything that is measured comes from the raw boxes.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from atomotion.project.leaf import read_json, read_status
from atomotion.project.plan import Leaf, Result
from atomotion.project.settings import MovieEntry, Project
from atomotion.project.stage import Stage
from atomotion.stages import background, boundaries, compare, denoise, frames, noise, reconstruct, structure, track
from atomotion.structure.comparison_config import CompareConfig
from atomotion.tomography.boundaries_config import BoundariesConfig
from atomotion.tomography.config import ReconstructionConfig
from atomotion.workflows.leaves import leaf_of

STAGES: tuple[Stage, ...] = (
    noise.STAGE,
    background.STAGE,
    track.STAGE,
    denoise.STAGE,
    frames.STAGE,
    reconstruct.STAGE,
    boundaries.STAGE,
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
    first = _first_pass(project, judged, boxes, subject)
    if not first:
        return planned
    if project.config_for(reconstruct.STAGE.name, ReconstructionConfig).method == "published":
        return [*planned, *first.values(), *_measured(project, subject, list(first.values()))]
    settled = _leaf(
        project,
        boundaries.STAGE,
        subject,
        series=boxes,
        models=[each.result("atoms.xyz") for each in first.values()],
        windows=judged.result("windows.csv"),
        frames=judged.result("frames.csv"),
    )
    settled = replace(settled, config=_as_reconstructed(project, settled.config), tolerant=True)
    planned += [*first.values(), settled]
    final = _final_pass(project, settled, judged, boxes, subject, first)
    planned += [each for each in final if each not in planned]
    return planned + _measured(project, subject, final)


def _measured(project: Project, subject: str, models: list[Leaf]) -> list[Leaf]:
    """The measures of every state, and the comparison of all."""
    states = [each.result("atoms.xyz") for each in models]
    found = [
        _leaf(project, structure.STAGE, model.subject, atoms=atoms) for model, atoms in zip(models, states, strict=True)
    ]
    if len(states) > 1:
        densities = [each.result("density.mrc") for each in models]
        compared = _leaf(project, compare.STAGE, subject, states=states, densities=densities)
        found.append(replace(compared, config=_of_either_hand(compared.config), tolerant=True))
    return found


def _of_either_hand(config: CompareConfig) -> CompareConfig:
    """The config with mirror images tried: projections do not tell the hand, so that every window may have its own."""
    return replace(config, alignment=replace(config.alignment, mirror=True))


def _first_pass(project: Project, judged: Leaf, boxes: Result, subject: str) -> dict[int, Leaf]:
    """The reconstruction of every proposed window, by its number."""
    found = {}
    for number in _windows(judged):
        leaf = _leaf(
            project,
            reconstruct.STAGE,
            f"{subject}/window_{number:02d}",
            series=boxes,
            windows=judged.result("windows.csv"),
            window=number,
        )
        found[number] = replace(leaf, config=_of_element(leaf.config, project))
    return found


def _final_pass(
    project: Project, settled: Leaf, judged: Leaf, boxes: Result, subject: str, first: dict[int, Leaf]
) -> list[Leaf]:
    """The reconstructions of the settled windows: those whose frames are the same are kept, the others made anew.

    Anew means from the lattice, of which all copies are tried for every image; atoms have no copies, and images that
    go astray by them stay there. Only a window that has no model of its own begins with its neighbour's atoms. None
    before the boundaries are settled; where they cannot be, the windows stay as they were.
    """
    state = read_status(settled.folder)["state"]
    if state in ("failed", "blocked"):
        return list(first.values())
    if state != "done":
        return []
    summary = read_json(settled.result("boundaries.json").path, {"kept": [], "nearest": []})
    before, after = (_frames_of(leaf) for leaf in (judged, settled))
    found = []
    for number, (kept, nearest) in enumerate(zip(summary["kept"], summary["nearest"], strict=True), start=1):
        if kept is not None:
            found.append(first[kept])
            continue
        own = len(range(max(before[nearest].start, after[number].start), min(before[nearest].stop, after[number].stop)))
        leaf = _leaf(
            project,
            reconstruct.STAGE,
            f"{subject}/final_{number:02d}",
            series=boxes,
            windows=settled.result("windows.csv"),
            window=number,
            **({} if own else {"start": first[nearest].result("atoms.xyz")}),
        )
        leaf = replace(leaf, config=_of_element(leaf.config, project))
        found.append(replace(leaf, config=_of_lattice(leaf.config, first[nearest])) if own else leaf)
    return found


def _frames_of(leaf: Leaf) -> dict[int, range]:
    """The frames of every window of a leaf, by its number."""
    table = pd.read_csv(leaf.result("windows.csv").path)
    rows = table[["window", "frame_start", "frame_stop"]].to_numpy(int)
    return {int(number): range(start, stop) for number, start, stop in rows}


def _of_lattice(config: ReconstructionConfig, before: Leaf) -> ReconstructionConfig:
    """The config with the lattice that a reconstruction before has found, where it leaves that open."""
    kind = read_json(before.result("summary.json").path, {}).get("start")
    return config if config.start != "auto" or kind in (None, "atoms") else replace(config, start=kind)


def _as_reconstructed(project: Project, config: BoundariesConfig) -> BoundariesConfig:
    """The config with the band and the mask of the reconstructions, where it names none of its own."""
    band = project.config_for(reconstruct.STAGE.name, ReconstructionConfig)
    for name in ("resolution", "longest", "mask_margin", "focal_spread"):
        if getattr(config, name) == getattr(BoundariesConfig(), name):
            config = replace(config, **{name: getattr(band, name)})
    return config


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
