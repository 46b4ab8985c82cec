"""Curves against time: how fast atoms go, how coordinated the particle is, what changes together with what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from atomotion.data.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeRates:
    """How fast the number of atoms changes from each state to the next; negative is loss.

    Parameters
    ----------
    rate : (n - 1,) float [atoms/s]
        Between the middles of the two time windows.
    low, high : (n - 1,) float [atoms/s]
        What the windows and the errors of the numbers allow; infinite where the change may have been sudden.
    """

    rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def change_rates(
    atoms: ArrayLike, t0: ArrayLike, t1: ArrayLike, *, errors: ArrayLike | None = None, confidence: float = 0.95
) -> ChangeRates:
    r"""Atoms per second between consecutive states, with the interval that the data allow.

    A state is the average of its time window, so the change took at most from the beginning of the first window to the
    end of the second, and at least the gap between the windows:

    .. math:: \frac{\Delta N}{t_1' - t_0} \ldots \frac{\Delta N}{t_0' - t_1}, \qquad
              \Delta N \pm z \sqrt{\sigma^2 + \sigma'^2}

    Windows without a gap give no upper limit: the change may have been sudden.

    Parameters
    ----------
    atoms : (n,) float
        In the order of time, n >= 2.
    t0, t1 : (n,) float [s]
        Beginnings and ends of the windows.
    errors : (n,) float or None
        Standard errors of the numbers of atoms; None for none.
    confidence : float
        Of the interval as far as it comes from `errors`.

    Raises
    ------
    InputError
        For fewer than two states, different lengths, and windows that are not in the order of time.
    """
    count, start, stop = (np.asarray(each, dtype=float) for each in (atoms, t0, t1))
    if len(count) < 2 or not count.shape == start.shape == stop.shape:
        raise InputError(f"{count.size} numbers of atoms with {start.size} and {stop.size} times; at least 2 of each")
    middle = (start + stop) / 2
    if (stop < start).any() or (np.diff(middle) <= 0).any():
        raise InputError("the time windows are not in order; sort the states by time, each with t0 before t1")
    sigma = np.zeros(len(count)) if errors is None else np.broadcast_to(np.asarray(errors, dtype=float), count.shape)
    change = np.diff(count)
    half = stats.norm.ppf((1 + confidence) / 2) * np.hypot(sigma[1:], sigma[:-1])
    longest, shortest = stop[1:] - start[:-1], np.clip(start[1:] - stop[:-1], 0.0, None)
    low, high = change - half, change + half
    return ChangeRates(
        rate=change / np.diff(middle),
        low=_divided(low, np.where(low < 0, shortest, longest)),
        high=_divided(high, np.where(high > 0, shortest, longest)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """A straight line against time.

    Parameters
    ----------
    slope, low, high : float
        Per second, with its confidence interval; that is NaN for fewer than three points.
    intercept : float
        At time 0.
    r_squared : float
        Share of the variance that the line explains.
    """

    slope: float
    low: float
    high: float
    intercept: float
    r_squared: float


def linear_trend(times: ArrayLike, values: ArrayLike, *, confidence: float = 0.95) -> Trend:
    """The straight line through a curve, by least squares, with the interval of its slope from the scatter about it.

    Of the numbers of atoms against time the slope is the mean rate in atoms per second, negative for loss. Strain,
    penetration depth, coordination and crystallinity go the same way.

    Parameters
    ----------
    times : (n,) float [s]
    values : (n,) float
        NaN where a state was not measured.

    Raises
    ------
    InputError
        For fewer than two points at different times.
    """
    t, y = _known(times, values)
    if len(t) < 2 or np.ptp(t) == 0:
        raise InputError(f"{len(t)} points make no line; a trend needs values at two different times at least")
    fit = stats.linregress(t, y)
    constant = float(np.ptp(y)) == 0.0
    half = float(stats.t.ppf((1 + confidence) / 2, len(t) - 2) * fit.stderr) if len(t) > 2 else float("nan")
    return Trend(
        slope=float(fit.slope),
        low=float(fit.slope) - half,
        high=float(fit.slope) + half,
        intercept=float(fit.intercept),
        r_squared=float("nan") if constant else float(fit.rvalue) ** 2,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Correlation:
    """Pearson's correlation of two measures over the states.

    Parameters
    ----------
    r : float
    low, high : float
        95 % interval (Fisher's z); NaN for fewer than four states.
    p_value : float
        Of no correlation.
    states : int
        With both measures.
    """

    r: float
    low: float
    high: float
    p_value: float
    states: int


def correlation_over_states(first: ArrayLike, second: ArrayLike) -> Correlation:
    """How two measures go together, such as the mean radial strain and the crystallinity score.

    Parameters
    ----------
    first, second : (n,) float
        One value per state; NaN where it was not measured.

    Raises
    ------
    InputError
        For fewer than three states with both values, and where one of them is constant.

    References
    ----------
    Meana-Pañeda et al., Sci. Adv. 11, eady1413 (2025): R = -0.85, -0.98, -0.96 for strain against crystallinity in
    three trajectories, which have few states; see the interval.
    """
    x, y = _known(first, second)
    if len(x) < 3:
        raise InputError(f"{len(x)} states have both values; a correlation needs at least 3")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise InputError("one of the two measures is the same in all states, so that nothing can correlate with it")
    result = stats.pearsonr(x, y)
    low, high = float("nan"), float("nan")
    if len(x) > 3:
        # atanh of a perfect correlation is infinite
        r = float(np.clip(result.statistic, -1 + 1e-12, 1 - 1e-12))
        half = stats.norm.ppf(0.975) / np.sqrt(len(x) - 3)
        low, high = float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))
    return Correlation(r=float(result.statistic), low=low, high=high, p_value=float(result.pvalue), states=len(x))


def coordinated_fraction(coordination: ArrayLike, *, above: int = 8) -> float:
    """Share of the atoms with more than `above` neighbours (the "% CN > 8" of paper 001), 0 to 1."""
    neighbours = np.asarray(coordination)
    return float(np.mean(neighbours > above)) if neighbours.size else float("nan")


@dataclass(frozen=True, kw_only=True, slots=True)
class StateMeans:
    """A per-atom measure in every state.

    Parameters
    ----------
    mean, sd, error : (n,) float
        Error is sd / sqrt(atoms).
    atoms : (n,) int
        With a value.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    error: NDArray[np.float64]
    atoms: NDArray[np.intp]


def means_over_states(values: Sequence[ArrayLike]) -> StateMeans:
    """Mean, standard deviation and error of a per-atom measure (strain, displacement, depth) in every state.

    Parameters
    ----------
    values : sequence of (n,) float
        One array per state; NaN where an atom was not measured.
    """
    known = [np.asarray(each, dtype=float) for each in values]
    known = [each[np.isfinite(each)] for each in known]
    atoms = np.array([len(each) for each in known], dtype=np.intp)
    mean = np.array([each.mean() if len(each) else np.nan for each in known], dtype=float)
    sd = np.array([each.std(ddof=1) if len(each) > 1 else np.nan for each in known], dtype=float)
    return StateMeans(mean=mean, sd=sd, error=sd / np.sqrt(np.maximum(atoms, 1)), atoms=atoms)


def _known(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if x.shape != y.shape:
        raise InputError(f"{x.size} and {y.size} values do not belong together; give one of each per state")
    both = np.isfinite(x) & np.isfinite(y)
    return x[both], y[both]


def _divided(change: NDArray[np.float64], time: NDArray[np.float64]) -> NDArray[np.float64]:
    sudden = np.where(change == 0, 0.0, np.copysign(np.inf, change))
    return np.where(time > 0, change / np.where(time > 0, time, 1.0), sudden)
