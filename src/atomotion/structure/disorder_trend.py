"""How the share of disordered atoms falls with the size of a particle, over states or particles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from atomotion.data import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class DisorderTrend:
    """The share of disordered atoms as ``1 - A (d - d_c)^-n``.

    Parameters
    ----------
    amplitude, exponent : float
        A and n, for d in Å. With the printed sign, n is negative: the share falls as d grows.
    critical_diameter : float [Å]
        d_c, where all atoms are disordered.
    amplitude_error, exponent_error, critical_diameter_error : float
        Standard errors; NaN for 3 states, through which the curve goes exactly.
    rms : float
        Root mean square difference between the shares and the curve.
    """

    amplitude: float
    exponent: float
    critical_diameter: float
    amplitude_error: float
    exponent_error: float
    critical_diameter_error: float
    rms: float

    def share(self, diameter: ArrayLike) -> NDArray[np.float64]:
        """The curve at diameters [Å]; 1 at and below d_c, never below 0."""
        d = np.maximum(np.asarray(diameter, dtype=float) - self.critical_diameter, 0.0)
        with np.errstate(divide="ignore"):
            return np.clip(1.0 - self.amplitude * d**-self.exponent, 0.0, 1.0)


def fit_disorder(diameter: ArrayLike, share: ArrayLike) -> DisorderTrend:
    r"""Fit of the share of disordered atoms over the diameters of several states, by least squares.

    .. math:: \frac{N_{disordered}}{N} = 1 - A (d - d_c)^{-n}

    Parameters
    ----------
    diameter : (k,) float [Å]
        Convex-hull diameters.
    share : (k,) float
        0 to 1.

    Raises
    ------
    InputError
        For fewer than 3 different diameters, for shares that do not fall with the diameter, and where the best curve
        explains less than half of their variance.

    References
    ----------
    Kang et al., Nat. Commun. 16 (2025), Fig. 4f.
    """
    d, f = np.asarray(diameter, dtype=float), np.asarray(share, dtype=float)
    known = np.isfinite(d) & np.isfinite(f)
    d, f = d[known], f[known]
    if len(np.unique(d)) < 3:
        raise InputError(f"the trend of disorder takes states of at least 3 diameters; there are {len(np.unique(d))}")
    if np.ptp(f) == 0 or np.corrcoef(d, f)[0, 1] > -0.1:
        raise InputError("the share of disordered atoms does not fall with the diameter, so the curve has no fit")
    scale = float(d.mean())
    fits = [_from(d, f, d.min() - gap * np.ptp(d), scale) for gap in (0.001, 0.01, 0.03, 0.1, 0.3, 1.0)]
    amplitude, power, critical, cost, errors = min(fits, key=lambda fit: fit[3])
    if 2.0 * cost > 0.5 * len(d) * np.var(f):
        raise InputError("the best curve explains less than half of the variance of the shares of disordered atoms")
    return DisorderTrend(
        amplitude=amplitude,
        exponent=-power,
        critical_diameter=critical,
        amplitude_error=errors[0],
        exponent_error=errors[1],
        critical_diameter_error=errors[2],
        rms=float(np.sqrt(2.0 * cost / len(d))),
    )


def _from(
    d: NDArray[np.float64], f: NDArray[np.float64], critical: float, scale: float
) -> tuple[float, float, float, float, tuple[float, float, float]]:
    """A, -n, d_c, cost and standard errors from a start at a given d_c."""
    rest = np.maximum(1.0 - f, 1e-3)
    power, level = np.polyfit(np.log((d - critical) / scale), np.log(rest), 1)
    gap = float(d.min() - critical)

    # the amplitude at the mean diameter and the logarithm of the gap below the smallest one keep the fit well posed
    def residual(p: NDArray[np.float64]) -> NDArray[np.float64]:
        offset = d - d.min() + np.exp(p[2])
        result: NDArray[np.float64] = 1.0 - np.exp(p[0]) * (offset / scale) ** p[1] - f
        return result

    low, high = [-20.0, 0.0, np.log(1e-6 * scale)], [20.0, 20.0, np.log(d.min())]  # d_c is at least 0
    start = np.clip([level, power, np.log(gap)], np.add(low, 1e-9), np.subtract(high, 1e-9))
    found = least_squares(residual, start, bounds=(low, high), xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=4000)
    level, power, log_gap = found.x
    amplitude = float(np.exp(level) * scale**-power)
    critical = float(d.min() - np.exp(log_gap))
    errors = (float("nan"), float("nan"), float("nan"))
    if len(d) > 3:
        jacobian = np.asarray(found.jac)
        variance = 2.0 * found.cost / (len(d) - 3)
        covariance = variance * np.linalg.pinv(jacobian.T @ jacobian)
        gradient = amplitude * np.array([1.0, -np.log(scale), 0.0])
        errors = (
            float(np.sqrt(gradient @ covariance @ gradient)),
            float(np.sqrt(covariance[1, 1])),
            float(np.exp(log_gap) * np.sqrt(covariance[2, 2])),
        )
    return amplitude, float(power), critical, float(found.cost), errors
