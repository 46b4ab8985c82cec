"""Noise variance against mean intensity: units per electron, and the intensity of no electrons at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST_CONTRAST = 0.15  # (95th - 5th percentile) / median of the windows' means that a slope is fitted to
_LARGEST_SLOPE_ERROR = 0.1  # relative
_LEAST_OFFSET = 0.05  # of the mean: a smaller one is not told from 0
_HUBER = 1.345  # residuals, in robust standard deviations, from which on a window counts less


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """``variance = slope * mean + intercept`` with the covariance (2, 2) of (slope, intercept)."""

    slope: float
    intercept: float
    covariance: NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gain:
    """Units per electron and offset with their 95 % intervals, and whether the variance follows the mean."""

    units_per_electron: float | None
    interval: tuple[float, float] | None
    offset: float
    offset_interval: tuple[float, float] | None
    is_poisson: bool | None


def fit_line(mean: NDArray[np.floating], variance: NDArray[np.floating]) -> Line:
    """Straight line through (mean, variance) of the windows, robust (Huber weights), with a sandwich covariance.

    The scatter of a variance is proportional to itself, so the residuals are relative to the fitted variance.
    """
    design = np.stack([mean, np.ones_like(mean)], axis=1)
    scale = np.full_like(variance, np.median(variance))
    weight = np.ones_like(variance)
    for _ in range(30):
        root = np.sqrt(weight) / scale
        solution, *_ = np.linalg.lstsq(design * root[:, None], variance * root, rcond=None)
        fitted = design @ solution
        scale = np.maximum(fitted, 0.05 * np.median(variance))
        residual = (variance - fitted) / scale
        spread = 1.4826 * np.median(np.abs(residual)) + 1e-12
        weight = np.minimum(1.0, _HUBER * spread / np.maximum(np.abs(residual), 1e-12))
    scaled = design / scale[:, None]
    bread = np.linalg.inv(scaled.T @ (scaled * weight[:, None]))
    meat = scaled.T @ (scaled * (weight * residual)[:, None] ** 2)
    covariance = bread @ meat @ bread * len(mean) / max(1, len(mean) - 2)
    return Line(slope=float(solution[0]), intercept=float(solution[1]), covariance=covariance)


def measure_gain(
    mean: NDArray[np.floating],
    variance: NDArray[np.floating],
    sharp_mean: NDArray[np.floating],
    sharp_variance: NDArray[np.floating],
) -> Gain:
    """Units per electron and offset, from what the contrast of the movie allows.

    Parameters
    ----------
    mean, variance : (q,)
        Mean intensity and noise variance of the windows without structure: their ratio is the gain if the offset is 0.
    sharp_mean, sharp_variance : (w,)
        Mean intensity and noise variance of all windows, with what moved filtered out: a straight line through them
        gives slope and offset.
    """
    median = float(np.median(sharp_mean))
    contrast = float(np.ptp(np.percentile(sharp_mean, [5, 95])))
    if median != 0 and contrast >= _LEAST_CONTRAST * abs(median) and len(sharp_mean) >= 16:
        line = fit_line(sharp_mean, sharp_variance)
        slope_error = float(np.sqrt(line.covariance[0, 0]))
        # the whole variance as a slope is what Poisson noise would show across this contrast
        usual = float(np.median(sharp_variance)) / abs(median)
        visible = slope_error < _LARGEST_SLOPE_ERROR * max(abs(line.slope), usual)
        if visible and line.slope < 4 * slope_error:
            return Gain(units_per_electron=None, interval=None, offset=0.0, offset_interval=None, is_poisson=False)
        if visible:
            return _with_offset(line, slope_error, median, mean, variance)
    if float(np.mean(mean)) <= 0:
        return Gain(units_per_electron=None, interval=None, offset=0.0, offset_interval=None, is_poisson=None)
    value, error = _ratio(mean, variance)
    interval = (value - 1.96 * error, value + 1.96 * error)
    return Gain(units_per_electron=value, interval=interval, offset=0.0, offset_interval=None, is_poisson=None)


def _with_offset(
    line: Line, slope_error: float, median: float, mean: NDArray[np.floating], variance: NDArray[np.floating]
) -> Gain:
    offset = -line.intercept / line.slope
    gradient = np.array([line.intercept / line.slope**2, -1.0 / line.slope])
    error = float(np.sqrt(gradient @ line.covariance @ gradient))
    bounds = (offset - 1.96 * error, offset + 1.96 * error)
    if abs(offset) > max(4 * error, _LEAST_OFFSET * abs(median)) or np.mean(mean) <= 0:
        value, value_error = line.slope, slope_error
    else:
        offset = 0.0
        value, value_error = _ratio(mean, variance)
    interval = (value - 1.96 * value_error, value + 1.96 * value_error)
    return Gain(units_per_electron=value, interval=interval, offset=offset, offset_interval=bounds, is_poisson=True)


def _ratio(mean: NDArray[np.floating], variance: NDArray[np.floating]) -> tuple[float, float]:
    """Sum of variances over sum of means, and its standard error from the scatter of the windows."""
    value = float(variance.sum() / mean.sum())
    residual = variance - value * mean
    return value, float(np.sqrt(np.sum(residual**2) / max(1, len(mean) - 1) / len(mean)) / abs(np.mean(mean)))
