"""Whether a frame has more order than vacuum: what vacuum is, the order of simulated vacuum frames, p-values."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from atomotion.data import Contrast, Frames, InputError
from atomotion.noise.poisson import PoissonTest, poisson_test, value_histogram
from atomotion.order.config import OrderConfig
from atomotion.order.count_frames import CountFrames
from atomotion.order.measure import measure_frames
from atomotion.order.noise_scale import smoothed_noise_scale

# Simulated vacuum was rejected at its nominal rate for noise up to 1.2 times as loud as independent pixels.
_VALID, _UNREMARKABLE = (0.8, 1.25), (0.97, 1.03)


@dataclass(frozen=True, kw_only=True, slots=True)
class VacuumModel:
    """The distribution of a vacuum pixel's counts, and how well it is one.

    Parameters
    ----------
    kind : "poisson" or "empirical"
    probabilities : (k,) float
        Of the counts 0, 1, 2, ...
    poisson : PoissonTest or None
        Mean, variance over mean, and distance of the measured counts from a Poisson law; None where they are no counts.
    noise_scale : float
        Amplitude of the smoothed vacuum relative to that of independent pixels drawn from the model; 1 where the model
        holds. The null's ALPS is multiplied by it, since ALPS is proportional to the amplitude.
    problem : str
        Why frames drawn from the model are no valid null; empty where they are.
    warnings : tuple of str
    """

    kind: Literal["poisson", "empirical"]
    probabilities: NDArray[np.float64]
    poisson: PoissonTest | None
    noise_scale: float
    problem: str
    warnings: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Mean count of a vacuum pixel; NaN where they are no counts."""
        return float("nan") if self.poisson is None else self.poisson.mean

    @property
    def ks_p_value(self) -> float:
        """The Dvoretzky-Kiefer-Wolfowitz bound on the distance from a Poisson law; NaN where they are no counts."""
        return float("nan") if self.poisson is None else self.poisson.p_value


def fit_vacuum(frames: Frames, config: OrderConfig, *, mask: NDArray[np.bool_] | None = None) -> VacuumModel:
    """The vacuum's counts: Poisson with their mean (its maximum-likelihood fit), or their own histogram.

    Parameters
    ----------
    frames : (t, y, x)
        Raw frames of vacuum, or of the whole movie with `mask`; `config.divisor` turns them into counts.
    config : OrderConfig
    mask : (y, x) bool or None
        Where vacuum is; None means everywhere.

    Returns
    -------
    VacuumModel
        With a `problem` where the values are no counts (denoised, rescaled) or their noise is not that of independent
        pixels: then the test must not be used.

    Raises
    ------
    InputError
        Where `mask` does not fit the frames.
    """
    shape = (int(frames.shape[1]), int(frames.shape[2]))
    if mask is not None and (mask.shape != shape or not mask.any()):
        raise InputError(f"the vacuum's mask has shape {mask.shape} and {mask.sum()} pixels; the frames have {shape}")
    region = np.ones(shape, dtype=bool) if mask is None else mask
    # a denoised movie has as many values as pixels: one look at the first frame spares their histogram
    problem = _not_counts(np.asarray(frames[0])[region])
    if problem:
        return _no_model(config.null, problem)
    values, times = value_histogram(frames, mask=region)
    problem = _not_counts(values)
    if problem:
        return _no_model(config.null, problem)
    counts = np.rint(values / (config.divisor or 1.0)).astype(np.int64)
    histogram = np.asarray(np.bincount(counts, weights=times), dtype=float)
    white, error = smoothed_noise_scale(frames, region, config.sigma_px)
    return _model(config, histogram, white if abs(white - 1) > 2 * error else 1.0)


def _model(config: OrderConfig, histogram: NDArray[np.float64], white: float) -> VacuumModel:
    seen = np.flatnonzero(histogram)
    if seen.size < 2:
        return _no_model(config.null, f"every vacuum pixel has the same count, {seen[0]}; is the region masked out?")
    poisson = poisson_test(seen, histogram[seen])
    if config.null == "poisson":
        last = int(stats.poisson.isf(1e-12, poisson.mean)) + 1
        probabilities = stats.poisson.pmf(np.arange(last + 1), poisson.mean)
        scale = white * np.sqrt(poisson.dispersion)
    else:
        probabilities, scale = histogram, white
    problem, warnings = _judge(float(scale), poisson.dispersion, white)
    if not problem and config.null == "poisson" and poisson.p_value < config.alpha:
        warnings += (
            f"the vacuum's counts are not exactly Poisson (largest distance {poisson.distance:.3g}, p = "
            f"{poisson.p_value:.2g}, variance / mean = {poisson.dispersion:.3f}); --null empirical does not need that",
        )
    return VacuumModel(
        kind=config.null,
        probabilities=probabilities / probabilities.sum(),
        poisson=poisson,
        noise_scale=float(scale),
        problem=problem,
        warnings=warnings,
    )


