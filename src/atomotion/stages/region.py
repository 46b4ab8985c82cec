"""Where the particle is, and where nothing is: as the user drew it, or found in the movie."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, Movie
from atomotion.data.polygon import Polygon
from atomotion.io.movie import open_movie
from atomotion.io.polygon import fit_polygon, read_polygon, write_polygon
from atomotion.io.steps import Crop, Stabilised
from atomotion.order.config import RegionConfig
from atomotion.order.polygon_mask import polygon_area
from atomotion.order.region import Region, find_region
from atomotion.order.region_evidence import region_evidence
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.region_outline import region_outline
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section
from atomotion.stages.drift import read_drift
from atomotion.stages.findings import noise_findings, outliers_in

# frames whose mean is shown in the picture
_SHOWN = 64


def run(task: Task) -> None:
    """Take the given ``polygon`` of ``movie``, or find one; look for a vacuum region either way."""
    movie = open_movie(task.inputs["movie"])
    still, margin = steady(movie, task.inputs.get("noise"), read_drift(task.inputs.get("drift"), len(movie)))
    region = _moved(find_region(region_evidence(still, task.config, on_step=task.steps("frames")), task.config), margin)
    given = task.inputs.get("polygon")
    if given is not None:
        polygon = fit_polygon(read_polygon(given), movie)
    elif region.polygon is not None:
        polygon = Polygon(points=region.polygon, shape=movie.frame_shape, pixel_size=movie.pixel_size)
    else:
        raise InputError(f"no particle was found in {movie.name}: {region.reason}; pass --polygon")
    write_polygon(task.output("polygon.json"), polygon)
    if region.vacuum is not None:
        vacuum = Polygon(points=region.vacuum, shape=movie.frame_shape, pixel_size=movie.pixel_size)
        write_polygon(task.output("vacuum.json"), vacuum)
    task.write_json("region.json", _summary(region, polygon, given is not None))
    shown = np.linspace(0, still.shape[0] - 1, min(_SHOWN, still.shape[0])).astype(int)
    mean = np.mean([still[int(index)] for index in shown], axis=0)
    vacuum_shown = None if region.vacuum is None else region.vacuum - margin
    figure = region_outline(mean, polygon.points - margin, vacuum=vacuum_shown, pixel_size=movie.pixel_size)
    save(figure, task.figure("region.png"))


def steady(movie: Movie, noise: Path | None, drift: NDArray[np.floating] | None) -> tuple[Frames, NDArray[np.floating]]:
    """The movie's good frames, standing still, without the border that moves in; and its width (x, y) [px]."""
    outliers = outliers_in(noise_findings(noise))
    good = np.array([frame for frame in range(len(movie)) if frame not in outliers and _is_finite(movie, frame)])
    if len(good) < 2:
        raise InputError(f"{movie.name} has {len(good)} good frames; at least two are needed")
    margin = np.zeros(2) if drift is None else np.rint(np.abs(drift[good]).max(axis=0))
    height, width = movie.frame_shape
    if np.any(4 * margin > (width, height)):
        # too little would be left; a blurred mean still shows where the particle is
        return Stabilised(movie.frames, good), np.zeros(2)
    x, y = (int(side) for side in margin)
    return Crop(Stabilised(movie.frames, good, drift), slice(y, height - y), slice(x, width - x)), margin


def _moved(region: Region, margin: NDArray[np.floating]) -> Region:
    """The region in the pixels of the whole frame."""
    return replace(
        region,
        polygon=None if region.polygon is None else region.polygon + margin,
        vacuum=None if region.vacuum is None else region.vacuum + margin,
    )


def _is_finite(movie: Movie, frame: int) -> bool:
    return movie.frames.dtype.kind != "f" or bool(np.isfinite(movie.frames[frame]).all())


def _summary(region: Region, polygon: Polygon, given: bool) -> dict[str, Any]:
    area = abs(polygon_area(polygon.points))
    diameter = 2 * float(np.sqrt(area / np.pi))
    return {
        "polygon_from": "given" if given else f"found ({region.how})",
        "area_px": area,
        "diameter_px": diameter,
        "diameter_A": None if polygon.pixel_size is None else diameter * polygon.pixel_size,
        "score": None if given else region.score,
        "vacuum_found": region.vacuum is not None,
        "vacuum_reason": region.vacuum_reason,
    }


def section(folder: Path) -> Section:
    """The regions in the report."""
    values = read_json(folder / "out" / "region.json", {})
    sentences = [f"The polygon was {values['polygon_from']}."]
    if not values["vacuum_found"]:
        sentences.append(f"No empty region was found in the movie: {values['vacuum_reason']}.")
    return Section(
        title=STAGE.title,
        sentences=sentences,
        figures=[
            Figure(
                path=folder / "figures" / "region.png",
                caption="Mean of the drift-corrected frames, with the particle and the empty region.",
                data=folder / "out" / "polygon.json",
            )
        ],
    )


STAGE = Stage(
    name="region",
    title="Particle and vacuum",
    config=RegionConfig,
    run=run,
    section=section,
    outputs=(
        OutputFile(
            name="polygon.json",
            about="The particle's outline, in the pixels of the first good frame; order follows it.",
        ),
        OutputFile(name="vacuum.json", about="An empty rectangle; missing where none was found.", optional=True),
        OutputFile(
            name="region.json",
            about="The regions in a few numbers.",
            columns=(
                Column("polygon_from", "Whether the polygon was given or found, and how."),
                Column("area_px", "Its area [px²]."),
                Column("diameter_px", "Diameter of the circle with that area."),
                Column("diameter_A", "The same in Å; null without a pixel size."),
                Column("score", "How much like a particle what was found looks, 0 to 1; null for a given polygon."),
                Column("vacuum_found", "Whether an empty region was found."),
                Column("vacuum_reason", "Why not."),
            ),
        ),
    ),
)
