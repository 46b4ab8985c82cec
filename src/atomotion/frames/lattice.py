"""The lattice parameter that the Fourier peaks of frames tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.frames.peaks import FramePeaks

# h² + k² + l² of the rings of an FCC lattice
FAMILIES = {"111": 3.0, "200": 4.0, "220": 8.0, "311": 11.0, "222": 12.0, "400": 16.0}
_NEAR = 0.06  # a peak belongs to a ring that is this part of |k| away at most
_SPREAD = 0.04  # of a single peak's |k|, from excitation errors, before it is known


@dataclass(frozen=True, kw_only=True, slots=True)
class LatticeParameters:
    """Lattice parameter of a cubic close-packed crystal.

    Parameters
    ----------
    value, error : (n,) float [Å]
        Of every frame, with its standard error; NaN where no peak is known.
    mean, mean_error : float [Å]
        Of the whole series; NaN without any peak.
    """

    value: NDArray[np.float64]
    error: NDArray[np.float64]
    mean: float
    mean_error: float


def lattice_parameters(peaks: Sequence[FramePeaks], *, expected: float | None) -> LatticeParameters:
    """Lattice parameters from the lengths of the peaks, ``a = sqrt(h² + k² + l²) / |k|``.

    A frame's value is the mean over its peaks, weighted by their heights. Its error is the spread of single peaks'
    values over the series, divided by the root of the number of peaks.

    Parameters
    ----------
    peaks : sequence of FramePeaks
    expected : float or None [Å]
        Lattice parameter that tells which ring a peak belongs to; without one, the value between 3 and 6.5 Å that
        explains most peaks.
    """
    count = len(peaks)
    lengths = [np.hypot(each.k[:, 0], each.k[:, 1]) for each in peaks]
    weights = [np.sqrt(each.height) for each in peaks]
    every = np.concatenate(lengths) if lengths else np.empty(0)
    empty = np.full(count, np.nan)
    if every.size == 0:
        return LatticeParameters(value=empty, error=empty.copy(), mean=float("nan"), mean_error=float("nan"))
    guess = expected if expected is not None else _likely(every, np.concatenate(weights))
    for _ in range(3):
        singles = [_values(each, guess) for each in lengths]
        known = np.concatenate(singles)
        guess = float(np.nanmedian(known)) if np.isfinite(known).any() else guess
    known = known[np.isfinite(known)]
    if known.size == 0:
        return LatticeParameters(value=empty, error=empty.copy(), mean=float("nan"), mean_error=float("nan"))
    spread = 1.4826 * float(np.median(np.abs(known - np.median(known))))
    spread = spread if spread > 0 else _SPREAD * guess
    value, error = empty, empty.copy()
    for frame, (each, weight) in enumerate(zip(singles, weights, strict=True)):
        use = np.isfinite(each)
        if use.any():
            value[frame] = np.average(each[use], weights=weight[use])
            error[frame] = spread / np.sqrt(use.sum())
    good = np.isfinite(value)
    return LatticeParameters(
        value=value,
        error=error,
        mean=float(np.median(value[good])),
        # neighbouring frames show nearly the same orientation: about one in ten tells something new
        mean_error=float(1.2533 * value[good].std() / np.sqrt(max(1.0, good.sum() / 10))),
    )


def _values(lengths: NDArray[np.float64], guess: float) -> NDArray[np.float64]:
    """Lattice parameter of every peak by its nearest ring; NaN where none is near."""
    orders = np.sqrt(np.array(list(FAMILIES.values())))
    ratio = lengths[:, None] * guess / orders[None, :]
    nearest = np.abs(np.log(ratio)).argmin(axis=1)
    values = orders[nearest] / lengths
    result: NDArray[np.float64] = np.where(
        np.abs(np.log(ratio[np.arange(len(lengths)), nearest])) < _NEAR, values, np.nan
    )
    return result


def _likely(lengths: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    trial = np.arange(3.0, 6.5, 0.01)
    orders = np.sqrt(np.array(list(FAMILIES.values())))
    off = np.log(lengths[None, :, None] * trial[:, None, None] / orders)
    # the nearest ring counts; further rings lie closer together and are worth less
    fit = (np.exp(-0.5 * (off / 0.02) ** 2) / orders).max(axis=2)
    return float(trial[(fit * weights).sum(axis=1).argmax()])
