"""Periods of order and disorder: where a curve of order stays on one level, and what each level is called."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from atomotion.data import InputError
from atomotion.order.changepoints import SeriesNoise, change_points, series_noise
from atomotion.order.config import PeriodsConfig

Label = Literal["ordered", "disordered", "intermediate", "undetermined"]
_SURE = 4.0  # standard errors


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """A stretch of frames on one level of order.

    Parameters
    ----------
    start, stop : int
        Frames start, start + 1, ..., stop - 1.
    mean, sd, median : float
        Of the measured frames.
    standard_error : float
        Of the mean; allows for the correlation of neighbouring frames.
    mean_relative : float
        ALPS over vacuum; NaN where it is not known.
    measured : int
        Frames with a value.
    lifetime_frames : int
    lifetime_s : float or None
        None where the movie has no times.
    began_before, ended_after : bool
        Whether the period is cut off by the movie's first or last frame: its true lifetime is longer.
    typical_frame : int or None
        The measured frame nearest to the median.
    vacuum_p_value : float
        Of all frames of the period together; NaN where they were not tested.
    label : "ordered", "disordered", "intermediate" or "undetermined"
    reason : str
        The rule that gave the label, with its numbers.
    """

    start: int
    stop: int
    mean: float
    sd: float
    median: float
    standard_error: float
    mean_relative: float
    measured: int
    lifetime_frames: int
    lifetime_s: float | None
    began_before: bool
    ended_after: bool
    typical_frame: int | None
    vacuum_p_value: float
    label: Label = "undetermined"
    reason: str = ""


def find_periods(
    values: ArrayLike,
    config: PeriodsConfig | None = None,
    *,
    relative: ArrayLike | None = None,
    p_values: ArrayLike | None = None,
    times: ArrayLike | None = None,
    raw: bool = False,
) -> tuple[Period, ...]:
    """The periods of a curve of order, in time, with their labels.

    Parameters
    ----------
    values : (t,) float
        ALPS of every frame, or the same over vacuum; NaN where a frame was not measured.
    config : PeriodsConfig
    relative : (t,) float
        ALPS over vacuum, for the labels.
    p_values : (t,) float
        Of the raw frames against vacuum (not corrected for the number of frames).
    times : (t,) float [s]
    raw : bool
        Whether the curve is that of raw frames, in which noise can hide order.

    Raises
    ------
    InputError
        Where the columns are of different length, or no frame was measured.
    """
    config = PeriodsConfig() if config is None else config
    curve = np.asarray(values, dtype=float)
    over_vacuum, tested, seconds = (
        np.full(len(curve), np.nan) if column is None else np.asarray(column, dtype=float)
        for column in (relative, p_values, times)
    )
    for name, column in (("relative", over_vacuum), ("p_values", tested), ("times", seconds)):
        if len(column) != len(curve):
            raise InputError(f"{name} has {len(column)} frames but the curve has {len(curve)}")
    where = np.flatnonzero(np.isfinite(curve))
    if where.size == 0:
        raise InputError("no frame has a value, so there are no periods; measure the order of the movie first")
    known = curve[where]
    noise = series_noise(known) if len(known) > 3 else SeriesNoise(sd=0.0, long_run_sd=0.0)
    found = change_points(known, min_length=config.min_frames, penalty=config.penalty, noise=noise)
    edges = [0, *(int(where[index]) for index in found), len(curve)]
    periods = tuple(
        _period(curve, over_vacuum, tested, seconds, (start, stop), noise) for start, stop in pairwise(edges)
    )
    return label_periods(periods, config, raw=raw)


def label_periods(periods: tuple[Period, ...], config: PeriodsConfig, *, raw: bool = False) -> tuple[Period, ...]:
    """The same periods with labels.

    - ALPS over vacuum (rule ``relative``, and ``auto`` where it is known): at least ``config.ordered_above`` is
      ordered, at most ``config.disordered_below`` disordered, between them intermediate. These words mean the same in
      every movie.
    - Levels (rule ``levels``, and ``auto`` where ALPS over vacuum is not known): if the highest and the lowest mean
      differ by at least ``config.min_contrast`` standard deviations of the frames within a period and by four standard
      errors, the range between them is cut in three: the upper third is ordered, the lower disordered, the middle
      intermediate. These words only compare the periods of one movie with each other.
    - In raw frames noise hides order: their ALPS is near that of vacuum whatever they show. ``auto`` then takes levels
      where they differ, and a low ratio to vacuum gives no label.
    - A period that cannot be told from vacuum, all its frames taken together, is never called ordered.
    """
    rule, levels = config.rule, _levels(periods, config)
    if rule == "auto":
        known = all(np.isfinite(period.mean_relative) for period in periods if period.measured)
        rule = "levels" if not known or (raw and levels is not None) else "relative"
    if rule == "relative":
        levels = None
    labelled = (_labelled(period, levels, rule, config) for period in periods)
    return tuple(_checked(_cautious(period, rule) if raw else period, config) for period in labelled)


def _cautious(period: Period, rule: str) -> Period:
    """No label where a raw curve lies low beside vacuum."""
    if rule == "relative" and period.label in ("disordered", "intermediate"):
        reason = f"{period.reason}, but noise hides order in raw frames; denoise the movie"
        return replace(period, label="undetermined", reason=reason)
    return period


def _labelled(period: Period, levels: tuple[float, float] | None, rule: str, config: PeriodsConfig) -> Period:
    if not np.isfinite(period.mean):
        return replace(period, label="undetermined", reason="no frame of the period was measured")
    if levels is not None:
        low, high = levels
        share = (period.mean - low) / (high - low)
        label: Label = "ordered" if share > 2 / 3 else "disordered" if share < 1 / 3 else "intermediate"
        reason = (
            f"mean {period.mean:.4g} lies at {share:.0%} of the range {low:.4g} to {high:.4g} of this movie's levels"
        )
        return replace(period, label=label, reason=reason)
    if rule == "levels":
        reason = "the levels of the movie do not differ enough to be named; give a vacuum, and rule relative or auto"
        return replace(period, label="undetermined", reason=reason)
    ratio = period.mean_relative
    if not np.isfinite(ratio):
        return replace(period, label="undetermined", reason="no ALPS over vacuum to name it by; give a vacuum")
    if ratio >= config.ordered_above:
        label, reason = "ordered", f"ALPS over vacuum {ratio:.3f} is at least {config.ordered_above:g}"
    elif ratio <= config.disordered_below:
        label, reason = "disordered", f"ALPS over vacuum {ratio:.3f} is at most {config.disordered_below:g}"
    else:
        label = "intermediate"
        reason = f"ALPS over vacuum {ratio:.3f} lies between {config.disordered_below:g} and {config.ordered_above:g}"
    return replace(period, label=label, reason=reason)


def _checked(period: Period, config: PeriodsConfig) -> Period:
    if period.label == "ordered" and period.vacuum_p_value > config.alpha:
        reason = f"{period.reason}, but its raw frames cannot be told from vacuum (p = {period.vacuum_p_value:.2g})"
        return replace(period, label="undetermined", reason=reason)
    return period


def _levels(periods: tuple[Period, ...], config: PeriodsConfig) -> tuple[float, float] | None:
    """The lowest and the highest level, where they differ."""
    known = [period for period in periods if np.isfinite(period.mean)]
    if len(known) < 2:
        return None
    low, high = min(known, key=lambda period: period.mean), max(known, key=lambda period: period.mean)
    weights = [period.measured for period in known]
    within = float(np.sqrt(np.average([period.sd**2 for period in known], weights=weights)))
    error = float(np.hypot(low.standard_error, high.standard_error))
    gap = high.mean - low.mean
    return (low.mean, high.mean) if gap >= config.min_contrast * within and gap >= _SURE * error else None


def _period(
    curve: NDArray[np.float64],
    relative: NDArray[np.float64],
    p_values: NDArray[np.float64],
    times: NDArray[np.float64],
    span: tuple[int, int],
    noise: SeriesNoise,
) -> Period:
    start, stop = span
    part, ratios, tests = curve[start:stop], relative[start:stop], p_values[start:stop]
    known = np.flatnonzero(np.isfinite(part))
    nan = float("nan")
    sd = float(part[known].std(ddof=1)) if len(known) > 1 else nan
    median = float(np.median(part[known])) if len(known) else nan
    inflation = noise.long_run_sd / noise.sd if noise.sd > 0 else 1.0
    return Period(
        start=start,
        stop=stop,
        mean=float(part[known].mean()) if len(known) else nan,
        sd=sd,
        median=median,
        standard_error=sd * inflation / float(np.sqrt(max(len(known), 1))),
        mean_relative=float(np.nanmean(ratios)) if np.isfinite(ratios).any() else nan,
        measured=len(known),
        lifetime_frames=stop - start,
        lifetime_s=_duration(times, start, stop),
        began_before=start == 0,
        ended_after=stop == len(curve),
        typical_frame=start + int(known[np.argmin(np.abs(part[known] - median))]) if len(known) else None,
        vacuum_p_value=_together(tests),
    )


def _together(p_values: NDArray[np.float64]) -> float:
    """Stouffer's combination of the frames' p-values; a single frame below all of the null weighs as 3 sd, not ∞."""
    known = np.minimum(p_values[np.isfinite(p_values)], 0.999)
    return float(stats.combine_pvalues(known, method="stouffer").pvalue) if known.size else float("nan")


def _duration(times: NDArray[np.float64], start: int, stop: int) -> float | None:
    """From the first frame to the first frame of the next period; the last frame lasts as long as frames do."""
    if not np.isfinite(times).all() or len(times) < 2:
        return None
    end = times[stop] if stop < len(times) else times[-1] + float(np.median(np.diff(times)))
    return float(end - times[start])
