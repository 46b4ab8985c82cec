"""What of a denoised movie may be believed."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, Movie
from atomotion.io.writer import write_movie
from atomotion.noise import poisson_frames
from atomotion.project.stage import Task
from atomotion.quality.config import QualityConfig
from atomotion.quality.estimate import refused
from atomotion.quality.snr import neighbour_snr, vacuum_snr
from atomotion.quality.sums import SumComparison, sum_against_sum
from atomotion.quality.trust import disagreement, vacuum_in
from atomotion.quality.whiteness import residual_whiteness
from atomotion.stages.judged import UNKNOWN, Judged
from atomotion.stages.judges import Halves, is_network, not_again, same_filter
from atomotion.stages.vacuum import BootstrapFrames, vacuum_counts, vacuum_on_movie

_VACUUM_FRAMES = 32
_BAND_PX = (2.0, 8.0)  # wavelengths, where the lattice band is not in the frame or pixels have no size


def figures_of_the_papers(task: Task, piece: Judged, rng: np.random.Generator) -> dict[str, Any]:
    """Mean over spread in vacuum, and the correlation of neighbouring frames; raw and denoised."""
    options: dict[str, Any] = {"bad_frames": piece.bad, "rng": rng}
    vacuum, mask = vacuum_on_movie(task.inputs.get("vacuum"), piece.movie)
    mask = mask[piece.rows, piece.columns] if mask is not None and vacuum is piece.movie.frames else None
    if mask is None or not mask.any():
        nothing = refused("mean over spread in vacuum", "no vacuum region of the movie is known; give --vacuum")
        in_vacuum = {"vacuum_snr_raw": nothing.as_json(), "vacuum_snr_denoised": nothing.as_json()}
    else:
        in_vacuum = {
            f"vacuum_snr_{name}": vacuum_snr(frames, mask, offset=piece.noise.offset, **options).as_json()
            for name, frames in (("raw", piece.raw), ("denoised", piece.denoised))
        }
    method = "correlation of neighbouring frames"
    denoised = (
        refused(method, UNKNOWN)
        if piece.window is None
        else neighbour_snr(piece.denoised, window=piece.window, mask=piece.particle, **options)
    )
    return in_vacuum | {
        "neighbour_snr_raw_db": neighbour_snr(piece.raw, mask=piece.particle, **options).as_json(),
        "neighbour_snr_denoised_db": denoised.as_json(),
    }


def residual(piece: Judged, rng: np.random.Generator) -> dict[str, Any]:
    """Whether structure was left in what was taken away."""
    names = ("mean_square", "pixel_lag1", "frame_lag1", "left_over", "with_denoised")
    if piece.noise.units_per_electron is None or piece.window is None:
        reason = UNKNOWN if piece.noise.units_per_electron is not None else "the units per electron are not known"
        return {f"residual_{name}": refused("residual", reason).as_json() for name in names}
    found = residual_whiteness(
        piece.raw,
        piece.denoised,
        noise=piece.noise,
        window=piece.window,
        bad_frames=piece.bad,
        rng=rng,
    )
    return {f"residual_{name}": getattr(found, name).as_json() for name in names}


def in_vacuum(task: Task, piece: Judged, rng: np.random.Generator) -> dict[str, Any]:
    """What the denoiser makes of simulated vacuum."""
    names = ("vacuum_noise_kept", "vacuum_relative_to_contrast", "vacuum_band_relative")
    empty, reason = _simulated_vacuum(task, piece, rng), not_again(piece)
    if empty is None:
        reason = "neither a vacuum region nor the units per electron are known"
    elif reason is None and is_network(piece) and task.inputs.get("model") is None:
        reason = "the trained network is not there; give its model.pt with --model"
    if empty is None or reason is not None:
        nothing = refused("vacuum in", reason or "").as_json()
        return {name: dict(nothing) for name in names} | {"vacuum_fixed_pattern": None}
    output = _same_denoiser(task, piece, empty)
    options: dict[str, Any] = {"denoised": piece.denoised, "bad_frames": piece.bad, "rng": rng}
    try:
        if piece.movie.pixel_size is None:
            raise InputError("the lattice band has a place only where pixels have a size")
        found = vacuum_in(lambda _: output, empty, band=piece.band, pixel_size=piece.movie.pixel_size, **options)
    except InputError:
        found = vacuum_in(lambda _: output, empty, band=_BAND_PX, **options)
    assert found.relative_to_contrast is not None and found.band_relative is not None
    return {
        "vacuum_noise_kept": found.noise_kept.as_json(),
        "vacuum_relative_to_contrast": found.relative_to_contrast.as_json(),
        "vacuum_band_relative": found.band_relative.as_json(),
        "vacuum_fixed_pattern": found.fixed_pattern,
    }


def _same_denoiser(task: Task, piece: Judged, vacuum: Frames) -> NDArray[np.float32]:
    """Vacuum through the filter, or the trained network, that the movie went through."""
    if not is_network(piece):
        return same_filter(piece, vacuum, along_drift=False)
    from atomotion.denoise.model import Model
    from atomotion.io.models import read_state

    model = Model.from_state(read_state(task.inputs["model"]))
    return np.concatenate([values for _, values, _ in model.blocks(vacuum, piece.scale, device=task.device)])


def _simulated_vacuum(task: Task, piece: Judged, rng: np.random.Generator) -> NDArray[np.floating] | None:
    shape = (_VACUUM_FRAMES, *piece.raw.shape[1:])
    frames, mask = vacuum_on_movie(task.inputs.get("vacuum"), piece.movie)
    if frames is not None and mask is not None and mask.any():
        return np.asarray(BootstrapFrames(vacuum_counts(frames, mask), shape)[:], dtype=np.float32)
    gain, offset = piece.noise.units_per_electron, piece.noise.offset
    if gain is None:
        return None
    electrons = max(float(np.median(piece.denoised)) - offset, 0.0) / gain
    return poisson_frames(electrons, shape[1:], shape[0], rng) * gain + offset


def sums_compared(
    piece: Judged, config: QualityConfig, rng: np.random.Generator
) -> tuple[SumComparison, float, dict[str, Any]]:
    """The sum of raw frames beside that of the denoised ones, and the row of a line through the particle's middle."""
    height, width = piece.raw.shape[1:]
    middle = (height - 1) / 2
    if piece.particle is not None:
        middle = float(np.flatnonzero(piece.particle.any(axis=1)).mean())
    found = sum_against_sum(
        piece.raw,
        piece.denoised,
        min(config.sum_frames, len(piece.raw)),
        line=((0.0, middle), (float(width - 1), middle)),
        width_px=3,
        units_per_electron=piece.noise.units_per_electron,
        offset=piece.noise.offset,
        bad_frames=piece.bad,
        rng=rng,
    )
    return (
        found,
        middle,
        {
            "sum_frames": [found.frames.start + piece.frames.start, found.frames.stop + piece.frames.start],
            "sum_correlation": found.correlation.as_json(),
            "sum_correlation_limit": found.correlation_limit,
            "sum_slope": found.slope.as_json(),
        },
    )


def disagreement_of(
    task: Task, piece: Judged, halves: Halves | None
) -> tuple[NDArray[np.floating] | None, dict[str, Any]]:
    """The map of where two networks, each from half of the movie, disagree, and how much they do."""
    if halves is None:
        return None, {"disagreement": None, "disagreement_relative": None}
    found = disagreement(halves.first, halves.second, bad_frames=piece.bad)
    shown = Movie(frames=found.rms_map.astype(np.float32)[None], pixel_size=piece.movie.pixel_size)
    write_movie(task.output("disagreement.mrcs"), shown)
    table = pd.DataFrame({"frame": np.arange(len(piece.raw)) + piece.frames.start, "disagreement": found.per_frame})
    task.write_table("disagreement.csv", table)
    return found.rms_map, {"disagreement": found.overall, "disagreement_relative": found.relative}