def _judge(scale: float, dispersion: float, white: float) -> tuple[str, tuple[str, ...]]:
    """Whether the model's noise is as loud as the measured one, after smoothing."""
    if not _VALID[0] <= white <= _VALID[1]:
        return (
            f"the vacuum is {white:.2f} times as loud after smoothing as independent pixels would be: its pixels are "
            "correlated (denoised, interpolated or binned frames?); use raw frames"
        ), ()
    louder = f"the smoothed vacuum is {scale:.3f} times as loud as independent pixels of the model"
    if not _VALID[0] <= scale <= _VALID[1]:
        return (
            f"{louder}, since variance / mean of its counts is {dispersion:.3g}, not 1; give the stored units per "
            "electron, --divisor, or use --null empirical"
        ), ()
    if not _UNREMARKABLE[0] <= scale <= _UNREMARKABLE[1]:
        return "", (f"{louder}; the null was scaled by this",)
    return "", ()


def _not_counts(values: NDArray) -> str:
    if values.size == 0:
        return "the vacuum holds no pixels"
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            return "the vacuum has values that are not finite"
        if np.any(values != np.rint(values)):
            return "the values are not whole numbers: denoised or rescaled frames are no counts; use the raw movie"
    if values.min() < 0:
        return f"the vacuum has negative values (lowest {values.min():g}), which are no counts"
    return ""


def _no_model(kind: Literal["poisson", "empirical"], problem: str) -> VacuumModel:
    return VacuumModel(
        kind=kind, probabilities=np.ones(1), poisson=None, noise_scale=float("nan"), problem=problem, warnings=()
    )


def null_alps(
    model: VacuumModel,
    shape: tuple[int, int],
    config: OrderConfig,
    *,
    polygon: ArrayLike | None = None,
    contrast: Contrast | None = None,
    workers: int = 1,
    on_step: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]:
    """(``config.null_frames``,) ALPS of simulated vacuum frames of the same shape, smoothing and polygon.

    Times ``model.noise_scale``: measured noise is never quite that of independent pixels, and 4 % in its amplitude
    double the rate of false rejections.

    Raises
    ------
    InputError
        Where the model has a `problem`.
    """
    if model.problem:
        raise InputError(f"no vacuum test: {model.problem}")
    frames = CountFrames(model.probabilities, (config.null_frames, *shape), config.seed)
    measured = measure_frames(
        frames, _for_counts(config), polygon=polygon, contrast=contrast, workers=workers, on_step=on_step
    )
    return measured.alps * model.noise_scale


def _for_counts(config: OrderConfig) -> OrderConfig:
    """The config for frames that are counts already."""
    return replace(config, divisor=None, bad_frames="skip")


@dataclass(frozen=True, kw_only=True, slots=True)
class VacuumTest:
    """Per frame: the p-value of vacuum, the same corrected for many frames, and whether vacuum is rejected."""

    p_value: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]
    rejected: NDArray[np.bool_]


def vacuum_test(observed: ArrayLike, null: ArrayLike, config: OrderConfig) -> VacuumTest:
    """Whether each frame has more order than vacuum.

    ``p = (1 + #{null >= observed}) / (n + 1)`` for n null frames, so no p-value is below 1 / (n + 1). The correction
    for many frames is Benjamini and Hochberg's step-up procedure, or Benjamini and Yekutieli's (p-values larger by
    Σ 1/k), which holds for any dependence between frames.

    Parameters
    ----------
    observed : (t,) float
        ALPS of raw frames; NaN stays NaN and is not rejected.
    null : (n,) float
        As `null_alps` gives it.
    config : OrderConfig

    References
    ----------
    Thomas, Crozier, Xu, Matteson, Technometrics 65, 590 (2023).
    """
    values, noise = np.asarray(observed, dtype=float), np.sort(np.asarray(null, dtype=float))
    noise = noise[np.isfinite(noise)]
    at_least = noise.size - np.searchsorted(noise, values, side="left")
    p_value = np.where(np.isfinite(values), (1 + at_least) / (noise.size + 1), np.nan)
    adjusted = np.full(values.shape, np.nan)
    known = np.isfinite(p_value)
    if known.any():
        adjusted[known] = stats.false_discovery_control(p_value[known], method=config.correction)
    return VacuumTest(p_value=p_value, p_adjusted=adjusted, rejected=known & (adjusted <= config.alpha))
