"""Order against particle size: mean and spread of each movie's curve, with errors, and the line through the means."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from atomotion.data import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesStatistics:
    """Mean and standard deviation of a curve, and their standard errors.

    Parameters
    ----------
    mean, mean_error, sd, sd_error : float
    measured : int
        Frames with a value.
    independent : float
        How many independent frames carry as much about the mean.
    """

    mean: float
    mean_error: float
    sd: float
    sd_error: float
    measured: int
    independent: float


def series_statistics(values: ArrayLike) -> SeriesStatistics:
    r"""Mean and standard deviation of a curve, with errors that allow for the correlation of neighbouring frames.

    With the autocorrelation ρ of the curve, summed over lags up to its first value that is not positive,

    .. math:: \sigma_{\bar x} = s \sqrt{\frac{1 + 2 \sum_k \rho_k}{n}}, \qquad
              \sigma_s = s \sqrt{\frac{1 + 2 \sum_k \rho_k^2}{2 n}}

    Parameters
    ----------
    values : (t,) float
        NaN where a frame was not measured.

    References
    ----------
    Geyer, Stat. Sci. 7, 473 (1992), for where the sum is cut; Priestley, Spectral Analysis and Time Series (1981), 5.3.
    """
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    n, nan = len(known), float("nan")
    if n < 2:
        mean = float(known[0]) if n else nan
        return SeriesStatistics(mean=mean, mean_error=nan, sd=nan, sd_error=nan, measured=n, independent=float(n))
    correlation = _autocorrelation(known)
    inflation = 1 + 2 * float(correlation.sum())
    sd = float(known.std(ddof=1))
    return SeriesStatistics(
        mean=float(known.mean()),
        mean_error=sd * float(np.sqrt(inflation / n)),
        sd=sd,
        sd_error=sd * float(np.sqrt((1 + 2 * float((correlation**2).sum())) / (2 * n))),
        measured=n,
        independent=n / inflation,
    )


def _autocorrelation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """ρ at lags 1, 2, ... up to the first that is not positive, at most a third of the series."""
    rest = values - values.mean()
    power = float(rest @ rest)
    found: list[float] = []
    for lag in range(1, max(2, len(rest) // 3)):
        value = float(rest[:-lag] @ rest[lag:]) / power if power > 0 else 0.0
        if value <= 0:
            break
        found.append(value)
    return np.array(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """``mean = slope * size + intercept`` through several particles.

    Parameters
    ----------
    slope, intercept : float
    slope_low, slope_high : float
        95 % interval.
    p_value : float
        Of no trend.
    scatter : float
        Standard deviation of the particles about the line, beyond the errors of their means.
    particles : int
    """

    slope: float
    intercept: float
    slope_low: float
    slope_high: float
    p_value: float
    scatter: float
    particles: int


def fit_line(size: ArrayLike, mean: ArrayLike, error: ArrayLike) -> Line:
    """The weighted straight line through the means of several particles.

    A particle weighs ``1 / (error² + scatter²)``; the scatter is what makes the weighted squares as large as their
    expectation, so that a particle with a tiny error does not decide alone.

    Parameters
    ----------
    size, mean, error : (n,) float
        Entries that are not finite are left out.

    Raises
    ------
    InputError
        For fewer than 3 particles, or particles all of one size.
    """
    x, y, e = (np.asarray(column, dtype=float) for column in (size, mean, error))
    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(e)
    x, y, e = x[known], y[known], e[known]
    if len(x) < 3 or np.ptp(x) == 0:
        raise InputError(f"a trend needs at least 3 particles of different size; {len(x)} have size, mean and error")
    low, high = 0.0, float(np.ptp(y)) + 1e-12
    if _squares(x, y, e, 0.0) > len(x) - 2:
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _squares(x, y, e, middle) > len(x) - 2 else (low, middle)
    else:
        high = 0.0
    slope, intercept, slope_error = _weighted(x, y, 1 / np.maximum(e**2 + high**2, 1e-300))
    reach = float(stats.t.ppf(0.975, len(x) - 2)) * slope_error
    p_value = 2 * float(stats.t.sf(abs(slope) / slope_error, len(x) - 2)) if slope_error > 0 else 0.0
    return Line(
        slope=slope,
        intercept=intercept,
        slope_low=slope - reach,
        slope_high=slope + reach,
        p_value=p_value,
        scatter=high,
        particles=len(x),
    )


def _weighted(x: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]) -> tuple[float, float, float]:
    centre, level = float(np.average(x, weights=w)), float(np.average(y, weights=w))
    spread = float(w @ (x - centre) ** 2)
    slope = float(w @ ((x - centre) * (y - level))) / spread
    return slope, level - slope * centre, float(1 / np.sqrt(spread))


def _squares(x: NDArray[np.float64], y: NDArray[np.float64], e: NDArray[np.float64], scatter: float) -> float:
    w = 1 / np.maximum(e**2 + scatter**2, 1e-300)
    slope, intercept, _ = _weighted(x, y, w)
    return float(w @ (y - slope * x - intercept) ** 2)
