"""What other commands found out about a movie, read from their files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atomotion.data import Frames, InputError, Movie
from atomotion.denoise.hole import hole_radius
from atomotion.denoise.stabilise import NoiseScale, measure_noise_scale
from atomotion.project.leaf import read_json


def read_findings(path: Path | None, name: str, key: str) -> dict[str, Any]:
    """What a file that was written as `name`, with `key` among its keys, says; empty where no file is given.

    Raises
    ------
    InputError
        Where there is no such file, or it holds something else.
    """
    if path is None:
        return {}
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    try:
        values = read_json(path, {})
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is no {name} that atomotion wrote: it holds no JSON object") from error
    if key not in values:
        raise InputError(f"{path} is no {name} that atomotion wrote: it has no {key!r}")
    return values


def noise_findings(path: Path | None) -> dict[str, Any]:
    """What ``noise.json`` says; empty without one."""
    return read_findings(path, "noise.json", "outlier_frames")


def outliers_in(noise: Mapping[str, Any]) -> frozenset[int]:
    """The frames that do not belong with the others."""
    return frozenset(noise.get("outlier_frames", ()))


def noise_scale(movie: Movie, frames: Frames, noise: Mapping[str, Any]) -> NoiseScale:
    """The noise of `frames`, all or a piece of the movie's; the gain that the user states goes before the measured."""
    gain = movie.units_per_electron
    if gain is None and noise.get("is_poisson") is not False:
        gain = noise.get("units_per_electron")
    return measure_noise_scale(frames, gain, offset=float(noise.get("offset") or 0.0))


def hole_of(noise: Mapping[str, Any]) -> int:
    """Radius of the hole that a network needs in this noise [px]."""
    return hole_radius(noise.get("pixel_correlation"), is_white=noise.get("is_white_pixels"))
