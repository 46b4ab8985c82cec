"""The piece of a movie that a denoiser is judged on: raw, denoised, and what is known of the noise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import InputError, Movie, from_mapping
from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.stabilise import NoiseScale, measure_noise_scale
from atomotion.io.movie import open_movie, read_movie
from atomotion.io.polygon import fit_polygon, read_polygon
from atomotion.order.polygon_mask import polygon_mask
from atomotion.project.leaf import read_json
from atomotion.project.stage import Task
from atomotion.quality.config import QualityConfig
from atomotion.stages.drift import read_drift
from atomotion.stages.noise import outlier_frames

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
    settings : DenoiseConfig or None
        How the movie was denoised; None where nobody says.
    noise : mapping
        ``noise.json``; empty without one.
    scale : NoiseScale
    bad : frozenset of int
        Frames of the piece that do not count.
    particle : (y, x) bool or None
        Where the particle is.
    drift : (t, 2) or None
    rows, columns, frames : slice
        The piece.
    """

    movie: Movie
    raw: NDArray[np.float32]
    denoised: NDArray[np.float32]
    window: int | None
    is_blind: bool
    hole_px: int
    settings: DenoiseConfig | None
    noise: Mapping[str, Any]
    scale: NoiseScale
    bad: frozenset[int]
    particle: NDArray[np.bool_] | None
    drift: NDArray[np.floating] | None
    frames: slice
    rows: slice
    columns: slice
    band: tuple[float, float] = field(default=(1.7, 3.0))

    @property
    def gain(self) -> float | None:
        """Units per electron, where the noise follows the intensity."""
        return self.scale.units_per_electron

    @property
    def gain_interval(self) -> tuple[float, float] | None:
        """Its 95 % interval."""
        low, high = self.noise.get("units_per_electron_low"), self.noise.get("units_per_electron_high")
        # a gain that the user states is taken as exact
        if low is None or high is None or self.movie.units_per_electron is not None:
            return None
        return float(low), float(high)

    @property
    def what_is_known(self) -> dict[str, Any]:
        """What the estimators ask about the noise."""
        white = self.noise.get("is_white_pixels")
        # where the noise was found white, the table holds nothing but the table's own errors
        correlation = self.noise.get("pixel_correlation") if white is False else None
        return {
            "white_pixels": white,
            "white_frames": self.noise.get("is_white_frames"),
            "pixel_correlation": None if correlation is None else np.asarray(correlation, dtype=float),
        }


def judged(task: Task) -> Judged:
    """Read what is to be judged.

    Raises
    ------
    InputError
        Where the denoised movie is not one of the raw movie's shape.
    """
    config: QualityConfig = task.config
    movie, denoised = open_movie(task.inputs["movie"]), read_movie(task.inputs["denoised"])
    if denoised.frames.shape != movie.frames.shape:
        raise InputError(
            f"{denoised.name} has the shape {denoised.frames.shape} and {movie.name} {movie.frames.shape}; the "
            "denoised movie must show the same frames and pixels (the same --crop, --bin, --first, --last)"
        )
    info = read_json(task.inputs["info"], {}) if task.inputs.get("info") else {}
    noise = read_json(task.inputs["noise"], {}) if task.inputs.get("noise") else {}
    settings = None
    if info.get("settings") is not None:
        settings = from_mapping(DenoiseConfig, info["settings"], where=str(task.inputs["info"]))
    frames = _middle(len(movie), config.max_frames)
    rows, columns = (_middle(side, config.max_px) for side in movie.frame_shape)
    raw = np.asarray(movie.frames[frames, rows, columns], dtype=np.float32)
    clean = np.asarray(denoised.frames[frames, rows, columns], dtype=np.float32)
    bad = set(outlier_frames(task.inputs.get("noise"))) | set(info.get("left_out", []))
    lost = np.flatnonzero(~np.isfinite(raw).all(axis=(1, 2)) | ~np.isfinite(clean).all(axis=(1, 2)))
    gain = movie.units_per_electron
    if gain is None and noise.get("is_poisson") is not False:
        gain = noise.get("units_per_electron")
    drift = read_drift(task.inputs.get("drift"), len(movie))
    particle = None
    if task.inputs.get("polygon") is not None:
        polygon = fit_polygon(read_polygon(task.inputs["polygon"]), movie)
        particle = polygon_mask(polygon.points, movie.frame_shape)[rows, columns]
    window = config.frames_each_side if config.frames_each_side is not None else info.get("frames_each_side")
    left_out = frozenset(index - frames.start for index in bad if frames.start <= index < frames.stop)
    left_out |= frozenset(int(index) for index in lost)
    good = np.array(sorted(set(range(len(raw))) - left_out))
    if len(good) == 0:
        raise InputError("no frame of the movie is good; there is nothing to judge")
    for index in left_out:
        # they count for nothing, but filters and splits go over them
        nearest = good[np.argmin(np.abs(good - index))]
        raw[index], clean[index] = raw[nearest], clean[nearest]
    return Judged(
        movie=movie,
        raw=raw,
        denoised=clean,
        window=window,
        is_blind=bool(info.get("is_blind", False)),
        hole_px=int(info.get("hole_px", 0)),
        settings=settings,
        noise=noise,
        scale=measure_noise_scale(raw, gain, offset=float(noise.get("offset") or 0.0)),
        bad=left_out,
        particle=particle if particle is not None and particle.any() else None,
        drift=None if drift is None else drift[frames],
        frames=frames,
        rows=rows,
        columns=columns,
        band=(config.band_from, config.band_to),
    )


def _middle(size: int, most: int) -> slice:
    start = max(0, (size - most) // 2)
    return slice(start, min(size, start + most))
