"""The piece of a movie that a denoiser is judged on: raw, denoised, and what is known of the noise."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import InputError, Movie, from_mapping
from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.stabilise import NoiseScale
from atomotion.io.movie import open_movie, read_movie
from atomotion.io.polygon import fit_polygon, read_polygon
from atomotion.order.polygon_mask import polygon_mask
from atomotion.project.stage import Task
from atomotion.quality.blocks import good_frames
from atomotion.quality.config import QualityConfig
from atomotion.quality.known_noise import KnownNoise
from atomotion.stages.drift import read_drift
from atomotion.stages.findings import hole_of, noise_findings, noise_scale, outliers_in, read_findings

UNKNOWN = "how the movie was denoised is not known; judge a movie that `atomotion denoise` wrote, with its denoise.json"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A movie and its denoised copy, cut to the piece that is looked at.

    Parameters
    ----------
    movie : Movie
        The whole raw movie, not read.
    raw, denoised : (t, y, x) float32
    window : int or None
        Frames that the denoiser saw on each side; None where nobody says.
    is_blind : bool
    hole_px : int
        Pixels around its own that the denoiser did not see either.
    settings : DenoiseConfig or None
        How the movie was denoised; None where nobody says.
    noise : KnownNoise
    scale : NoiseScale
        The same noise as denoisers take it.
    needed_hole_px : int
        Hole that a network needs in this noise.
    bad : frozenset of int
        Frames of the piece that do not count.
    particle : (y, x) bool or None
        Where the particle is.
    drift : (t, 2) or None
    rows, columns, frames : slice
        The piece.
    band : (shortest, longest) wavelength of the lattice [Å]
    """

    movie: Movie
    raw: NDArray[np.float32]
    denoised: NDArray[np.float32]
    window: int | None
    is_blind: bool
    hole_px: int
    settings: DenoiseConfig | None
    noise: KnownNoise
    scale: NoiseScale
    needed_hole_px: int
    bad: frozenset[int]
    particle: NDArray[np.bool_] | None
    drift: NDArray[np.floating] | None
    frames: slice
    rows: slice
    columns: slice
    band: tuple[float, float]

    @property
    def contrast_range(self) -> float:
        """Maximum minus minimum of the denoised frames, but for a thousandth; the clean movie's is not known."""
        low, high = np.nanpercentile(self.denoised[good_frames(self.denoised, self.bad)], [0.05, 99.95])
        return float(high - low)

    @property
    def drifts(self) -> bool:
        """Whether the sample is known to drift."""
        return self.drift is not None and bool(np.any(self.drift))


def judged(task: Task) -> Judged:
    """Read what is to be judged.

    Raises
    ------
    InputError
        Where the denoised movie is not one of the raw movie's shape, or no frame is good.
    """
    config: QualityConfig = task.config
    movie, denoised = open_movie(task.inputs["movie"]), read_movie(task.inputs["denoised"])
    if denoised.frames.shape != movie.frames.shape:
        raise InputError(
            f"{denoised.name} has the shape {denoised.frames.shape} and {movie.name} {movie.frames.shape}; the "
            "denoised movie must show the same frames and pixels (the same --crop, --bin, --first, --last)"
        )
    info = read_findings(task.inputs.get("info"), "denoise.json", "settings")
    found = noise_findings(task.inputs.get("noise"))
    settings = from_mapping(DenoiseConfig, info["settings"], where=str(task.inputs["info"])) if info else None
    frames = _middle(len(movie), config.max_frames)
    rows, columns = (_middle(side, config.max_side_px) for side in movie.frame_shape)
    raw = np.asarray(movie.frames[frames, rows, columns], dtype=np.float32)
    clean = np.asarray(denoised.frames[frames, rows, columns], dtype=np.float32)
    bad = _bad_frames(raw, clean, outliers_in(found) | set(info.get("left_out", ())), frames)
    _fill(raw, clean, bad)
    scale = noise_scale(movie, raw, found)
    drift = read_drift(task.inputs.get("drift"), len(movie))
    return Judged(
        movie=movie,
        raw=raw,
        denoised=clean,
        window=info.get("frames_each_side") if config.frames_each_side is None else config.frames_each_side,
        is_blind=bool(info.get("is_blind", False)),
        hole_px=int(info.get("hole_px", 0)),
        settings=settings,
        noise=_known(movie, scale, found),
        scale=scale,
        needed_hole_px=hole_of(found),
        bad=bad,
        particle=_particle(task, movie, rows, columns),
        drift=None if drift is None else drift[frames],
        frames=frames,
        rows=rows,
        columns=columns,
        band=(config.band_from, config.band_to),
    )


def _bad_frames(
    raw: NDArray[np.float32], clean: NDArray[np.float32], named: Collection[int], frames: slice
) -> frozenset[int]:
    """Frames of the piece that are named (by their number in the movie) or not finite."""
    lost = np.flatnonzero(~np.isfinite(raw).all(axis=(1, 2)) | ~np.isfinite(clean).all(axis=(1, 2)))
    inside = {index - frames.start for index in named if frames.start <= index < frames.stop}
    return frozenset(inside | {int(index) for index in lost})


def _fill(raw: NDArray[np.float32], clean: NDArray[np.float32], bad: frozenset[int]) -> None:
    """Put the nearest good frame in place of a bad one: it counts for nothing, but filters and splits go over it."""
    good = np.array(good_frames(raw, bad))
    if len(good) == 0:
        raise InputError("no frame of the movie is good; there is nothing to judge")
    for index in bad:
        nearest = good[np.argmin(np.abs(good - index))]
        raw[index], clean[index] = raw[nearest], clean[nearest]


def _known(movie: Movie, scale: NoiseScale, found: Mapping[str, Any]) -> KnownNoise:
    """What ``noise.json`` says to the estimators."""
    low, high = found.get("units_per_electron_low"), found.get("units_per_electron_high")
    interval = None
    # a gain that the user states is taken as exact
    if low is not None and high is not None and movie.units_per_electron is None:
        interval = float(low), float(high)
    # where the noise was found white, the table holds nothing but the table's own errors
    correlation = found.get("pixel_correlation") if found.get("is_white_pixels") is False else None
    return KnownNoise(
        units_per_electron=scale.units_per_electron,
        units_per_electron_interval=interval,
        offset=scale.offset,
        is_poisson=found.get("is_poisson"),
        white_pixels=found.get("is_white_pixels"),
        white_frames=found.get("is_white_frames"),
        pixel_correlation=None if correlation is None else np.asarray(correlation, dtype=float),
    )


def _particle(task: Task, movie: Movie, rows: slice, columns: slice) -> NDArray[np.bool_] | None:
    if task.inputs.get("polygon") is None:
        return None
    polygon = fit_polygon(read_polygon(task.inputs["polygon"]), movie)
    mask = polygon_mask(polygon.points, movie.frame_shape)[rows, columns]
    return mask if mask.any() else None


def _middle(size: int, most: int) -> slice:
    start = max(0, (size - most) // 2)
    return slice(start, min(size, start + most))
