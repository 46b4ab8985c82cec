"""Particles are followed block by block, forward and backward from where they were seen, several at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from atomotion.data import Frames
from atomotion.track.config import TrackConfig
from atomotion.track.evidence import summed_over
from atomotion.track.finding import Sighting
from atomotion.track.windows import Lookout, window

_BLOCK = 8  # frames whose evidence is added up
_STEP = 0.35  # Å per frame: a cautious motion, where none is given
_NEW = 0.2  # of the motion of the last block in the velocity
_JUMP = 1e-6  # probability of being anywhere in the window after a block
_SEEN = 3.0  # standard deviations, of a block
_APART = 0.75  # diameters: two particles nearer to each other are one
_OVERLAID = 0.5  # diameters


@dataclass(kw_only=True)
class Pursuit:
    """A particle while it is being followed.

    Parameters
    ----------
    start : int
        Frame of the first sighting.
    place : (2,) x y [Å]
        Where it is now.
    velocity : (2,) x y [Å per frame]
        In the direction in which it is followed.
    scores : dict
        Frame to the map of its scores, float16.
    corners : dict
        Frame to the place x y [Å] of the map's first cell.
    places : dict
        Frame to the place x y [Å] at the middle of its block.
    last_seen : dict
        Direction to the last frame of the last block in which it was seen.
    total : float
        All scores along the path so far.
    given : bool
        Whether the user said that it is there.
    number : int
        Of its sighting.
    ended : dict
        Direction (1 or -1) to why following ended there: "the movie ends", "leaves the frame", "is lost",
        "meets another particle".
    """

    start: int
    place: NDArray[np.floating]
    velocity: NDArray[np.floating] = field(default_factory=lambda: np.zeros(2))
    posterior: NDArray[np.floating] | None = None
    corner_px: tuple[int, int] = (0, 0)
    scores: dict[int, NDArray[np.float16]] = field(default_factory=dict)
    corners: dict[int, tuple[float, float]] = field(default_factory=dict)
    places: dict[int, tuple[float, float]] = field(default_factory=dict)
    last_seen: dict[int, int] = field(default_factory=dict)
    ended: dict[int, str] = field(default_factory=dict)
    total: float = 0.0
    given: bool = False
    number: int = 0


def follow(
    frames: Frames,
    sightings: Sequence[Sighting],
    lookout: Lookout,
    config: TrackConfig,
    *,
    bad: NDArray[np.bool_],
    on_step: Callable[[int, int], None] | None = None,
) -> list[Pursuit]:
    """Follow what was seen, from its first sighting to the end of the movie and then back to the beginning.

    The scores of the frames of a block are added to the log-probability of every place in a window that goes with the
    particle; between blocks the probability spreads by a random walk. A place nearer to another particle belongs to
    that one, so that particles that pass do not swap. A sighting that is not near a particle already followed is a new
    one.

    Parameters
    ----------
    frames : (t, y, x)
    sightings : sequence of Sighting
        In the order of frames.
    lookout : Lookout
    config : TrackConfig
    bad : (t,) bool
    on_step : callable, optional
        Called with frames done and twice the frames in all.
    """
    n = int(frames.shape[0])
    sweep = _Sweep(frames, lookout, config, bad)
    order = sorted(range(len(sightings)), key=lambda number: (sightings[number].frame, -sightings[number].score))
    waiting = [(number, sightings[number]) for number in order]
    begin = waiting[0][1].frame // _BLOCK * _BLOCK if waiting else n
    for start in range(begin, n, _BLOCK):
        stop = min(n, start + _BLOCK)
        while waiting and waiting[0][1].frame < stop:
            sweep.meet(*waiting.pop(0))
        sweep.advance(range(start, stop), 1)
        if on_step is not None:
            on_step(stop, 2 * n)
    sweep.turn_round()
    for stop in range(n // _BLOCK * _BLOCK, 0, -_BLOCK):
        sweep.advance(range(stop - _BLOCK, stop), -1)
        if on_step is not None:
            on_step(2 * n - stop + _BLOCK, 2 * n)
    return sorted(sweep.pursuits, key=lambda each: each.number)


class _Sweep:
    def __init__(self, frames: Frames, lookout: Lookout, config: TrackConfig, bad: NDArray[np.bool_]) -> None:
        self.frames, self.lookout, self.config, self.bad = frames, lookout, config, bad
        self.pursuits: list[Pursuit] = []
        grid = lookout.grid
        self.pixel_size, self.side, self.cell = grid.pixel_size, grid.shape[0], grid.cell
        self.size = lookout.grid.cells[0] - 2 * lookout.margin
        self.inset = lookout.margin * grid.cell + grid.first()
        self.diameter = lookout.diameter

    def meet(self, number: int, seen: Sighting) -> None:
        """A new pursuit, unless one is already there."""
        at = np.array([seen.x, seen.y])
        for other in self.active(1):
            if np.hypot(*(other.place - at)) < _APART * self.diameter:
                return
        new = Pursuit(start=seen.frame // _BLOCK * _BLOCK, place=at, given=bool(np.isinf(seen.score)), number=number)
        new.last_seen = {1: seen.frame, -1: seen.frame}
        self.pursuits.append(new)

    def active(self, direction: int) -> list[Pursuit]:
        return [each for each in self.pursuits if direction not in each.ended]

    def turn_round(self) -> None:
        """Take every pursuit back to where it began."""
        for each in self.pursuits:
            each.ended.setdefault(1, "the movie ends")
            each.place = np.array(each.places[each.start]) if each.start in each.places else each.place
            each.posterior = None
            each.velocity = -_first_velocity(each)

    def advance(self, span: range, direction: int) -> None:
        """One block further for all that are active."""
        active = [each for each in self.active(direction) if direction == 1 or each.start >= span.stop]
        good = [frame for frame in span if not self.bad[frame]]
        for each in active:
            self._centre_window(each)
            blocks = self._scores(each, span, good)
            evidence = np.zeros((self.size, self.size))
            for frame, scores in blocks.items():
                each.scores[frame] = scores.astype(np.float16)
                each.corners[frame] = self._corner(each)
                evidence += scores
            self._update(each, evidence, self._others(each, span, direction), len(blocks), span, direction)
        if direction == -1:
            for each in active:
                if span.start == 0:
                    each.ended.setdefault(-1, "the movie begins")

    def _others(self, each: Pursuit, span: range, direction: int) -> list[tuple[Pursuit, NDArray[np.floating]]]:
        """The other particles and where they are, or were a block ago."""
        found = []
        for other in self.pursuits:
            if other is each:
                continue
            if span.start in other.places:
                found.append((other, np.array(other.places[span.start])))
            elif direction not in other.ended and (direction == 1) == (other.start <= span.start):
                found.append((other, other.place))
        return found

    def _centre_window(self, each: Pursuit) -> None:
        """Let the window go with the particle, by whole cells so that probabilities need no interpolation."""
        step = self.lookout.grid.cell_px
        wanted = [round((each.place[axis] / self.pixel_size - 0.5 * (self.side - 1)) / step) * step for axis in (1, 0)]
        if each.posterior is None:
            each.corner_px = (wanted[0], wanted[1])
            y, x = np.mgrid[: self.size, : self.size] * self.cell
            first = self._corner(each)
            r2 = (x + first[0] - each.place[0]) ** 2 + (y + first[1] - each.place[1]) ** 2
            prior = np.exp(-0.5 * r2 / (0.2 * self.diameter) ** 2)
            each.posterior = prior / prior.sum()
            return
        moves = [(new - old) // step for new, old in zip(wanted, each.corner_px, strict=True)]
        if max(abs(move) for move in moves) < 2:
            return
        each.corner_px = (wanted[0], wanted[1])
        each.posterior = _rolled(each.posterior, moves)

    def _corner(self, each: Pursuit) -> tuple[float, float]:
        """Place, x y [Å], of the first cell of the window's map."""
        y, x = each.corner_px
        return x * self.pixel_size + self.inset, y * self.pixel_size + self.inset

    def _scores(self, each: Pursuit, span: range, good: list[int]) -> dict[int, NDArray[np.float32]]:
        if not good:
            return {}
        y, x = each.corner_px
        pictures = window(self.frames, slice(span.start, span.stop), y, x, self.side, self.lookout.fill)
        scores = self.lookout.scores(pictures[[frame - span.start for frame in good]])
        scores += self._unseen(each)
        return dict(zip(good, scores, strict=True))

    def _unseen(self, each: Pursuit) -> NDArray[np.float32]:
        """(c, c) what the scores of places at the border lack because a part of the particle lies beyond it.

        The log-likelihood of a place is the score there less half of what a particle there would show.
        """
        grid, margin = self.lookout.grid, self.lookout.margin
        at = np.arange(grid.cells[0]) * grid.cell_px + grid.cell_px // 2
        tall, wide = int(self.frames.shape[1]), int(self.frames.shape[2])
        y, x = at + each.corner_px[0], at + each.corner_px[1]
        if y[0] >= 0 and x[0] >= 0 and y[-1] < tall and x[-1] < wide:
            return np.zeros((self.size, self.size), dtype=np.float32)
        inside = np.outer((y >= 0) & (y < tall), (x >= 0) & (x < wide)).astype(np.float32)
        kernel = self.lookout.kernel
        seen = summed_over(inside[None], kernel / kernel.sum())[0, margin:-margin, margin:-margin]
        return np.asarray(0.5 * self.lookout.strength * (1.0 - seen), dtype=np.float32)

    def _update(
        self,
        each: Pursuit,
        evidence: NDArray[np.floating],
        others: list[tuple[Pursuit, NDArray[np.floating]]],
        count: int,
        span: range,
        direction: int,
    ) -> None:
        assert each.posterior is not None
        first = self._corner(each)
        at = np.arange(self.size) * self.cell
        x, y = at[None, :] + first[0], at[:, None] + first[1]
        own = np.hypot(x - each.place[0], y - each.place[1])
        allowed = np.ones((self.size, self.size), dtype=bool)
        for _, other in others:
            allowed &= np.hypot(x - other[0], y - other[1]) > np.minimum(own, self.diameter)
        step = max(self.config.step or _STEP, 0.05) * np.sqrt(len(span)) / self.cell
        spread = _spread(each.posterior, step, each.velocity * len(span) / self.cell)
        weight = self.lookout.gain * np.where(allowed, evidence, evidence.min())
        posterior = spread * np.exp(weight - weight.max()) * np.where(allowed, 1.0, 1e-6)
        each.posterior = posterior / posterior.sum()
        top = np.unravel_index(int(each.posterior.argmax()), each.posterior.shape)
        near = np.hypot(x - x[0, top[1]], y - y[top[0], 0]) < 2.5 * self.cell
        local = np.where(near, each.posterior, 0.0)
        before, each.place = each.place, np.array([(local * x).sum(), (local * y).sum()]) / local.sum()
        if each.places:
            each.velocity = (1 - _NEW) * each.velocity + _NEW * (each.place - before) / len(span)
        each.total += float(evidence[top])
        if count and float(evidence[top]) / np.sqrt(count) > _SEEN:
            each.last_seen[direction] = span.start if direction == -1 else span.stop - 1
        for frame in span:
            each.places[frame] = (float(each.place[0]), float(each.place[1]))
        self._end(each, span, direction, others)

    def _end(
        self, each: Pursuit, span: range, direction: int, others: list[tuple[Pursuit, NDArray[np.floating]]]
    ) -> None:
        """Note that a particle left the frame, was lost, or lies on another one that shows better."""
        size = np.array([self.frames.shape[2], self.frames.shape[1]]) * self.pixel_size
        now = span.stop - 1 if direction == 1 else span.start
        if np.any(each.place < 0) or np.any(each.place > size - self.pixel_size):
            each.ended[direction] = "leaves the frame"
        elif abs(now - each.last_seen[direction]) > self.config.max_gap and not each.given:
            each.ended[direction] = "is lost"
        elif any(
            np.hypot(*(each.place - place)) < _OVERLAID * self.diameter and other.total >= each.total
            for other, place in others
        ):
            each.ended[direction] = "meets another particle"


