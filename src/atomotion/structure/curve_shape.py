"""The shape of a short curve with errors: how far it rises and falls, where it turns, how it begins."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import studentized_range


def largest_rise(values: ArrayLike) -> float:
    """Largest ``x_j - x_i`` with i before j; 0 for a curve that only falls."""
    x = np.asarray(values, dtype=float)
    return float(np.max(x - np.minimum.accumulate(x), initial=0.0))


def largest_fall(values: ArrayLike) -> float:
    """Largest ``x_i - x_j`` with i before j; 0 for a curve that only rises."""
    return largest_rise(-np.asarray(values, dtype=float))


@dataclass(frozen=True, kw_only=True, slots=True)
class Turns:
    """How often and how far a curve turns back.

    Parameters
    ----------
    swings : (k,) float
        ``swings[j - 1]`` is the largest step h such that the curve has j turning points with a rise and a fall of at
        least h between them and on either side; falling. A monotone curve has none.
    valley : bool
        Whether the most pronounced turning point is a minimum.
    at : int
        Where it is; -1 for a monotone curve.
    """

    swings: NDArray[np.float64]
    valley: bool
    at: int

    def swing(self, number: int) -> float:
        """The swing of the `number`-th turning point, counted from 1; 0 where the curve has fewer."""
        return float(self.swings[number - 1]) if number <= len(self.swings) else 0.0


def turns(values: ArrayLike) -> Turns:
    """The turning points of a curve by their size.

    The smallest leg between two successive extremes is taken out again and again, one inside together with its two
    extremes, one at an end with the outer extreme, as in the simplification of a curve by persistence.
    """
    x = np.asarray(values, dtype=float)
    pivots = [0]
    for index in range(1, len(x)):
        if x[index] == x[pivots[-1]]:
            continue
        if len(pivots) > 1 and (x[index] - x[pivots[-1]]) * (x[pivots[-1]] - x[pivots[-2]]) > 0:
            pivots[-1] = index
        else:
            pivots.append(index)
    swings = np.zeros(max(len(pivots) - 2, 0))
    valley, at = False, -1
    while len(pivots) > 2:
        legs = np.abs(np.diff(x[pivots]))
        smallest = int(legs.argmin())
        swings[: len(legs) - 1] = legs[smallest]
        # of three extremes the middle one is the last turning point; of four whose middle leg goes, the larger end's
        if len(pivots) <= 4:
            middle = 1 if len(pivots) == 3 or legs[0] >= legs[2] else 2
            valley, at = bool(x[pivots[middle]] < x[pivots[middle - 1]]), pivots[middle]
        if smallest == 0:
            del pivots[0]
        elif smallest == len(legs) - 1:
            del pivots[-1]
        else:
            del pivots[smallest : smallest + 2]
    return Turns(swings=swings, valley=valley, at=at)


def chance_range(states: int, error: float, chance: float) -> float:
    """The range of `states` equal values that their errors exceed with probability `chance`.

    The quantile of the studentised range times the standard error: 3.3, 3.9 and 4.3 errors for 3, 5 and 8 states at
    5 %.
    """
    return float(studentized_range.ppf(1.0 - chance, max(states, 2), np.inf)) * error


@dataclass(frozen=True, kw_only=True, slots=True)
class InitialPhase:
    """A first part of a falling curve in which it hardly falls.

    Parameters
    ----------
    states : int
    share : float
        Of the whole time.
    loss : float
        During the phase, relative to that of a steady fall.
    evidence : float
        By how many standard errors it loses less than a steady fall would.
    """

    states: int
    share: float
    loss: float
    evidence: float


def initial_phase(times: ArrayLike, values: ArrayLike, error: float, *, least: int) -> InitialPhase | None:
    r"""The first part of a curve that falls least, compared with a steady fall; None for too short a curve.

    For the first m states, with the slope b of the line through them, their duration :math:`f T` and mean
    :math:`\bar x`, and the fall D from :math:`\bar x` to the last state,

    .. math:: z = \frac{f D + b f T}{\sqrt{\sigma_L^2 + (f \sigma_D)^2}}

    is how much less it fell than :math:`f D`. The m with the largest z is taken.

    Parameters
    ----------
    times : (n,) float [s]
    values : (n,) float
    error : float
        Standard error of each value.
    least : int
        States of a phase at least.
    """
    t, x = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    best: InitialPhase | None = None
    for states in range(least, len(x)):
        part, duration = t[:states] - t[:states].mean(), t[states - 1] - t[0]
        slope = float(part @ x[:states]) / float(part @ part)
        share = float(duration / (t[-1] - t[0]))
        steady = share * float(x[:states].mean() - x[-1])
        lost = -slope * duration
        loss_error = error * duration / float(np.sqrt(part @ part))
        uncertain = np.hypot(loss_error, share * error * np.sqrt(1.0 + 1.0 / states))
        evidence = float((steady - lost) / uncertain) if uncertain > 0 else float(np.sign(steady - lost) * np.inf)
        if best is None or evidence > best.evidence:
            loss = float(lost / steady) if steady > 0 else float("inf")
            best = InitialPhase(states=states, share=share, loss=loss, evidence=evidence)
    return best
