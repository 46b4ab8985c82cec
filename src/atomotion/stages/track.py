"""The particles of a movie: found, followed, and cut out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import InputError, Movie, ParticleSeries
from atomotion.io.config import MovieSource
from atomotion.io.movie import open_movie
from atomotion.io.series import series_columns, write_series
from atomotion.io.start_boxes import read_start_boxes
from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.particle_track import particle_track
from atomotion.report.figures.style import save
from atomotion.report.figures.tracks_map import tracks_map
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.drift import read_drift
from atomotion.stages.findings import noise_findings, outliers_in
from atomotion.track.boxes import CutBoxes, background_corners, box_corners, inside_fraction
from atomotion.track.config import TrackConfig
from atomotion.track.diffusion import Displacements
from atomotion.track.finding import Sighting
from atomotion.track.tracking import Track, Tracking, box_side, track_particles

_SHOWN = 48  # frames whose mean is shown
_FREE = 3.0  # Å around a particle that a box of background keeps free
_SPEAKING = {"leaves the frame", "is lost", "meets another particle"}


def run(task: Task) -> None:
    """Track the particles of ``movie``; boxes are cut from it and, where there is one, from ``denoised``."""
    config: TrackConfig = task.config
    movie = open_movie(task.inputs["movie"])
    pixel_size = movie.require_pixel_size("tracking")
    denoised = _denoised(task.inputs.get("denoised"), movie)
    drift = read_drift(task.inputs.get("drift"), len(movie))
    drift = None if drift is None else drift * pixel_size
    at = _given(task.inputs.get("boxes"), movie, pixel_size)
    if config.box_px is not None:
        _check_box(config.box_px, movie)
    followed = denoised if denoised is not None and config.follow == "denoised" else movie
    tracking = track_particles(
        followed.frames,
        config,
        pixel_size=pixel_size,
        bad_frames=outliers_in(noise_findings(task.inputs.get("noise"))),
        drift=drift,
        at=at,
        on_step=task.steps("frames"),
    )
    side = box_side(tracking.found.diameter, pixel_size, config)
    _check_box(side, movie)
    rows = [_write_particle(task, number, movie, denoised, drift, tracking, side) for number in _numbers(tracking)]
    crowded = [row["number"] for row in rows if not row["has_background"]]
    if config.background and crowded:
        numbers = ", ".join(map(str, crowded))
        task.warn(f"no room for a box of background of {side} px beside particle {numbers}; none is kept there")
    task.write_json("tracks.json", _summary(movie, tracking, side, rows, len(at)))
    shown = np.linspace(0, len(movie) - 1, min(_SHOWN, len(movie))).astype(int)
    mean = np.zeros(movie.frame_shape, dtype=np.float32)
    for frame in shown:
        mean += np.asarray(followed.frames[int(frame)], dtype=np.float32)
    paths = [each.centres / pixel_size for each in tracking.tracks]
    save(tracks_map(mean / len(shown), paths, box_px=side, pixel_size=pixel_size), task.figure("tracks.png"))
    _warn(task, tracking, pixel_size)


def _warn(task: Task, tracking: Tracking, pixel_size: float) -> None:
    """Say what the user should check."""
    graphene = tracking.graphene
    if graphene is not None and graphene.is_doubtful and graphene.pixel_size is not None:
        task.warn(
            f"the pixel size is {pixel_size:.4g} Å, but graphene says {graphene.pixel_size:.4g} Å, "
            f"{100 * (graphene.pixel_size / pixel_size - 1):+.1f} %; pass --pixel-size {graphene.pixel_size:.4f}A if "
            "the calibration is wrong"
        )
    for number, track in enumerate(tracking.tracks, start=1):
        if track.ends in _SPEAKING:
            task.warn(f"particle {number} {track.ends} after frame {track.frame_index[-1]}; its track ends there")


def _numbers(tracking: Tracking) -> range:
    return range(1, len(tracking.tracks) + 1)


def _denoised(source: MovieSource | None, movie: Movie) -> Movie | None:
    if source is None:
        return None
    denoised = open_movie(source)
    if tuple(denoised.frames.shape) != tuple(movie.frames.shape):
        raise InputError(
            f"{denoised.name} has frames {tuple(denoised.frames.shape)}, but {movie.name} has "
            f"{tuple(movie.frames.shape)}; give the denoised movie of the same frames"
        )
    return denoised


def _given(path: Path | None, movie: Movie, pixel_size: float) -> list[Sighting]:
    """The marked places, which must lie within the movie."""
    if path is None:
        return []
    height, width = movie.frame_shape
    places = []
    for number, (x, y, frame) in enumerate(read_start_boxes(path, pixel_size), start=1):
        if not (0 <= x < width * pixel_size and 0 <= y < height * pixel_size and 0 <= frame < len(movie)):
            raise InputError(
                f"place {number} of {path} lies at x {x / pixel_size:.0f}, y {y / pixel_size:.0f} px in frame {frame}, "
                f"outside of {movie.name} with {len(movie)} frames of {width} x {height} px"
            )
        places.append(Sighting(frame=frame, x=x, y=y, score=float("inf")))
    return places


def _check_box(side: int, movie: Movie) -> None:
    height, width = movie.frame_shape
    if side > min(height, width):
        raise InputError(
            f"a box of {side} px is larger than the frames of {movie.name}, {width} x {height} px; pass a smaller --box"
        )


def _write_particle(
    task: Task,
    number: int,
    movie: Movie,
    denoised: Movie | None,
    drift: NDArray[np.floating] | None,
    tracking: Tracking,
    side: int,
) -> dict[str, Any]:
    """Write the boxes, tables and picture of one particle; its row of the summary."""
    track, name = tracking.tracks[number - 1], f"particle_{number:02d}"
    pixel_size = movie.require_pixel_size("tracking")
    corners = box_corners(track.centres, side, pixel_size)
    raw = CutBoxes(movie.frames, track.frame_index, corners, side)
    images = raw if denoised is None else CutBoxes(denoised.frames, track.frame_index, corners, side)
    beside = _background(track, tracking, movie, corners, side) if task.config.background else None
    times = movie.time_axis()
    series = ParticleSeries(
        images=images,
        raw=raw,
        frame_index=track.frame_index,
        centres=track.centres,
        background=None if beside is None else CutBoxes(movie.frames, track.frame_index, beside, side),
        pixel_size=movie.pixel_size,
        frame_time=movie.frame_time,
        times=None if times is None else times[track.frame_index],
        dose=movie.dose,
        units_per_electron=movie.units_per_electron,
        contrast=movie.contrast,
        voltage=movie.voltage,
        cs=movie.cs,
        defocus=movie.defocus,
        detector=movie.detector,
        metadata=(movie if denoised is None else denoised).metadata,
    )
    columns = {
        "x_px": track.centres[:, 0] / pixel_size,
        "y_px": track.centres[:, 1] / pixel_size,
        "x_own_A": track.own[:, 0],
        "y_own_A": track.own[:, 1],
        "sd_A": track.sd,
        "score": track.score,
        "shown": track.shown,
        "bridged": ~track.seen,
        "box_x_px": corners[:, 1],
        "box_y_px": corners[:, 0],
        "box_inside": inside_fraction(corners, side, movie.frame_shape),
    }
    task.stage.output(f"{name}.csv").check([*series_columns(), *columns])
    write_series(task.output(f"{name}.mrcs"), series, columns=columns, raw_processing=movie.metadata.get("processing"))
    if track.displacements is not None:
        _write_displacements(task, name, track.displacements, movie.frame_time)
    _draw(task, name, track, movie, drift)
    return _row(number, track, movie.frame_time) | {"has_background": beside is not None}


def _background(
    track: Track, tracking: Tracking, movie: Movie, corners: NDArray[np.integer], side: int
) -> NDArray[np.intp] | None:
    pixel_size = movie.require_pixel_size("tracking")
    paths = []
    for other in tracking.tracks:
        path = np.full((len(movie), 2), np.nan)
        path[other.frame_index] = other.centres / pixel_size
        paths.append(path[track.frame_index])
    radius = (0.5 * tracking.found.diameter + _FREE) / pixel_size
    return background_corners(corners, side, movie.frame_shape, paths, radius_px=radius)


def _write_displacements(task: Task, name: str, found: Displacements, frame_time: float | None) -> None:
    task.write_table(
        f"{name}_msd.csv",
        pd.DataFrame(
            {
                "lag_frames": found.lag_frames,
                "lag_s": found.lag_frames * (np.nan if frame_time is None else frame_time),
                "msd_A2": found.msd,
                "low_A2": found.low,
                "high_A2": found.high,
            }
        ),
    )


def _draw(task: Task, name: str, track: Track, movie: Movie, drift: NDArray[np.floating] | None) -> None:
    times, found, walk = movie.time_axis(), track.displacements, track.walk
    frame_time = movie.frame_time
    lag = None if found is None else found.lag_frames * (frame_time or 1.0)
    # <|r|²> = 2 q² lag for steps of variance q² along each axis
    slope = None if walk is None else 2 * np.array([walk.step2, walk.low, walk.high]) / (frame_time or 1.0)
    figure = particle_track(
        track.centres,
        track.own,
        track.score,
        track.seen,
        frame_index=track.frame_index,
        times=None if times is None else times[track.frame_index],
        drift=None if drift is None else drift[track.frame_index],
        displacements=None if found is None or lag is None else (lag, found.msd, found.low, found.high),
        slope=slope,
        lag_label="lag (frames)" if frame_time is None else "lag (s)",
    )
    save(figure, task.figure(f"{name}.png"))


def _row(number: int, track: Track, frame_time: float | None) -> dict[str, Any]:
    """What is said of a particle in ``tracks.json``."""
    walk = track.walk
    # displacement along one axis: <x²> = 2 D t
    per_second = None if frame_time is None or walk is None else 0.5 / frame_time
    return {
        "number": number,
        "file": f"particle_{number:02d}.mrcs",
        "first_frame": int(track.frame_index[0]),
        "last_frame": int(track.frame_index[-1]),
        "frames": len(track),
        "bridged_frames": int((~track.seen).sum()),
        "begins": track.begins,
        "ends": track.ends,
        "mean_score": float(np.nanmean(track.score)),
        "mean_sd_A": float(track.sd.mean()),
        "step_A": None if walk is None else float(np.sqrt(walk.step2)),
        "step_low_A": None if walk is None else float(np.sqrt(walk.low)),
        "step_high_A": None if walk is None else float(np.sqrt(walk.high)),
        "own_centre_error_A": None if walk is None else float(np.sqrt(walk.error2)),
        "diffusion_A2_s": None if per_second is None or walk is None else walk.step2 * per_second,
        "diffusion_low_A2_s": None if per_second is None or walk is None else walk.low * per_second,
        "diffusion_high_A2_s": None if per_second is None or walk is None else walk.high * per_second,
    }


def _summary(movie: Movie, tracking: Tracking, side: int, rows: Sequence[dict[str, Any]], given: int) -> dict[str, Any]:
    found, graphene = tracking.found, tracking.graphene
    return {
        "particles": list(rows),
        "frames": len(movie),
        "pixel_size_A": movie.pixel_size,
        "diameter_A": found.diameter,
        "evidence": "lattice" if found.band.kind == "lattice" else f"{found.band.kind} blob",
        "frame_score": tracking.strength,
        "box_px": side,
        "places_given": given,
        "graphene_angles_deg": [] if graphene is None else [each.angle_deg for each in graphene.sheets],
        "graphene_pixel_size_A": None if graphene is None else graphene.pixel_size,
    }


def section(folder: Path) -> Section:
    """The tracks in the report."""
    values = read_json(folder / "out" / "tracks.json", {})
    rows = values["particles"]
    several = f"{len(rows)} particles were" if len(rows) > 1 else "One particle was"
    sentences = [
        f"{several} followed by their {values['evidence']}; a single frame shows one at {values['frame_score']:.1f} "
        f"standard deviations of the background. The diameter seen is {values['diameter_A']:.1f} Å, boxes have "
        f"{values['box_px']} px."
    ]
    figures = [Figure(path=folder / "figures" / "tracks.png", caption="All tracks on the mean of some frames.")]
    for row in rows:
        name = Path(row["file"]).stem
        figures.append(
            Figure(
                path=folder / "figures" / f"{name}.png",
                caption=f"Particle {row['number']}: path; displacement, each frame's own centre as a dot, drift "
                "dotted; mean-square displacement with its 95 % interval; score. Bridged frames are shaded.",
                data=folder / "out" / f"{name}.csv",
            )
        )
    return Section(title=STAGE.title, sentences=sentences, figures=figures, tables=[_table(rows)])


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    def number(value: float | None, digits: int = 3) -> str:
        return "" if value is None else f"{value:.{digits}g}"

    return Table(
        columns=["particle", "frames", "bridged", "score", "centre ± (Å)", "D (Å²/s)", "95 %", "ends"],
        rows=[
            [
                row["number"],
                f"{row['first_frame']} to {row['last_frame']}",
                row["bridged_frames"],
                number(row["mean_score"]),
                number(row["mean_sd_A"], 2),
                number(row["diffusion_A2_s"]),
                " to ".join(filter(None, (number(row["diffusion_low_A2_s"]), number(row["diffusion_high_A2_s"])))),
                row["ends"],
            ]
            for row in rows
        ],
    )


_PARTICLE = (
    Column("frame", "Number of the frame, from 0."),
    Column("time_s", "Its time; empty where the frame time is not known."),
    Column("x_A", "Centre of the particle on the smooth path, to the right of the centre of the first pixel."),
    Column("y_A", "The same downwards."),
    Column("x_px", "The same in pixels."),
    Column("y_px", "The same in pixels."),
    Column("x_own_A", "Where this frame alone would put the centre; empty in bad and bridged frames."),
    Column("y_own_A", "The same downwards."),
    Column("sd_A", "Standard deviation of the smooth path's centre, along an axis."),
    Column("score", "How clearly the frame shows the particle, in standard deviations of the background."),
    Column("shown", "How much of the average of the frames around it the frame shows; empty where it is not compared."),
    Column("bridged", "True where the frames around do not show it, and the path is a bridge."),
    Column("box_x_px", "Column of the movie's frame that is the box's first; its pixel n // 2 holds the centre."),
    Column("box_y_px", "Row of the movie's frame that is the box's first."),
    Column("box_inside", "Part of the box that lies within the frame; the rest is mirrored."),
)

STAGE = Stage(
    name="track",
    branches=True,
    title="Particles and their tracks",
    config=TrackConfig,
    run=run,
    section=section,
    outputs=(
        OutputFile(
            name="tracks.json",
            about="All particles in a few numbers.",
            columns=(
                Column("particles", "A list: number, file, frames, score, diffusion of each, and why its track ends."),
                Column("frames", "Frames of the movie."),
                Column("pixel_size_A", "Pixel size of movie and boxes."),
                Column("diameter_A", "Diameter of the particles as far as their lattice shows."),
                Column("evidence", "What shows them: lattice, dark blob or bright blob."),
                Column("frame_score", "Mean score of a single frame at the clearest places."),
                Column("box_px", "Side of the boxes."),
                Column("places_given", "How many places were given; 0 where particles were found."),
                Column(
                    "graphene_angles_deg", "Directions of the sheets of graphene that were seen, and not looked at."
                ),
                Column("graphene_pixel_size_A", "Pixel size by graphene; null without any."),
            ),
        ),
        OutputFile(
            name="particle_NN.mrcs",
            about="The boxes of a particle, denoised where a denoised movie was given.",
        ),
        OutputFile(
            name="particle_NN_raw.mrcs",
            about="The same boxes cut from the movie itself, where the others are denoised.",
        ),
        OutputFile(
            name="particle_NN_background.mrcs",
            about="A box beside the particle in the same frames, without any particle; missing where there is no room.",
        ),
        OutputFile(name="particle_NN.csv", about="Its centre in every frame, one row for each box.", columns=_PARTICLE),
        OutputFile(
            name="particle_NN_msd.csv",
            about="Mean-square displacement, x and y together, relative to a given drift; missing for short tracks.",
            columns=(
                Column("lag_frames", "Time between two frames, in frames."),
                Column("lag_s", "The same in seconds; empty where the frame time is not known."),
                Column("msd_A2", "Mean-square displacement over that time."),
                Column("low_A2", "Lower end of its 95 % interval."),
                Column("high_A2", "Upper end."),
            ),
        ),
    ),
)


def with_movie(source: MovieSource, path: Path) -> MovieSource:
    """The source of a second movie of the same frames: the same range, crop and binning, but no corrections."""
    return replace(source, path=path, array=None, dark=None, gain=None, hot_pixels=None)
