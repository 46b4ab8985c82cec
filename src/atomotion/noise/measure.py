"""The noise of a movie, measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError
from atomotion.noise.config import NoiseConfig
from atomotion.noise.consequences import consequences
from atomotion.noise.findings import NoiseFindings, OutlierFrame
from atomotion.noise.gain import measure_gain
from atomotion.noise.outliers import FrameStatistics, find_outlier_frames, frame_statistics
from atomotion.noise.windows import LAGS, WindowAverages, WindowSums, choose_windows, cut

_DEFAULT = NoiseConfig()
_SURE = 4.0  # standard errors from which on a correlation is believed


def measure_noise(
    frames: Frames,
    *,
    vacuum_mask: NDArray[np.bool_] | None = None,
    config: NoiseConfig = _DEFAULT,
    on_step: Callable[[int, int], None] | None = None,
) -> NoiseFindings:
    """What the noise of a raw movie is, and what it forbids.

    Differences of frames take out whatever stands still, so the noise is ``D_k = <(y_t - y_{t+k})²> / 2`` in small
    windows: correlations come from the windows inside the vacuum, or without one from those in which the frame has the
    least structure; the gain from ``D = g (mean - offset)`` over all windows where their contrast allows a line, else
    from ``D / mean`` with an offset of 0. A structure that moves looks like correlated noise; the windows are chosen
    against it, and where there was no choice gain and frame correlation come from the highest spatial frequencies only,
    with a warning.

    Every frame is read once to find outliers and the sampled ones a second time; in memory are one frame and one run of
    windows.

    Parameters
    ----------
    frames : (t, y, x)
        The raw movie, at least 2 frames.
    vacuum_mask : (y, x) bool, optional
        A region without sample.
    config : NoiseConfig
    on_step : callable, optional
        Called with (frames read, frames to read).

    Raises
    ------
    InputError
        Where fewer than two frames are good, or frame or vacuum are too small.
    """
    shape = _checked_shape(frames, vacuum_mask)
    n = int(frames.shape[0])
    expected = n + min(n, config.max_frames)
    statistics = frame_statistics(frames, on_step=None if on_step is None else lambda i, _: on_step(i, expected))
    outliers = find_outlier_frames(statistics, outlier_sd=config.outlier_sd)
    runs = _choose_runs(n, {each.index for each in outliers}, config)
    if not runs:
        raise InputError(
            f"no two neighbouring frames are good (of {n}; {len(outliers)} are outliers, the first: "
            f"{outliers[0].detail if outliers else 'none'}); noise is measured from at least two"
        )
    sampling = _choose_sampling(shape, vacuum_mask, config)
    averages = WindowAverages(len(sampling.corners), sampling.size, config.run_frames)
    snr, done = [], n
    for run in runs:
        windows = []
        for i in run:
            windows.append(cut(np.asarray(frames[i]), sampling.corners, sampling.size))
            done += 1
            if on_step is not None:
                on_step(min(done, expected), expected)
        if vacuum_mask is not None:
            snr += [float(w[sampling.vacuum].mean() / w[sampling.vacuum].std()) for w in windows]
        averages.add(np.stack(windows))
    return _findings(averages.result(), sampling, statistics, outliers, snr, sum(map(len, runs)), config)


def _checked_shape(frames: Frames, mask: NDArray[np.bool_] | None) -> tuple[int, int]:
    if len(frames.shape) != 3 or frames.shape[0] < 2:
        raise InputError(f"noise is measured from at least two frames (t, y, x), but the shape is {frames.shape}")
    shape = int(frames.shape[1]), int(frames.shape[2])
    if mask is not None and mask.shape != shape:
        raise InputError(f"the vacuum has shape {mask.shape}, the frames {shape}")
    return shape


def _choose_runs(n: int, bad: set[int], config: NoiseConfig) -> list[range]:
    """Runs of consecutive good frames, spread over the movie, the full-length ones first."""
    runs, start = [], 0
    for stop in [*sorted(bad), n]:
        runs += [range(i, min(i + config.run_frames, stop)) for i in range(start, stop, config.run_frames)]
        start = stop + 1
    full = [run for run in runs if len(run) == config.run_frames]
    # without one full run the longest piece must do
    usable = full or sorted((run for run in runs if len(run) >= 2), key=len)[-1:]
    count = max(1, config.max_frames // config.run_frames)
    if len(usable) <= count:
        return usable
    return [usable[i] for i in np.linspace(0, len(usable) - 1, count).round().astype(int)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sampling:
    """Corners (w, 2) of the windows, which of them lie in the vacuum (w,), and their side in pixels."""

    corners: NDArray[np.intp]
    vacuum: NDArray[np.bool_]
    size: int
    has_vacuum: bool


def _choose_sampling(shape: tuple[int, int], mask: NDArray[np.bool_] | None, config: NoiseConfig) -> _Sampling:
    for size in [s for s in (config.window_px, config.window_px // 2, config.window_px // 4) if s >= 8]:
        count = max(16, config.max_pixels // size**2)
        if mask is None:
            corners = choose_windows(shape, size, count)
            vacuum = np.zeros(len(corners), dtype=bool)
        else:
            inside = choose_windows(shape, size, count // 2, mask)
            outside = choose_windows(shape, size, count - len(inside), ~mask)
            corners = np.concatenate([inside, outside])
            vacuum = np.arange(len(corners)) < len(inside)
        if (vacuum if mask is not None else np.ones(len(corners))).sum() >= 12:
            break
    if len(corners) < 4 or (mask is not None and vacuum.sum() < 4):
        what = "frame" if mask is None else "vacuum region"
        raise InputError(f"the {what} is too small: noise is measured from at least four windows of {size} x {size} px")
    return _Sampling(corners=corners, vacuum=vacuum, size=size, has_vacuum=mask is not None)


def _quiet_windows(sums: WindowSums, sampling: _Sampling, run_length: int) -> tuple[NDArray[np.bool_], bool]:
    """Windows without structure, and whether there are any."""
    noise = sums.half_difference[:, 0]
    # standard deviation of the covariance of the two half means of white noise
    halves = (run_length + 1) // 2, max(1, run_length // 2)
    null = noise / np.sqrt(halves[0] * halves[1] * sampling.size**2 * sums.runs)
    free = sums.structure < 3.0 * null
    if free.sum() >= max(4, len(free) // 8):
        return free, True
    few = np.zeros(len(free), dtype=bool)
    few[np.argsort(sums.structure / noise)[: max(4, len(free) // 4)]] = True
    return few, False


def _far(differences: NDArray[np.floating], pairs: NDArray[np.integer]) -> NDArray[np.floating]:
    """(w,) D at lags beyond the third, taken as independent; a short movie has only its longest lag."""
    last = int(np.flatnonzero(pairs)[-1])
    first = min(LAGS, last)
    return differences[:, first : last + 1] @ pairs[first : last + 1] / pairs[first : last + 1].sum()


def _frame_correlation(
    differences: NDArray[np.floating], pairs: NDArray[np.integer]
) -> tuple[NDArray[np.floating], float]:
    """Correlation (3,) at lags of 1, 2, 3 frames and the standard error of the first, from D_k (w, k)."""
    frame = np.full(LAGS, np.nan)
    error = float("nan")
    lags = int(np.count_nonzero(pairs))
    if lags >= 2:
        far = _far(differences, pairs)
        for lag in range(min(LAGS, lags - 1)):
            frame[lag] = 1.0 - differences[:, lag].sum() / far.sum()
        error = _ratio_error(far - differences[:, 0], far)
    return frame, error


def _pixel_correlation(covariance: NDArray[np.floating]) -> tuple[float, float]:
    """Correlation at a lag of one pixel, x and y pooled, and its standard error, from covariances (w, 7, 7)."""
    centre = covariance[:, LAGS, LAGS]
    pooled = 0.5 * (covariance[:, LAGS, LAGS + 1] + covariance[:, LAGS + 1, LAGS])
    return float(pooled.sum() / centre.sum()), _ratio_error(pooled, centre)


def _ratio_error(above: NDArray[np.floating], below: NDArray[np.floating]) -> float:
    """Standard error of sum(above) / sum(below) over windows."""
    residual = above - below * above.sum() / below.sum()
    return float(np.sqrt(np.sum(residual**2) / (len(above) - 1) / len(above)) / np.mean(below))


def _is_white(value: float, error: float, limit: float) -> bool | None:
    if not np.isfinite(value):
        return None
    return bool(abs(value) < max(limit, _SURE * error))


def _findings(
    sums: WindowSums,
    sampling: _Sampling,
    statistics: FrameStatistics,
    outliers: tuple[OutlierFrame, ...],
    snr: list[float],
    frames_used: int,
    config: NoiseConfig,
) -> NoiseFindings:
    quiet, free = sampling.vacuum, True
    if not sampling.has_vacuum:
        quiet, free = _quiet_windows(sums, sampling, frames_used // sums.runs)
    pixel, pixel_error = _pixel_correlation(sums.covariance[quiet])
    table = sums.covariance[quiet].sum(axis=0)
    table = table / table[LAGS, LAGS]
    # where everything has structure, only the highest spatial frequencies tell noise from motion
    differences = sums.half_difference if free else sums.sharp_difference
    steady = quiet if free else np.ones_like(quiet)
    frame, frame_error = _frame_correlation(differences[steady], sums.pairs)
    variance, sharp = differences[:, 0], sums.sharp_difference[:, 0]
    if abs(frame[0]) > max(_SURE * frame_error, config.white_limit):
        # neighbouring frames share part of their noise, which their difference does not show
        variance = variance / (1.0 - frame[0])
    # noise that is not white loses or gains in the filter what it does in the quiet windows
    sharp = sharp * variance[steady].sum() / sharp[steady].sum()
    gain = measure_gain(sums.mean[steady], variance[steady], sums.sharp_mean, sharp)
    level = float(np.mean(sums.mean[sampling.vacuum] if sampling.has_vacuum else sums.mean))
    good = np.ones(len(statistics.mean), dtype=bool)
    good[[each.index for each in outliers]] = False
    white_pixels = _is_white(pixel, pixel_error, config.white_limit)
    white_frames = _is_white(float(frame[0]), frame_error, config.white_limit)
    method: Literal["vacuum", "frame differences"] = "vacuum" if sampling.has_vacuum else "frame differences"
    flicker = _flicker(statistics, good)
    findings = NoiseFindings(
        units_per_electron=gain.units_per_electron,
        units_per_electron_interval=gain.interval,
        offset=gain.offset,
        offset_interval=gain.offset_interval,
        is_poisson=gain.is_poisson,
        electrons_per_pixel=None
        if gain.units_per_electron is None
        else (level - gain.offset) / gain.units_per_electron,
        pixel_lag1_x=float(table[LAGS, LAGS + 1]),
        pixel_lag1_y=float(table[LAGS + 1, LAGS]),
        pixel_lag1=pixel,
        pixel_lag1_error=pixel_error,
        pixel_correlation=table,
        frame_lag1=float(frame[0]),
        frame_lag1_error=frame_error,
        frame_correlation=frame,
        is_white_pixels=white_pixels,
        is_white_frames=white_frames,
        vacuum_snr=float(np.mean(snr)) if snr else None,
        level=level,
        change=_change(sums, quiet),
        structure_free=free,
        window_mean=sums.mean,
        window_variance=variance,
        frame_mean=statistics.mean,
        frame_sd=statistics.sd,
        flicker=flicker,
        outlier_frames=outliers,
        method=method,
        frames_used=frames_used,
        windows_used=int(quiet.sum()),
        pixels_used=int(quiet.sum()) * sampling.size**2,
        warnings=(),
    )
    return consequences(findings)


def _flicker(statistics: FrameStatistics, good: NDArray[np.bool_]) -> float:
    mean = statistics.mean[good]
    if len(mean) < 3 or mean.mean() == 0:
        return 0.0
    counting = float(np.mean(statistics.sd[good] ** 2)) / statistics.pixels
    found = 0.5 * float(np.mean(np.diff(mean) ** 2))
    # mean squares of n successive differences scatter by sqrt(3 / n)
    if found < counting * (1.0 + _SURE * np.sqrt(3.0 / len(mean))):
        return 0.0
    return float(np.sqrt(found - counting) / abs(mean.mean()))


def _change(sums: WindowSums, quiet: NDArray[np.bool_]) -> float:
    """How much of the structure's variance changes within a run; 0 where no change is seen."""
    moving = ~quiet & (sums.structure > 0)
    if moving.sum() < 4 or quiet.sum() < 4 or np.count_nonzero(sums.pairs) < 2:
        return 0.0
    growth = _far(sums.half_difference, sums.pairs) - sums.half_difference[:, 0]
    error = growth[quiet].std() * np.sqrt(1.0 / moving.sum() + 1.0 / quiet.sum())
    excess = float(growth[moving].mean() - growth[quiet].mean())
    contrast = float(sums.structure[moving].mean())
    # a contrast as faint as its own error has no meaningful change
    scatter = float(sums.structure[quiet].std())
    return excess / contrast if excess > 3 * error and contrast > 8 * scatter else 0.0
