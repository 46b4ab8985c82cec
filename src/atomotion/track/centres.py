"""The most probable path of a particle: a random walk through what every frame says of its place."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.ndimage import gaussian_filter1d, spline_filter, uniform_filter1d

from atomotion.track.alignment import Aligner
from atomotion.track.diffusion import fit_random_walk

_SMOOTHED = 11  # frames over which it is judged whether a particle is seen
_SEEN = 4.0  # standard deviations, of that many frames together
_DOUBT = 2.0
_ROUNDS = 4
_STEPS = 12
_GROUP = 10  # frames: errors of neighbours are not independent, because they show it from about the same side
_STEP_RANGE = (0.01, 1.0)  # Å
_TREND = 60.0  # frames
_REACH = 6.0  # Å from the first path
_STEP_PRIOR = (0.15, 1.0)  # Å, and the spread of its logarithm
_LEAST_ERROR = 0.4  # Å: what a frame tells of its centre is no better, because it shows one side of the particle
_ALIGNED_ROUNDS = 3
_ALIKE = 0.8  # of their neighbours' average that frames must show to be aligned with it
_TRUST = 0.5  # in comparisons of frames with each other, whose content is not quite the same
_FARTHEST = 2.5  # Å: a frame's own centre from the path


@dataclass(frozen=True, kw_only=True, slots=True)
class Surfaces:
    """What every frame says of the place of a particle.

    Parameters
    ----------
    scores : (n, c, c)
        In standard deviations of the background; 0 in frames that say nothing.
    corners : (n, 2) float, x y [Å]
        Place of the first cell of each frame's map.
    cell : float [Å]
    gain : float
        Log-likelihood per unit of the scores, as a first guess.
    """

    scores: NDArray[np.floating]
    corners: NDArray[np.floating]
    cell: float
    gain: float

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """A particle's path.

    Parameters
    ----------
    centres : (n, 2) float, x y [Å]
        The most probable path.
    own : (n, 2) float, x y [Å]
        Where each frame alone would move its centre, in linear approximation; NaN in frames that do not count.
    sd : (n,) float [Å]
        Standard deviation of a centre along an axis.
    score : (n,) float
        How clearly each frame shows the particle, in standard deviations of the background.
    shown : (n,) float
        How much of the average of the frames around it a frame shows; NaN where that was not asked for.
    seen : (n,) bool
        Whether the frames around show it.
    step : float [Å]
        Root-mean-square motion per frame along an axis.
    """

    centres: NDArray[np.floating]
    own: NDArray[np.floating]
    sd: NDArray[np.floating]
    score: NDArray[np.floating]
    shown: NDArray[np.floating]
    seen: NDArray[np.bool_]
    step: float


def most_probable_centres(
    surfaces: Surfaces,
    start: NDArray[np.floating],
    *,
    step: float | None = None,
    aligner: Callable[[NDArray[np.floating], NDArray[np.bool_]], Aligner] | None = None,
) -> Path:
    """The path that maximises ``sum L_i(x_i) - sum |x_{i+1} - x_i - d_i|² / (2 q²)``, by Newton steps of all frames.

    The log-likelihoods ``L_i`` are the scores times a gain. The gain makes the scatter of the gradients along the path
    what the curvature says that it is (the information equality), so that evidence which is less certain than it looks
    counts for what it is worth. The step q and the error of the frames' own centres are the most likely ones
    (`fit_random_walk`). The steady motion d is that of the first path, smoothed over 60 frames. Frames around which
    nothing is seen have no say: the path goes straight through them.

    Parameters
    ----------
    surfaces : Surfaces
    start : (n, 2) x y [Å]
        Within a radius of the particle of the true path.
    step : float [Å], optional
        q; measured if not given.
    aligner : callable, optional
        Given the path so far and the frames that count, gives what compares the frames with each other. Where they show
        the same its log-likelihoods are added.
    """
    trend = gaussian_filter1d(start, _TREND, axis=0, mode="nearest")
    splines = np.stack([spline_filter(each.astype(np.float32), 3, output=np.float32) for each in surfaces.scores])
    says = np.any(surfaces.scores != 0, axis=(1, 2))
    at = np.array(start, dtype=float)
    q, gain = step or 0.2, surfaces.gain
    for _ in range(_ROUNDS):
        seen = seen_frames(_values(splines, surfaces, at), says)
        used = seen & says
        curvature = _curvature(splines[used], surfaces, at, used)
        precision = np.where(used, gain * curvature, 0.0)[:, None] * np.ones(2)
        # from the first path again: one that was too free has run into maxima of noise, and stays there
        at = np.array(start, dtype=float)
        for _ in range(_STEPS):
            slopes = np.where(used[:, None], _slopes(splines, surfaces, at), 0.0)
            moves = _newton_step(gain * slopes, precision, at - trend, q)
            at = start + np.clip(at + np.clip(moves, -1.0, 1.0) - start, -_REACH, _REACH)
            if np.abs(moves).max() < 1e-3:
                break
        slopes = np.where(used[:, None], _slopes(splines, surfaces, at), 0.0)
        group = _GROUP if used.sum() > 15 * _GROUP else _GROUP // 2
        walk = fit_random_walk(at + slopes / curvature - trend, used, group=group, prior=_STEP_PRIOR)
        if walk is None:
            break
        gain = 1.0 / (max(walk.error2, _LEAST_ERROR**2) * curvature)
        if step is None:
            q = float(np.clip(np.sqrt(walk.step2), *_STEP_RANGE))
    shown: NDArray[np.floating] = np.full(len(at), np.nan)
    if aligner is not None and used.sum() > 2:
        compare = aligner(at, used)
        told = compare(at)
        shown = told.shown
        # a particle that tumbles on shows its neighbours another side, and fringes that turn look as if they moved
        rounds = _ALIGNED_ROUNDS if float(np.nanmedian(shown[used])) > _ALIKE else 0
        for _ in range(rounds):
            told, from_here = compare(at), at.copy()
            shown, information = told.shown, _TRUST * told.information
            precision = np.where(used, gain * curvature, 0.0)[:, None] + information
            for _ in range(_STEPS):
                slopes = np.where(used[:, None], _slopes(splines, surfaces, at), 0.0)
                aligned = _TRUST * told.slope - information * (at - from_here)
                moves = _newton_step(gain * slopes + aligned, precision, at - trend, q)
                at += np.clip(moves, -0.5, 0.5)
                if np.abs(moves).max() < 1e-3:
                    break
    away = slopes / curvature
    away *= np.minimum(1.0, _FARTHEST / np.maximum(np.hypot(*away.T), 1e-30))[:, None]
    return Path(
        centres=at,
        own=np.where(used[:, None], at + away, np.nan),
        # comparing frames with each other does not say where all of them are
        sd=_standard_deviation(np.where(used, gain * curvature, 0.0), q),
        shown=shown,
        score=np.where(says, _values(splines, surfaces, at), np.nan),
        seen=seen,
        step=q,
    )


def seen_frames(values: NDArray[np.floating], says: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) whether the particle is seen in the frames around each one; single doubtful frames in between are."""
    width = min(_SMOOTHED, len(values))
    known = uniform_filter1d(says.astype(float), width, mode="nearest")
    mean = uniform_filter1d(np.where(says, values, 0.0), width, mode="nearest") / np.maximum(known, 1e-9)
    clear = mean * np.sqrt(known * width)
    seen = clear > _SEEN
    doubtful = clear > _DOUBT
    # a stretch of doubtful frames counts where it touches a clear one
    edges = np.flatnonzero(np.diff(np.r_[0, doubtful.astype(np.int8), 0]))
    result = np.zeros(len(values), dtype=bool)
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        result[first:last] = seen[first:last].any()
    return result


