"""Rigid drift: how far the content of every frame of a movie is displaced."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d, median_filter, shift

from atomotion.data import Frames, InputError
from atomotion.track.coarse import coarse_path, displacement_grid
from atomotion.track.config import DriftConfig
from atomotion.track.path import (
    jitter_step,
    most_probable_path,
    slope_and_information,
    standard_deviation,
)
from atomotion.track.references import Around, references
from atomotion.track.spectra import Spectra, movie_spectra, static_part

_SMOOTH = 17  # frames: the path that the jitter is relative to is a running median over these
_GROUP = 8  # frames whose content is judged together
_KICK = 1.0  # px: where smoothing would change that path by more, it makes a step
_JITTERS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # px
_MEMORIES = (0.0, 0.5, 0.8, 0.95, 0.99)
_ROUNDS = 8
_SURE = 6.0  # standard deviations
_LARGEST_ERROR = 1.5  # px
_BLOCK = 2  # coefficients: the two halves are blocks of these, wider than what the window mixes


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """Where the content of every frame lies.

    Parameters
    ----------
    dx_px, dy_px : (n,) float [px]
        Displacement of the content of frame i relative to the first good frame: what is at x there is at x + dx in
        frame i. Bad frames are interpolated.
    sd_px : (n,) float [px]
        Standard deviation of a displacement (per axis, relative to the smooth path around it) as far as noise goes; it
        is the jitter itself where single frames do not show where they are.
    score : (n,) float
        How much of what its neighbours in time show the frame shows at its displacement: about 1 where the content is
        the same, less where it has changed. NaN for bad frames.
    good : (n,) bool
    error_px : float [px]
        Half the rms difference, per axis, of the two paths that come out when each uses only one half of the spatial
        frequencies: an estimate of the error that knows nothing of any model. NaN where it was not asked for.
    agreement : float
        How sure it is that frames aligned by one half of the frequencies match in the other half, in standard
        deviations of what noise alone would give. NaN where it was not asked for.
    """

    dx_px: NDArray[np.floating]
    dy_px: NDArray[np.floating]
    sd_px: NDArray[np.floating]
    score: NDArray[np.floating]
    good: NDArray[np.bool_]
    error_px: float
    agreement: float

    @property
    def xy(self) -> NDArray[np.floating]:
        """(n, 2) dx dy [px]."""
        return np.stack([self.dx_px, self.dy_px], axis=1)

    @property
    def is_visible(self) -> bool | None:
        """Whether the halves see the same sample move alike: matched beyond doubt, on paths that differ little.

        Their error may be 1.5 px or a tenth of the drift's own spread. Averages of pure noise can be aligned too, and
        score well; then this is False and the drift means nothing.
        """
        if not np.isfinite(self.agreement):
            return None
        spread = float(np.sqrt(np.mean(np.var(self.xy, axis=0))))
        return bool(self.agreement > _SURE and self.error_px < max(_LARGEST_ERROR, 0.1 * spread))


def estimate_drift(
    frames: Frames,
    config: DriftConfig,
    *,
    bad_frames: Collection[int] = (),
    max_bytes: int = 2**30,
    on_step: Callable[[int, int], None] | None = None,
) -> Drift:
    """The rigid displacement of every frame.

    Each frame is compared with the Wiener-filtered average of the frames around it, aligned so far and without itself.
    The log-likelihoods of all displacements of all frames then go into one path that moves little from frame to frame
    (forward-backward over a grid of displacements), so that a frame that fits a lattice period away is overruled by its
    neighbours; averaging and path are repeated until nothing changes, first with averages of several frames, and a last
    Newton step takes the path to a fraction of a pixel.

    What stands still would hold the content in place: hot pixels are replaced, uneven illumination is subtracted, and
    whatever else stays where it is while the rest moves is separated and left out.

    Parameters
    ----------
    frames : (t, y, x)
    config : DriftConfig
    bad_frames : collection of int
        Frames that are passed over; frames that are constant or not finite always are.
    max_bytes : int
        Memory for the spectra of the frames.
    on_step : callable, optional
        Called with (done, total).

    Raises
    ------
    InputError
        Where fewer than two neighbouring frames are good, or frames are too small.
    """
    if len(frames.shape) != 3:
        raise InputError(f"drift is estimated from frames (t, y, x), but the shape is {tuple(frames.shape)}")
    n = int(frames.shape[0])
    passes = _Passes(n, 1 + (3 if config.check else 1) * (_ROUNDS + 2), on_step)
    spectra = movie_spectra(frames, config, bad_frames=bad_frames, max_bytes=max_bytes, on_step=passes.within)
    passes.finished()
    path, sd, score = _estimate(spectra, config, passes)
    error = agreement = float("nan")
    if config.check:
        one, other = _halves(spectra)
        paths = _estimate(one, config, passes)[0], _estimate(other, config, passes)[0]
        error = 0.5 * float(np.sqrt(np.mean(np.var(paths[0] - paths[1], axis=0))))
        agreement = min(_matched(one, paths[1], config), _matched(other, paths[0], config))
    good = spectra.counts > 0
    path = path - path[np.flatnonzero(good)[0]]
    return Drift(
        dx_px=path[:, 0],
        dy_px=path[:, 1],
        sd_px=np.sqrt(np.mean(sd**2, axis=1)),
        score=np.where(good, score, np.nan),
        good=good,
        error_px=error,
        agreement=agreement,
    )


class _Passes:
    """Counts passes over the frames for `on_step`."""

    def __init__(self, frames: int, passes: int, on_step: Callable[[int, int], None] | None) -> None:
        self._frames, self._total, self._on_step = frames, frames * passes, on_step
        self._done = 0

    def within(self, i: int, _: int = 0) -> None:
        if self._on_step is not None:
            self._on_step(min(self._done + i, self._total), self._total)

    def finished(self, passes: int = 1) -> None:
        self._done += passes * self._frames
        self.within(0)


def _halves(spectra: Spectra) -> tuple[Spectra, Spectra]:
    """The same movie seen through two halves of its spatial frequencies, a chessboard of blocks."""
    rows = np.arange(len(spectra.ky)) // _BLOCK
    columns = np.arange(len(spectra.kx)) // _BLOCK
    first = (rows[:, None] + columns[None, :]) % 2 == 0
    return replace(spectra, weight=spectra.weight * first), replace(spectra, weight=spectra.weight * ~first)


def _matched(spectra: Spectra, path: NDArray[np.floating], config: DriftConfig) -> float:
    """How well frames match averages of their neighbours along `path`, in standard deviations of chance."""
    matched = chance = 0.0
    for i, value, reference in references(spectra, path, _all_around(spectra, config)):
        matched += float(np.sum((np.conj(reference) * value * spectra.phase(path[i])).real * spectra.weight))
        chance += float(np.sum(np.abs(reference) ** 2 * spectra.weight))
    return matched / np.sqrt(chance) if chance > 0 else 0.0


def _all_around(spectra: Spectra, config: DriftConfig) -> Around:
    half = max(1, config.reference_frames // 2)
    return Around(half=half, group=_GROUP, used=np.ones(len(spectra), dtype=bool), alike=False)


def _estimate(
    spectra: Spectra, config: DriftConfig, passes: _Passes
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
    """Path (n, 2), its standard deviations (n, 2) and the scores (n,)."""
    grid = displacement_grid(spectra, config.search_px)
    step = max(0.5, 0.5 * float(grid[1] - grid[0]))
    without = replace(spectra, values=spectra.values - spectra.static) if spectra.static.any() else spectra

    def improved(path: NDArray[np.floating], around: Around) -> tuple[NDArray[np.floating], float, Around, Spectra]:
        freed = replace(spectra, static=spectra.static + static_part(without, path))
        better, evidence, shows = most_probable_path(freed, _smoothed(path), path, around, grid, step)
        return better, evidence, replace(around, used=shows, alike=True), freed

    # a sample that moves far is found from the coarse path, where all that is near shows which frames have changed; one
    # that hardly moves from no motion at all, where what is alike lies on each other from the beginning
    everything = _all_around(spectra, config)
    coarse = improved(coarse_path(spectra, config), everything)
    still = improved(np.zeros((len(spectra), 2)), replace(everything, alike=True))
    starts = [improved(path, around) for path, _, around, _ in (coarse, still)]
    path, evidence, around, freed = max(starts, key=lambda start: start[1])
    rounds = 4
    passes.finished(rounds)
    while rounds < _ROUNDS:
        path, now, around, freed = improved(path, around)
        rounds += 1
        passes.finished()
        if now - evidence < 1e-3 * len(spectra):
            break
        evidence = now
    passes.finished(_ROUNDS - rounds)
    for _ in range(2):
        path, sd, score = _refined(freed, path, around, config.jitter_px)
        passes.finished()
    return path, sd, score


def _smoothed(path: NDArray[np.floating]) -> NDArray[np.floating]:
    """The smooth part of a path, but a kick of the stage stays a step."""
    width = min(_SMOOTH, len(path) - 1 + len(path) % 2)
    steps = median_filter(path, size=(width, 1), mode="nearest")
    smooth = gaussian_filter1d(steps, _SMOOTH / 6, axis=0, mode="nearest")
    return np.where(np.abs(smooth - steps).max(axis=1, keepdims=True) < _KICK, smooth, steps)


def _refined(
    spectra: Spectra, path: NDArray[np.floating], around: Around, jitter: float | None
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
    """The path after Newton steps of all frames together, its standard deviations (n, 2), and the scores (n,)."""
    n = len(path)
    base = _smoothed(path)
    # farther than a grid step the quadratic approximation says nothing
    limit = 0.25 / float(spectra.kx[-1])
    priors = [(j, memory) for j in ((jitter,) if jitter else _JITTERS) for memory in _MEMORIES]
    moved = path
    for _ in range(2):
        slope, information, score = np.zeros((n, 2)), np.zeros((n, 2, 2)), np.zeros(n)
        for i, value, reference in references(spectra, path, around):
            slope[i], information[i], score[i] = slope_and_information(spectra, value, reference, moved[i])
        slope[~around.used], information[~around.used] = 0.0, 0.0
        steps = {prior: jitter_step(slope, information, moved - base, *prior) for prior in priors}
        best = max(steps, key=lambda prior: steps[prior][1])
        moved = moved + np.clip(steps[best][0], -limit, limit)
    return moved, standard_deviation(information, *best), score


def translate(image: NDArray[Any], dy: float, dx: float, *, fill: float | None = None) -> NDArray[np.floating]:
    """The image with its content moved by (dy, dx) pixels: what was at (y, x) is at (y + dy, x + dx).

    Cubic splines; float32 stays float32, and integers become float32.

    Parameters
    ----------
    image : (y, x)
    dy, dx : float [px]
    fill : float, optional
        Value of what comes in from outside; without it the edge is repeated.

    Returns
    -------
    (y, x) float
    """
    image = np.asarray(image)
    dtype = image.dtype if np.issubdtype(image.dtype, np.floating) else np.dtype(np.float32)
    mode: Literal["nearest", "constant"] = "nearest" if fill is None else "constant"
    moved: NDArray[np.floating] = shift(
        image.astype(dtype), np.array([dy, dx]), order=3, mode=mode, cval=0.0 if fill is None else fill
    )
    return moved


def shift_polygon(points: ArrayLike, dx: float, dy: float) -> NDArray[np.floating]:
    """(n, 2) x y the points of a polygon, moved by (dx, dy) with the content they enclose."""
    return np.asarray(points, dtype=float) + np.array([dx, dy])
