"""Eigenvalues of noise alone: how large they get, and from which size on a component is worth keeping.

Of n frames of independent noise whose p modes have variances τ, the n x n matrix of products has eigenvalues λ = n x
with ``x(m) = -1/m + (1/n) sum_j τ_j / (1 + τ_j m)``, m the Stieltjes transform of their density; right of the bulk m
runs from -1/τ_max towards 0. White noise gives the law of Marchenko and Pastur.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar

# 99.9 % of the largest eigenvalues of noise lie below this many of their scale (Tracy-Widom, real); where few modes
# carry the noise it is rather 99 %
_TRACY_WIDOM = 3.2724
_NOTHING = 1e-6


def noise_edge(variances: ArrayLike, frames: int, *, modes: float | None = None) -> float:
    r"""The eigenvalue that the products of frames of noise alone stay below, in 999 of 1000 series.

    .. math:: \lambda = n \left( \min_{-1/\tau_{max} < m < 0} x(m)
              + 3.27\, (x''/2)^{1/3}\, n^{-2/3} \right)

    For white noise the first term is ``τ (sqrt(n) + sqrt(p))²``.

    Parameters
    ----------
    variances : (p,) float
        Of the noise's modes: of p pixels where it is white, its power spectrum where neighbouring pixels have to do
        with each other. All the same or not; 0 throughout gives 0.
    frames : int
    modes : float or None
        How many modes there are, if `variances` is a list of samples of them; None is one for each.

    Returns
    -------
    float
        In the units of a sum over pixels of squared intensities.

    References
    ----------
    Marchenko and Pastur, Math. USSR Sb. 1, 457 (1967); Silverstein and Choi, J. Multivar. Anal. 54, 295 (1995); El
    Karoui, Ann. Probab. 35, 663 (2007), for the scale of the fluctuations.
    """
    tau, weight = _modes(variances, frames, modes)
    if tau.size == 0:
        return 0.0
    at = _edge_at(tau, weight)
    curvature = -2.0 / at**3 + 2.0 * weight * np.sum(tau**3 / (1.0 + tau * at) ** 3)
    fluctuation = _TRACY_WIDOM * (curvature / 2.0) ** (1.0 / 3.0) * frames ** (-2.0 / 3.0)
    return float(frames * (_right_of_bulk(at, tau, weight) + fluctuation))


def truncation_threshold(variances: ArrayLike, frames: int, *, modes: float | None = None) -> float:
    r"""The eigenvalue above which keeping a component whole lowers the mean squared error.

    A component just above the noise's edge brings in more noise than signal. With :math:`D(x) = x\, m(x)\, m_p(x)`,
    m and m_p the Stieltjes transforms of the frames' and of the pixels' products, the threshold is where
    :math:`d \ln D / d \ln x = -2`. For white noise and as many pixels as frames that is 16/3 p τ, the "4/√3" of
    Gavish and Donoho.

    Parameters
    ----------
    variances : (p,) float
    frames : int
    modes : float or None
        All as in `noise_edge`.

    References
    ----------
    Gavish and Donoho, IEEE Trans. Inf. Theory 60, 5040 (2014); Donoho, Gavish and Romanov, Ann. Stat. 51, 122 (2023),
    for noise of any colour. They take the noise's law from the data's own bulk, we from the noise's power spectrum.
    """
    tau, weight = _modes(variances, frames, modes)
    if tau.size == 0:
        return 0.0
    ratio = 1.0 / (weight * np.size(variances))
    edge = _edge_at(tau, weight)
    # the slope falls to minus infinity at the edge and tends to -1 far from it
    at = brentq(lambda m: _slope(m, tau, weight, ratio) + 2.0, edge * (1.0 - 1e-7), edge * 1e-4)
    return float(frames * _right_of_bulk(at, tau, weight))


def shrinkage_weights(
    eigenvalues: ArrayLike, variances: ArrayLike, frames: int, *, modes: float | None = None
) -> NDArray[np.float64]:
    r"""How much of each component to keep for the least mean squared error.

    .. math:: w = -\left( \frac{d \ln D}{d \ln x} \right)^{-1}

    with D as in `truncation_threshold`, where the weight is 1/2; it is 0 at the edge of the noise's bulk and tends to 1
    far from it.

    Parameters
    ----------
    eigenvalues : (k,) float
        Of the products of frames.
    variances : (p,) float
    frames : int
    modes : float or None
        All as in `noise_edge`.

    Returns
    -------
    (k,) float
        Factors of the components, 0 where the eigenvalue lies inside the bulk.

    References
    ----------
    Benaych-Georges and Nadakuditi, J. Multivar. Anal. 111, 120 (2012); Nadakuditi, IEEE Trans. Inf. Theory 60, 3002
    (2014). They take D from the data's own bulk, we from the noise's power spectrum.
    """
    values = np.asarray(eigenvalues, dtype=np.float64)
    tau, weight = _modes(variances, frames, modes)
    if tau.size == 0:
        return np.ones_like(values)
    ratio = 1.0 / (weight * np.size(variances))
    edge = _edge_at(tau, weight)
    bulk = _right_of_bulk(edge, tau, weight)
    weights = np.zeros_like(values)
    for index, x in enumerate(values / frames):
        if x > bulk:
            # x(m) > -1/m, so the m of this x lies beyond -1/x
            at = brentq(lambda m, x=x: _right_of_bulk(m, tau, weight) - x, edge, -0.5 / x)
            weights[index] = -1.0 / _slope(at, tau, weight, ratio)
    return weights


def _slope(at: float, tau: NDArray[np.float64], weight: float, ratio: float) -> float:
    """The slope d ln D / d ln x at the x of this m, with n / p the ratio of frames to modes."""
    x = _right_of_bulk(at, tau, weight)
    rise = 1.0 / (1.0 / at**2 - weight * np.sum(tau**2 / (1.0 + tau * at) ** 2))
    other = ratio * at - (1.0 - ratio) / x
    other_rise = ratio * rise + (1.0 - ratio) / x**2
    return float(1.0 + x * rise / at + x * other_rise / other)


def _modes(variances: ArrayLike, frames: int, modes: float | None) -> tuple[NDArray[np.float64], float]:
    """Variances that matter, and how many modes over frames each of them stands for."""
    tau = np.asarray(variances, dtype=np.float64).ravel()
    weight = (tau.size if modes is None else modes) / tau.size / frames
    return tau[tau > _NOTHING * tau.max(initial=0.0)], weight


def _right_of_bulk(at: float, tau: NDArray[np.float64], weight: float) -> float:
    return float(-1.0 / at + weight * np.sum(tau / (1.0 + tau * at)))


def _edge_at(tau: NDArray[np.float64], weight: float) -> float:
    """M at the edge of the bulk, between -1/τ_max and 0."""
    lowest = -1.0 / tau.max()
    found = minimize_scalar(
        lambda part: _right_of_bulk(lowest * part, tau, weight),
        bounds=(1e-9, 1.0 - 1e-9),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return float(lowest * found.x)