def _cells(surfaces: Surfaces, at: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Row and column of the places in the maps."""
    inside = (at - surfaces.corners) / surfaces.cell
    return inside[:, 1], inside[:, 0]


def _values(splines: NDArray[np.floating], surfaces: Surfaces, at: NDArray[np.floating]) -> NDArray[np.floating]:
    row, column = _cells(surfaces, at)
    return _bicubic(splines, row, column)[0]


def _slopes(splines: NDArray[np.floating], surfaces: Surfaces, at: NDArray[np.floating]) -> NDArray[np.floating]:
    """(n, 2) derivatives of the scores by x and y [1/Å]."""
    row, column = _cells(surfaces, at)
    _, by_row, by_column = _bicubic(splines, row, column)
    return np.stack([by_column, by_row], axis=1) / surfaces.cell


def _bicubic(
    splines: NDArray[np.floating], row: NDArray[np.floating], column: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
    """Value and derivatives by row and column of each frame's spline at one place, which is held within the map."""
    n, rows, columns = splines.shape
    row, column = np.clip(row, 1.0, rows - 2.001), np.clip(column, 1.0, columns - 2.001)
    r, c = row.astype(int), column.astype(int)
    wr, dr = _weights(row - r)
    wc, dc = _weights(column - c)
    near = splines[
        np.arange(n)[:, None, None], r[:, None, None] + np.arange(-1, 3)[:, None], c[:, None, None] + np.arange(-1, 3)
    ]
    value = np.einsum("nij,ni,nj->n", near, wr, wc)
    return value, np.einsum("nij,ni,nj->n", near, dr, wc), np.einsum("nij,ni,nj->n", near, wr, dc)


def _weights(t: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """(n, 4) weights of the cubic B-spline's coefficients at -1, 0, 1, 2, and their derivatives."""
    value = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1)
    slope = np.stack([-3 * (1 - t) ** 2, 9 * t**2 - 12 * t, -9 * t**2 + 6 * t + 3, 3 * t**2], axis=1)
    return value / 6, slope / 6


def _curvature(
    splines: NDArray[np.floating], surfaces: Surfaces, at: NDArray[np.floating], used: NDArray[np.bool_]
) -> float:
    """Mean curvature of the scores at the path [1/Å²], from places a cell to each side."""
    if not used.any():
        return 1e-6
    row, column = _cells(surfaces, at)
    row, column = row[used], column[used]
    middle = _bicubic(splines, row, column)[0]
    around = sum(
        _bicubic(splines, row + dy, column + dx)[0] for dy, dx in ((1.5, 0.0), (-1.5, 0.0), (0.0, 1.5), (0.0, -1.5))
    )
    curvature = float(np.mean(4 * middle - around)) / 2 / (1.5 * surfaces.cell) ** 2
    return max(curvature, 1e-6)


def _newton_step(
    slopes: NDArray[np.floating], curvature: NDArray[np.floating], at: NDArray[np.floating], q: float
) -> NDArray[np.floating]:
    """(n, 2) one step of all frames together."""
    tie = 1.0 / q**2
    pull = np.zeros_like(at)
    steps = tie * np.diff(at, axis=0)
    pull[:-1] += steps
    pull[1:] -= steps
    moves = np.empty_like(at)
    for axis in (0, 1):
        factor = cholesky_banded(_precision(curvature[:, axis], q))
        moves[:, axis] = cho_solve_banded((factor, False), slopes[:, axis] + pull[:, axis])
    return moves


def _precision(curvature: NDArray[np.floating], q: float) -> NDArray[np.floating]:
    """Upper banded form of the posterior's precision."""
    n, tie = len(curvature), 1.0 / q**2
    bands = np.zeros((2, n))
    bands[0, 1:] = -tie
    bands[1] = curvature + 2 * tie
    bands[1, [0, -1]] -= tie
    bands[1] += 1e-9
    return bands


def _standard_deviation(curvature: NDArray[np.floating], q: float) -> NDArray[np.floating]:
    """(n,) from the diagonal of the inverse of the precision, by eliminations from both ends."""
    bands = _precision(curvature, q)
    down, up = bands[1].copy(), bands[1].copy()
    tie2 = bands[0, -1] ** 2
    for i in range(1, len(down)):
        down[i] -= tie2 / down[i - 1]
        up[-1 - i] -= tie2 / up[-i]
    variance: NDArray[np.floating] = 1.0 / np.maximum(down + up - bands[1], 1e-9)
    return np.sqrt(variance)
