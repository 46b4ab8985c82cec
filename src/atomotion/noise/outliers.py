"""Frames that do not belong with the others: dark, dropped, repeated, saturated, not finite."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from atomotion.data import Frames
from atomotion.noise.findings import OutlierFrame, OutlierKind

_SAMPLE_PIXELS = 65_536
_RUNNING_MEDIAN = 31  # frames; slow changes of the beam pass, a jump of a few frames does not
_LEAST_JUMP = 0.05  # of the standard deviation within a frame: smaller jumps harm nothing
_PILED_UP = 1e-3  # fraction of pixels at the highest value from which on a frame may be saturated


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameStatistics:
    """Per frame, over a regular sample of its pixels: mean, standard deviation, and what is wrong at first sight.

    All arrays are (t,). `mean` and `sd` are over the finite pixels, NaN where there is none; `repeats` says that a
    frame equals the one before it; `saturated` that its values pile up at their highest.
    """

    mean: NDArray[np.floating]
    sd: NDArray[np.floating]
    non_finite: NDArray[np.floating]
    repeats: NDArray[np.bool_]
    saturated: NDArray[np.bool_]
    pixels: int


def frame_statistics(frames: Frames, *, on_step: Callable[[int, int], None] | None = None) -> FrameStatistics:
    """The statistics of every frame, from about 65,000 of its pixels; one frame is in memory at a time."""
    n = int(frames.shape[0])
    step = max(1, int(np.ceil(np.sqrt(frames.shape[1] * frames.shape[2] / _SAMPLE_PIXELS))))
    mean, sd, non_finite = np.full(n, np.nan), np.full(n, np.nan), np.zeros(n)
    repeats, saturated = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    before: NDArray[Any] | None = None
    pixels = 0
    for i in range(n):
        sample = np.array(frames[i][::step, ::step])
        pixels = sample.size
        finite = sample[np.isfinite(sample)]
        non_finite[i] = 1 - finite.size / sample.size
        if finite.size:
            mean[i], sd[i] = finite.mean(dtype=float), finite.std(dtype=float)
            saturated[i] = _is_saturated(finite)
        repeats[i] = before is not None and np.array_equal(sample, before)
        before = sample
        if on_step is not None:
            on_step(i + 1, n)
    return FrameStatistics(mean=mean, sd=sd, non_finite=non_finite, repeats=repeats, saturated=saturated, pixels=pixels)


def _is_saturated(values: NDArray[Any]) -> bool:
    """Whether values pile up at the highest one: many there, few just below, and not merely a handful of levels."""
    low, top = float(values.min()), float(values.max())
    at_top = np.count_nonzero(values == top)
    if top == low or at_top < _PILED_UP * values.size:
        return False
    near_top = np.count_nonzero(values >= top - 0.1 * (top - low)) - at_top
    # counted electrons have few levels, and their highest one is no limit of the detector
    piled_up = at_top - near_top > 5 * np.sqrt(at_top + near_top)
    return bool(piled_up and np.unique(values).size >= 16)


def find_outlier_frames(statistics: FrameStatistics, *, outlier_sd: float = 8.0) -> tuple[OutlierFrame, ...]:
    """The frames that do not belong with the others, in order; a frame is named once, with its gravest fault.

    A frame jumps where its mean (or its standard deviation) is more than `outlier_sd` robust standard deviations, and
    5 % of the standard deviation within a frame, away from the running median of 31 frames. A saturated frame is an
    outlier only where most frames are not saturated.
    """
    found: dict[int, OutlierFrame] = {}

    def add(index: int, kind: OutlierKind, detail: str) -> None:
        found.setdefault(index, OutlierFrame(index=index, kind=kind, detail=detail))

    for i in np.flatnonzero(statistics.non_finite > 0).tolist():
        add(i, "not finite", f"frame {i}: {statistics.non_finite[i]:.2%} of the pixels are not finite")
    for i in np.flatnonzero(statistics.sd == 0).tolist():
        add(i, "constant", f"frame {i}: all pixels are {statistics.mean[i]:g}")
    for i in np.flatnonzero(statistics.repeats).tolist():
        add(i, "repeat", f"frame {i}: the same as frame {i - 1}, pixel by pixel")
    if statistics.saturated.mean() < 0.5:
        for i in np.flatnonzero(statistics.saturated).tolist():
            add(i, "saturated", f"frame {i}: pixels pile up at the highest value")
    good = np.array([i not in found for i in range(len(statistics.mean))])
    if good.sum() >= 5:
        index = np.flatnonzero(good)
        least = _LEAST_JUMP * float(np.median(statistics.sd[good]))
        for at, value, usual in _jumps(statistics.mean[good], outlier_sd, least):
            i = int(index[at])
            which = "the first frame" if i == 0 else f"frame {i}"
            add(i, "mean", f"{which}: mean {value:.4g}, its neighbours {usual:.4g}")
        for at, value, usual in _jumps(statistics.sd[good], outlier_sd, least):
            i = int(index[at])
            which = "the first frame" if i == 0 else f"frame {i}"
            add(i, "spread", f"{which}: standard deviation {value:.4g}, its neighbours {usual:.4g}")
    return tuple(found[i] for i in sorted(found))


def _jumps(values: NDArray[np.floating], limit: float, least: float) -> list[tuple[int, float, float]]:
    """(position, value, running median) of the values that jump."""
    half = min(_RUNNING_MEDIAN, len(values)) // 2
    # turned about the median of the first (last) five, so that a trend goes on and a first frame that jumps is outvoted
    before = 2 * np.median(values[:5]) - values[half:0:-1]
    after = 2 * np.median(values[-5:]) - values[-2 : -half - 2 : -1]
    extended = np.concatenate([before, values, after])
    usual = median_filter(extended, size=2 * half + 1)[half : half + len(values)]
    away = np.abs(values - usual)
    spread = 1.4826 * float(np.median(away))
    return [(int(i), float(values[i]), float(usual[i])) for i in np.flatnonzero(away > max(limit * spread, least))]
