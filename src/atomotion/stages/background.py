"""The graphene of a liquid cell: its sheets, what they say of the pixel size, and the movie without them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import InputError, Movie
from atomotion.io.facts import facts_of
from atomotion.io.movie import open_movie, read_movie
from atomotion.io.writer import MovieWriter, resumable_frames
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.graphene_spectrum import graphene_spectrum
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section
from atomotion.stages.findings import noise_findings, outliers_in
from atomotion.track.config import GrapheneConfig, TrackConfig
from atomotion.track.graphene import Graphene, find_graphene
from atomotion.track.graphene_removal import GrapheneRemoval
from atomotion.track.tracking import track_particles

_TOGETHER = 2  # frames in memory for each thread
_MARGIN = 3.0  # Å: how far beyond a particle's edge its image reaches


def run(task: Task) -> None:
    """Remove the graphene of ``movie``; without any the frames stay as they are."""
    config: GrapheneConfig = task.config
    movie = open_movie(task.inputs["movie"])
    pixel_size = movie.require_pixel_size("finding graphene")
    bad = outliers_in(noise_findings(task.inputs.get("noise")))
    found = find_graphene(movie.frames, config, pixel_size=pixel_size, bad_frames=bad, on_step=task.steps("spectrum"))
    if not found.sheets:
        task.warn(
            f"no graphene was found: the clearest direction stands out by {found.best_score:.1f} standard deviations, "
            f"and {config.min_score:g} are asked for; the frames are written as they are"
        )
    if found.is_doubtful and found.pixel_size is not None:
        task.warn(
            f"the pixel size is {pixel_size:.4g} Å, but graphene says {found.pixel_size:.4g} Å, "
            f"{100 * (found.pixel_size / pixel_size - 1):+.1f} %; pass --pixel-size {found.pixel_size:.4f}A if the "
            "calibration is wrong"
        )
    places, radius = (None, 0.0)
    if found.sheets and config.method == "inpaint":
        places, radius = _particles(task, movie, pixel_size, bad)
    _write(task, movie, found, config, places, radius)
    clean = read_movie(task.output("clean.mrcs"))
    after = find_graphene(clean.frames, config, pixel_size=pixel_size, bad_frames=bad) if found.sheets else None
    task.write_table("sheets.csv", _table(found))
    task.write_json("background.json", _summary(found, after, places, config))
    figure = graphene_spectrum(
        found.power,
        None if after is None else after.power,
        found.ky,
        found.kx,
        [(each.angle_deg, each.spots()) for each in found.sheets],
    )
    save(figure, task.figure("background.png"))


def _particles(
    task: Task, movie: Movie, pixel_size: float, bad: frozenset[int]
) -> tuple[NDArray[np.floating] | None, float]:
    """(t, p, 2) x y [Å] of the particles, NaN where one is not there, and their radius [Å]."""
    try:
        tracking = track_particles(
            movie.frames, TrackConfig(), pixel_size=pixel_size, bad_frames=bad, on_step=task.steps("particles")
        )
    except InputError:
        # without a particle nothing needs to be continued beneath one
        return None, 0.0
    places = np.full((len(movie), len(tracking.tracks), 2), np.nan)
    for number, track in enumerate(tracking.tracks):
        places[track.frame_index, number] = track.centres
    return places, 0.5 * tracking.found.diameter + _MARGIN


def _write(
    task: Task,
    movie: Movie,
    found: Graphene,
    config: GrapheneConfig,
    places: NDArray[np.floating] | None,
    radius: float,
) -> None:
    """Write the frames one by one; what a killed run has written is kept."""
    task.work.mkdir(parents=True, exist_ok=True)
    path, count = task.work / "clean.mrcs", len(movie)
    pixel_size = movie.require_pixel_size("removing graphene")
    if not path.exists():
        removal = GrapheneRemoval(movie.frame_shape, pixel_size, found.sheets, config)

        def clean(frame: int, image: NDArray[np.float32]) -> NDArray[np.float32]:
            if not found.sheets or not np.isfinite(image).all():
                return image
            here = None if places is None else places[frame][np.isfinite(places[frame]).all(axis=1)]
            return removal.clean(image, here, radius=radius)

        done, report = resumable_frames(path), task.steps("frames")
        facts = facts_of(movie, processing=_processing(movie, found, config)) if found.sheets else facts_of(movie)
        with (
            MovieWriter(path, (count, *movie.frame_shape), np.float32, facts=facts, resume_at=done) as writer,
            ThreadPoolExecutor(task.threads) as pool,
        ):
            for first in range(done, count, _TOGETHER * task.threads):
                block = range(first, min(first + _TOGETHER * task.threads, count))
                # readers of some formats cannot be used by several threads at once
                images = [np.asarray(movie.frames[frame], dtype=np.float32) for frame in block]
                for frame, image in zip(block, pool.map(clean, block, images), strict=True):
                    writer.write(image)
                    report(frame + 1, count)
    path.replace(task.output("clean.mrcs"))


def _processing(movie: Movie, found: Graphene, config: GrapheneConfig) -> str:
    before = movie.metadata.get("processing")
    angles = ", ".join(f"{each.angle_deg:.1f}" for each in found.sheets)
    now = f"graphene removed: {config.method}, sheets at {angles} degrees"
    return now if before is None else f"{before}; {now}"


def _table(found: Graphene) -> pd.DataFrame:
    rows = [
        {
            "sheet": number,
            "angle_deg": each.angle_deg,
            "pixel_size_A": each.scale * found.assumed,
            "score": each.score,
        }
        for number, each in enumerate(found.sheets, start=1)
    ]
    return pd.DataFrame(rows, columns=["sheet", "angle_deg", "pixel_size_A", "score"])


def _summary(
    found: Graphene, after: Graphene | None, places: NDArray[np.floating] | None, config: GrapheneConfig
) -> dict[str, Any]:
    return {
        "sheets": len(found.sheets),
        "angles_deg": [each.angle_deg for each in found.sheets],
        "best_score": found.best_score,
        "score_left": None if after is None else after.best_score,
        "pixel_size_A": found.assumed,
        "graphene_pixel_size_A": found.pixel_size,
        "pixel_size_doubtful": found.is_doubtful,
        "method": config.method if found.sheets else None,
        "particles": None if places is None else places.shape[1],
    }


def section(folder: Path) -> Section:
    """The graphene in the report."""
    values = read_json(folder / "out" / "background.json", {})
    if not values["sheets"]:
        sentences = ["No graphene was found; the frames stay as they were."]
    else:
        angles = ", ".join(f"{angle:.1f}°" for angle in values["angles_deg"])
        sentences = [
            f"{values['sheets']} sheet{'s' if values['sheets'] > 1 else ''} of graphene at {angles} (mod 60°). By its "
            f"periods a pixel is {values['graphene_pixel_size_A']:.4f} Å; {values['pixel_size_A']:.4f} Å is assumed."
        ]
    warnings = ["Graphene contradicts the pixel size by more than 1 %."] if values["pixel_size_doubtful"] else []
    return Section(
        title=STAGE.title,
        sentences=sentences,
        warnings=warnings,
        figures=[
            Figure(
                path=folder / "figures" / "background.png",
                caption="Mean power over its median at the same spatial frequency, with the spots of each sheet.",
                data=folder / "out" / "sheets.csv",
            )
        ],
    )


STAGE = Stage(
    name="background",
    title="Graphene",
    config=GrapheneConfig,
    run=run,
    section=section,
    outputs=(
        OutputFile(name="clean.mrcs", about="The movie without graphene (float32); as it was where there is none."),
        OutputFile(
            name="sheets.csv",
            about="The sheets of graphene, the clearest first.",
            columns=(
                Column("sheet", "Number, from 1."),
                Column(
                    "angle_deg", "Direction of a lattice vector of 2.46 Å, from x (right) towards y (down), 0 to 60."
                ),
                Column("pixel_size_A", "Pixel size with which its periods are those of graphene."),
                Column("score", "How its directions stand out of all others, in standard deviations."),
            ),
        ),
        OutputFile(
            name="background.json",
            about="The graphene in a few numbers.",
            columns=(
                Column("sheets", "How many were found."),
                Column("angles_deg", "Their directions."),
                Column("best_score", "How the clearest direction stands out, in standard deviations."),
                Column("score_left", "The same after the removal; null where nothing was removed."),
                Column("pixel_size_A", "The pixel size of the movie."),
                Column("graphene_pixel_size_A", "The pixel size by graphene; null without any."),
                Column("pixel_size_doubtful", "Whether the two differ by more than 1 %."),
                Column("method", "How graphene was removed; null where it was not."),
                Column(
                    "particles", "Particles beneath which the waves were continued; null where none was looked for."
                ),
            ),
        ),
    ),
)
