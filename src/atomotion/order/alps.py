"""Numbers that sum up the bars of a frame: ALPS, persistent entropy, total persistence."""

import numpy as np
from numpy.typing import ArrayLike


def alps(lifetimes: ArrayLike) -> float:
    """Accumulated lifetime persistent survival (ALPS), in the unit of the lifetimes.

    With n lifetimes in rising order, L_(1) <= ... <= L_(n) and L_(0) = 0,

    ``ALPS = ∫_0^∞ ln #{i : L_i > t} dt = Σ_i (L_(i) - L_(i-1)) ln(n - i + 1)``,

    where the integral runs as far as there are lifetimes longer than t. Equal lifetimes need no special care: the gap
    between them is zero. The longest bar alone adds nothing, since ln 1 = 0, so a single bar gives 0.

    Parameters
    ----------
    lifetimes : (n,) float
        In any order.

    Returns
    -------
    float
        NaN for no bars: a region without a single feature was not measured, which is not the same as order zero.

    References
    ----------
    Thomas, Crozier, Xu, Matteson, Technometrics 65, 590 (2023). Its program (detectda 0.5.6) counts over the different
    lifetimes but takes gaps over all of them, and so is wrong where lifetimes are equal.
    """
    ordered = np.sort(np.asarray(lifetimes, dtype=np.float64))
    if ordered.size == 0:
        return float("nan")
    gaps = np.diff(ordered, prepend=0.0)
    return float(np.dot(gaps, np.log(np.arange(ordered.size, 0, -1))))


def persistent_entropy(lifetimes: ArrayLike) -> float:
    """Shannon entropy of the lifetimes, ``-Σ p_i ln p_i`` with ``p_i = L_i / Σ L``; 0 to ln n, NaN for no bars."""
    lengths = np.asarray(lifetimes, dtype=np.float64)
    lengths = lengths[lengths > 0]
    if lengths.size == 0:
        return float("nan")
    shares = lengths / lengths.sum()
    return float(abs(np.dot(shares, np.log(shares))))


def total_persistence(lifetimes: ArrayLike, degree: float = 1.0) -> float:
    """``Σ L_i^degree``; 0 for no bars."""
    return float(np.sum(np.asarray(lifetimes, dtype=np.float64) ** degree))
