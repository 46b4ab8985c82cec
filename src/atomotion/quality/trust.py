"""What of a denoised movie may be believed: what comes out of nothing, and where two denoisers disagree."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError
from atomotion.quality.blocks import same_shape
from atomotion.quality.bootstrap import interval_over_frames
from atomotion.quality.detail import LATTICE_BAND, Ring
from atomotion.quality.estimate import Estimate
from atomotion.quality.splitting import Denoiser


@dataclass(frozen=True, kw_only=True, slots=True)
class VacuumResponse:
    """What a denoiser makes of frames that show nothing.

    Parameters
    ----------
    noise_kept : Estimate
        Standard deviation of the output over that of the input, both within frames.
    relative_to_contrast : Estimate or None
        Standard deviation of the output over that of the denoised movie's frames: structure of this strength in the
        movie may be invention. None without a denoised movie.
    band_noise_kept : Estimate
        Square root of the output's energy in the band over the input's.
    band_relative : Estimate or None
        The same over the denoised movie's energy in the band.
    fixed_pattern : float
        Standard deviation of the output's mean over frames, over that of single frames; ``1 / sqrt(t)`` or a little
        more for frames without a common pattern, 1 for one and the same picture in every frame.
    mean_shift : float
        Mean of the output minus mean of the input [units].
    """

    noise_kept: Estimate
    relative_to_contrast: Estimate | None
    band_noise_kept: Estimate
    band_relative: Estimate | None
    fixed_pattern: float
    mean_shift: float


def vacuum_in(
    denoise: Denoiser,
    vacuum: Frames,
    *,
    denoised: Frames | None = None,
    band: tuple[float, float] = LATTICE_BAND,
    pixel_size: float | None = None,
    bad_frames: Collection[int] = (),
    rng: np.random.Generator | None = None,
) -> VacuumResponse:
    """Denoise vacuum and see what structure comes out of it.

    Parameters
    ----------
    denoise : callable
        The very denoiser that made `denoised`, with its trained weights and settings.
    vacuum : (t, y, x)
        Simulated frames at the movie's dose and in its units (``noise.poisson_frames`` or ``empirical_frames``).
    denoised : (t', y, x), optional
        The denoised movie to compare with.
    band, pixel_size
        As in `band_correlation`.
    bad_frames : collection of int
        Frames of `denoised` that do not count.
    rng : numpy.random.Generator, optional
    """
    output = denoise(vacuum)
    shape = same_shape(vacuum, output)
    ring = Ring(shape[1:], band, pixel_size)
    before, after = _energies(vacuum, ring, ()), _energies(output, ring, ())
    values = np.concatenate([after[:2], before[:2]])
    contrast = None if denoised is None else np.nanmean(_energies(denoised, ring, bad_frames), axis=1)

    def ratio(above: int, below: int, what: str) -> Estimate:
        return interval_over_frames(
            values, lambda totals, _: np.sqrt(totals[:, above] / totals[:, below]), method=what, rng=rng
        )

    def against_movie(above: int, what: str) -> Estimate | None:
        if contrast is None:
            return None
        return interval_over_frames(
            values, lambda totals, _: np.sqrt(totals[:, above] / totals[:, -1] / contrast[above]), method=what, rng=rng
        )

    mean = np.mean([np.asarray(output[i], dtype=float) for i in range(shape[0])], axis=0)
    single = float(np.sqrt(np.mean(after[0])))
    return VacuumResponse(
        noise_kept=ratio(0, 2, "denoised vacuum over vacuum"),
        relative_to_contrast=against_movie(0, "denoised vacuum over the denoised movie's contrast"),
        band_noise_kept=ratio(1, 3, f"denoised vacuum over vacuum in {ring.name}"),
        band_relative=against_movie(1, f"denoised vacuum over the denoised movie in {ring.name}"),
        fixed_pattern=float(mean.std() / single) if single > 0 else 0.0,
        mean_shift=float(np.mean(after[2]) - np.mean(before[2])),
    )


def _energies(frames: Frames, ring: Ring, bad: Collection[int]) -> NDArray[np.floating]:
    """(3, t) variance within each frame, its energy in the band, and its mean; NaN for bad frames."""
    rows = np.full((3, int(frames.shape[0])), np.nan)
    for i in range(rows.shape[1]):
        if i in bad:
            continue
        frame = np.asarray(frames[i], dtype=float)
        spectrum = ring.spectrum(frame)
        rows[:, i] = frame.var(), ring.product(spectrum, spectrum), frame.mean()
    return rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """Where and when two denoised movies differ.

    Parameters
    ----------
    rms_map : (y, x) float
        Root-mean-square difference over frames [units]. Of two models trained on independent halves, each one's random
        error is about this over √2; errors that both make do not show.
    per_frame : (t,) float
        Root-mean-square difference in every frame [units]; NaN for bad frames.
    overall : float
        Over all pixels and frames [units].
    relative : float
        `overall` over the standard deviation within frames of the mean of the two movies.
    """

    rms_map: NDArray[np.floating]
    per_frame: NDArray[np.floating]
    overall: float
    relative: float


def disagreement(
    first: Frames,
    second: Frames,
    *,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
) -> Disagreement:
    """Differences of two denoised movies, frame by frame.

    Parameters
    ----------
    first, second : (t, y, x)
    mask : (y, x) bool, optional
        Pixels that `per_frame`, `overall` and `relative` are about.
    bad_frames : collection of int
    """
    n, *size = same_shape(first, second)
    where = np.ones(size, dtype=bool) if mask is None else mask
    squares, per_frame, contrast, used = np.zeros(size), np.full(n, np.nan), [], 0
    for i in range(n):
        if i in bad_frames:
            continue
        one, two = np.asarray(first[i], dtype=float), np.asarray(second[i], dtype=float)
        square = (one - two) ** 2
        squares += square
        per_frame[i] = np.sqrt(square[where].mean())
        contrast.append(float((0.5 * (one + two))[where].var()))
        used += 1
    if used == 0:
        raise InputError("no good frame is left to compare")
    overall = float(np.sqrt(np.nanmean(per_frame**2)))
    scale = float(np.sqrt(np.mean(contrast)))
    return Disagreement(
        rms_map=np.sqrt(squares / used),
        per_frame=per_frame,
        overall=overall,
        relative=overall / scale if scale > 0 else float("inf"),
    )
