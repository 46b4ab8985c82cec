"""How a particle turns, against time: angle from image to image, and rotational diffusion."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from atomotion.data import InputError
from atomotion.geometry.rotations import angle_between

_LAGS = 3
_JUMP = 5.0  # times the median: what is more is no diffusion but a wrong pose
_STILL_DEG = 0.2
_BLOCK = 8  # images that are drawn together
_FEWEST = 10  # intervals without a jump that a window needs


@dataclass(frozen=True, kw_only=True, slots=True)
class RotationOverTime:
    """The rotation of a particle in running windows.

    Parameters
    ----------
    steps_deg : (n - 1,) float [deg]
        Turn from every image to the next, as the poses have it.
    jumps : (n - 1,) bool
        Turns of more than five times the median one, which enter nothing else.
    middles : (w,) float [s]
        Mean time of the images in each window.
    diffusion, low, high : (w,) float [rad²/s]
        Rotational diffusion coefficient and its interval; NaN where too few images are left.
    pose_error_deg : (w,) float [deg]
        Root mean square error of a pose that the lags show.
    """

    steps_deg: NDArray[np.float64]
    jumps: NDArray[np.bool_]
    middles: NDArray[np.float64]
    diffusion: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    pose_error_deg: NDArray[np.float64]


def rotation_over_time(
    quaternions: ArrayLike,
    *,
    times: ArrayLike | None = None,
    window: int = 100,
    stride: int = 25,
    level: float = 0.95,
    resamples: int = 300,
    rng: np.random.Generator | None = None,
) -> RotationOverTime:
    r"""Rotational diffusion in running windows, free of the errors of the poses.

    Isotropic diffusion turns by ``<θ²> = 6 D τ`` in the time τ. Independent errors ε of two poses add ``2 ε²`` whatever
    the time between them, so that D is the slope and ε comes from the intercept of ``<θ²>`` against τ over one, two and
    three images; neither is negative. A particle that goes on turning the way it turned makes the curve bend upwards;
    D is then that of a few images, less than that of long times. The interval is that of a bootstrap that draws blocks
    of eight images.

    Parameters
    ----------
    quaternions : (n, 4) float, w x y z
        In one frame: poses on several lattice copies jump.
    times : (n,) float [s] or None
        Ascending; None: at equal intervals of 1, and D is per interval.
    window, stride : int
        Images in each window, and from one window to the next.
    level : float
        Of the interval.
    resamples : int
    rng : numpy.random.Generator or None

    Raises
    ------
    InputError
        For fewer than two poses, and times that do not fit.

    References
    ----------
    Favro, Phys. Rev. 119, 53 (1960), for the diffusion of rotations.
    """
    poses = np.asarray(quaternions, dtype=float)
    if poses.ndim != 2 or len(poses) < 2:
        raise InputError(f"rotation needs at least two poses (n, 4), but the shape is {poses.shape}")
    given = np.arange(len(poses), dtype=float) if times is None else np.asarray(times, dtype=float)
    if given.shape != (len(poses),) or not (np.diff(given) > 0).all():
        raise InputError(f"the times do not ascend, or are not one for each of the {len(poses)} images")
    rng = np.random.default_rng(0) if rng is None else rng
    steps = angle_between(poses[:-1], poses[1:])
    pace = steps / np.sqrt(np.diff(given) / np.median(np.diff(given)))
    jumps = pace > _JUMP * max(float(np.median(pace)), _STILL_DEG)
    passed, turned = _intervals(poses, given, jumps)
    window = min(window, len(poses))
    starts = np.arange(0, len(poses) - window + 1, stride)
    rows = []
    for start in starts:
        inside = slice(start, start + window - 1)
        rows.append(_diffusion(passed[inside], turned[inside], level, resamples, rng))
    found = np.array(rows)
    return RotationOverTime(
        steps_deg=steps,
        jumps=jumps,
        middles=np.array([given[start : start + window].mean() for start in starts]),
        diffusion=found[:, 0],
        low=found[:, 1],
        high=found[:, 2],
        pose_error_deg=np.rad2deg(found[:, 3]),
    )


def _intervals(
    poses: NDArray[np.float64], times: NDArray[np.float64], jumps: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n - 1, lags) time [s] and squared turn [rad²] from each image to the next ones; NaN across a jump or the end."""
    passed = np.full((len(poses) - 1, _LAGS), np.nan)
    turned = passed.copy()
    for lag in range(1, min(_LAGS, len(poses) - 1) + 1):
        whole = np.convolve(jumps, np.ones(lag), mode="valid") < 0.5
        angle = np.deg2rad(angle_between(poses[:-lag], poses[lag:]))
        passed[: len(whole), lag - 1] = np.where(whole, times[lag:] - times[:-lag], np.nan)
        turned[: len(whole), lag - 1] = np.where(whole, angle**2, np.nan)
    return passed, turned


def _diffusion(
    passed: NDArray[np.float64],
    turned: NDArray[np.float64],
    level: float,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float, float, float]:
    """D with its interval, and the error of a pose [rad]."""
    if np.isfinite(turned[:, 0]).sum() < _FEWEST:
        return np.nan, np.nan, np.nan, np.nan
    best, error = _fit(passed, turned)
    count = len(turned)
    block = min(_BLOCK, count)
    drawn = rng.integers(0, count - block + 1, (resamples, -(-count // block)))
    picks = (drawn[:, :, None] + np.arange(block)).reshape(resamples, -1)[:, :count]
    others = np.array([_fit(passed[pick], turned[pick])[0] for pick in picks])
    low, high = np.nanquantile(others, [0.5 - 0.5 * level, 0.5 + 0.5 * level])
    return best, float(low), float(high), error


def _fit(passed: NDArray[np.float64], turned: NDArray[np.float64]) -> tuple[float, float]:
    """Slope over 6 and error of a pose of mean squared turns, the longer lags weighing less."""
    count = np.isfinite(turned).sum(axis=0)
    used = count > 0
    if used.sum() == 0:
        return np.nan, np.nan
    tau, square = (np.nansum(each, axis=0)[used] / count[used] for each in (passed, turned))
    weight = 1.0 / tau
    scale = tau[0]
    (slope, intercept), _ = nnls(np.stack([tau / scale, np.ones(len(tau))], axis=1) * weight[:, None], square * weight)
    return float(slope / scale / 6.0), float(np.sqrt(intercept / 2.0))
