"""How deep the surface reaches into a particle: the piecewise linear-constant fit of paper 004."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as f_distribution

from atomotion.data import InputError

_GRID = 2000
_FEWEST = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Penetration:
    """The fit, and the points that it went through.

    Parameters
    ----------
    depth : float [Å]
        δ, where the measure reaches its plateau; NaN where there is no plateau.
    low, high : float [Å]
        Interval of δ.
    plateau : float
        c.
    slope : float [1/Å]
        m.
    problem : str
        Why there is no depth; empty where there is one.
    bin_depth, bin_value : (k,) float
        Means over consecutive atoms.
    """

    depth: float
    low: float
    high: float
    plateau: float
    slope: float
    problem: str
    bin_depth: NDArray[np.float64]
    bin_value: NDArray[np.float64]


def radial_depth(positions: ArrayLike, *, largest_distance: float) -> NDArray[np.float64]:
    """Radial depth [Å] of every atom, (n,): half the largest distance minus the distance from the mean position.

    The depth of paper 004. It is negative for corners of a particle that is not round.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    return largest_distance / 2.0 - np.linalg.norm(points - points.mean(axis=0), axis=1)


def penetration_depth(
    depth: ArrayLike,
    values: ArrayLike,
    *,
    atoms_per_point: int = 5,
    plateau: tuple[float, float] | None = None,
    confidence: float = 0.95,
) -> Penetration:
    r"""Depth below which a measure no longer changes.

    .. math:: y(x) = \begin{cases} m (x - \delta) + c & x \le \delta \\ c & x > \delta \end{cases}

    Atoms are sorted by depth x and averaged in fives, and δ, m and c are fitted by least squares (for given δ the fit
    is linear, so δ is searched on a grid, exhaustively). The interval holds all δ with

    .. math:: S(\delta) \le S_{\min} \Big( 1 + \frac{F_{1, k-3}}{k - 3} \Big)

    for S the sum of squares and k points: exact for independent errors of one size, approximate here.

    Parameters
    ----------
    depth : (n,) float [Å]
    values : (n,) float
        Any measure per atom; atoms with NaN are left out.
    atoms_per_point : int
    plateau : (low, high) or None
        Bounds of c: 10 to 12 for coordination numbers in paper 004, None for other measures.
    confidence : float

    Raises
    ------
    InputError
        For fewer than 5 points.

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), Eq. 1; Draper, Smith, Applied Regression Analysis (1998), ch. 24, for
    the interval.
    """
    x, y = np.asarray(depth, dtype=float), np.asarray(values, dtype=float)
    known = np.isfinite(x) & np.isfinite(y)
    x, y, weight = _points(x[known], y[known], atoms_per_point)
    if len(x) < _FEWEST:
        needed = _FEWEST * atoms_per_point
        raise InputError(f"a penetration depth takes at least {needed} atoms with a value; there are {known.sum()}")
    grid = np.linspace(x[0], x[-1], _GRID + 1)[1:]
    squares, slopes, constants = _fits(x, y, weight, grid, plateau)
    best = int(squares.argmin())
    limit = squares[best] * (1.0 + f_distribution.ppf(confidence, 1, len(x) - 3) / (len(x) - 3))
    inside = grid[squares <= limit + 1e-12]
    problem = ""
    if grid[best] > x[-2]:
        problem = "the measure changes all the way to the centre: there is no plateau"
    elif slopes[best] == 0.0:
        problem = "the measure does not change with depth"
    nan = float("nan")
    return Penetration(
        depth=nan if problem else float(grid[best]),
        low=nan if problem else float(inside[0]),
        high=nan if problem else float(inside[-1]),
        plateau=float(constants[best]),
        slope=float(slopes[best]),
        problem=problem,
        bin_depth=x,
        bin_value=y,
    )


def _points(
    x: NDArray[np.float64], y: NDArray[np.float64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Means of consecutive atoms by depth, and how many atoms each is of."""
    order = np.argsort(x, kind="stable")
    number = np.arange(len(x)) // size
    count = np.bincount(number).astype(float) if len(x) else np.empty(0)
    return np.bincount(number, x[order]) / count, np.bincount(number, y[order]) / count, count


def _fits(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    weight: NDArray[np.float64],
    depths: NDArray[np.float64],
    plateau: tuple[float, float] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sum of squares, slope and constant of the best fit for each of the given depths (k,)."""
    ramp = np.minimum(x - depths[:, None], 0.0)
    total, level = float(weight.sum()), float(weight @ y)
    ramps, ramp2, mixed = ramp @ weight, ramp**2 @ weight, ramp @ (weight * y)
    determinant = total * ramp2 - ramps**2
    open_slope = determinant > 1e-9 * total * ramp2
    slope = np.where(open_slope, total * mixed - ramps * level, 0.0) / np.where(open_slope, determinant, 1.0)
    constant = (level - slope * ramps) / total
    if plateau is not None:
        bounded = np.clip(constant, *plateau)
        alone = (mixed - bounded * ramps) / np.maximum(ramp2, 1e-300)
        slope = np.where(bounded == constant, slope, alone)
        constant = bounded
    squares = ((y - slope[:, None] * ramp - constant[:, None]) ** 2) @ weight
    return squares, slope, constant