def _first_velocity(each: Pursuit) -> NDArray[np.floating]:
    """(2,) x y [Å per frame] mean motion over the first blocks."""
    frames = sorted(each.places)
    last = frames[min(len(frames) - 1, 10 * _BLOCK)] if frames else 0
    if not frames or last - frames[0] < 5 * _BLOCK:
        return np.zeros(2)
    return (np.array(each.places[last]) - np.array(each.places[frames[0]])) / (last - frames[0])


def _spread(probability: NDArray[np.floating], step: float, moved: NDArray[np.floating]) -> NDArray[np.floating]:
    """The probability after a motion (x, y) and a random step of deviation `step`, all in cells, or rarely anywhere."""
    spread = probability
    for axis, shift in ((1, float(moved[0])), (0, float(moved[1]))):
        reach = max(1, int(np.ceil(4 * step + abs(shift))))
        kernel = np.exp(-0.5 * ((np.arange(-reach, reach + 1) - shift) / step) ** 2)
        spread = convolve1d(spread, kernel / kernel.sum(), axis, mode="nearest")
    result: NDArray[np.floating] = (1 - _JUMP) * spread + _JUMP / spread.size
    return result


def _rolled(probability: NDArray[np.floating], moves: Sequence[int]) -> NDArray[np.floating]:
    """The probability in a window that has moved by so many cells (y, x)."""
    size = probability.shape[0]
    result = np.full_like(probability, _JUMP / probability.size)
    source, target = [], []
    for move in moves:
        source.append(slice(max(0, move), min(size, size + move)))
        target.append(slice(max(0, -move), min(size, size - move)))
    result[tuple(target)] = probability[tuple(source)]
    normalised: NDArray[np.floating] = result / result.sum()
    return normalised
