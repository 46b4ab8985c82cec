"""Random pieces of a movie for training, and pieces kept aside to see how training goes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError
from atomotion.denoise.training.scale import Scale
from atomotion.denoise.training.window import NO_FRAME, window_indices

_BLOCK = 32  # px: side of the blocks that are kept aside
_CLIP_FRAMES = 24  # frames of a clip, where the movie does not fit
_CLIP_CROPS = 2  # sides of a clip in crops


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Windows and what is to be found in them.

    `frames` is (n, window, y, x) float32, normalised; `target` (n, y, x) is their middle frame, and `counts` (n, y, x)
    bool tells which of its pixels are meant.
    """

    frames: NDArray[np.float32]
    target: NDArray[np.float32]
    counts: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Clip:
    """A stretch of the movie in memory, its windows, and which pixels may be learned from and which are kept aside."""

    frames: NDArray[np.float32]
    windows: NDArray[np.int64]
    middles: NDArray[np.int64]
    learned: NDArray[np.bool_]
    aside: NDArray[np.bool_]


class Crops:
    """Where training takes its pieces from: the movie in memory, or as many clips of it as memory allows.

    A part of the movie, in blocks, is kept aside: its pixels are never a target of training, so the error there tells
    how good a state is, and which one is the best.

    Parameters
    ----------
    frames : (t, y, x)
    scale : Scale
    window : int
    crop_px : int
        Side of the pieces; where the frames are smaller, the frame.
    grid : int
        Sides of pieces are multiples of this; what lies beyond a frame is filled with the mean and never a target.
    memory : float
        Bytes for the frames that are kept.
    bad_frames : frozenset of int
    learn_from : (t,) bool or None
        Frames that may be a target; all good ones where it is None. The others are seen as neighbours.
    kept_aside : float
        Part of the pixels.
    seed : int
    on_step : callable
        Called with (done, total) while the movie is read.

    Raises
    ------
    InputError
        Where there is no frame to learn from.
    """

    def __init__(
        self,
        frames: Frames,
        scale: Scale,
        *,
        window: int,
        crop_px: int,
        grid: int,
        memory: float,
        bad_frames: frozenset[int] = frozenset(),
        learn_from: NDArray[np.bool_] | None = None,
        kept_aside: float = 0.05,
        seed: int = 0,
        on_step: Callable[[int, int], None] | None = None,
    ) -> None:
        count, height, width = (int(n) for n in frames.shape)
        self.window, self.scale, self.grid = window, scale, grid
        self._rng = np.random.default_rng(seed)
        good = np.ones(count, dtype=bool)
        good[sorted(bad_frames)] = False
        wanted = good if learn_from is None else good & learn_from
        if not wanted.any():
            raise InputError("there is no good frame to learn from")
        self.sides = (min(crop_px, height), min(crop_px, width))
        self._clips: list[_Clip] = []
        # a frame's values, two masks of a byte each
        if count * height * width * 6 <= memory:
            self._keep(frames, range(count), slice(0, height), slice(0, width), good, wanted, kept_aside, on_step)
        else:
            spans = self._clip_spans(wanted, height, width, memory)
            for done, (times, y, x) in enumerate(spans):
                self._keep(frames, times, y, x, good, wanted, kept_aside, None)
                if on_step is not None:
                    on_step(done + 1, len(spans))
        sizes = np.array([clip.learned.sum() for clip in self._clips], dtype=float)
        if not sizes.sum() > 0:
            raise InputError("there is no good frame to learn from")
        self._chances = sizes / sizes.sum()
        self.learned_pixels = int(sizes.sum())

    def _clip_spans(
        self, wanted_frames: NDArray[np.bool_], height: int, width: int, memory: float
    ) -> list[tuple[range, slice, slice]]:
        length = min(_CLIP_FRAMES + self.window - 1, len(wanted_frames))
        tall, wide = min(_CLIP_CROPS * self.sides[0], height), min(_CLIP_CROPS * self.sides[1], width)
        wanted = max(1, int(memory // (6 * length * tall * wide)))
        spans: list[tuple[range, slice, slice]] = []
        while len(spans) < wanted:
            t = int(self._rng.integers(0, len(wanted_frames) - length + 1))
            if wanted_frames[t : t + length].any() or not spans:
                y = int(self._rng.integers(0, height - tall + 1))
                x = int(self._rng.integers(0, width - wide + 1))
                spans.append((range(t, t + length), slice(y, y + tall), slice(x, x + wide)))
        return spans

    def _keep(
        self,
        frames: Frames,
        times: range,
        y: slice,
        x: slice,
        good: NDArray[np.bool_],
        wanted: NDArray[np.bool_],
        kept_aside: float,
        on_step: Callable[[int, int], None] | None,
    ) -> None:
        values = np.empty((len(times), y.stop - y.start, x.stop - x.start), dtype=np.float32)
        for place, t in enumerate(times):
            values[place] = self.scale.normalised(frames[t, y, x])
            if on_step is not None:
                on_step(place + 1, len(times))
        here = good[times.start : times.stop] & np.isfinite(values).all(axis=(1, 2))
        values[~here] = 0
        learned = here & wanted[times.start : times.stop]
        if not learned.any():
            return
        blocks = tuple(-(-side // _BLOCK) for side in values.shape[1:])
        chosen = self._rng.random((len(values), *blocks)) < kept_aside
        aside = np.repeat(np.repeat(chosen, _BLOCK, axis=1), _BLOCK, axis=2)[:, : values.shape[1], : values.shape[2]]
        self._clips.append(
            _Clip(
                frames=values,
                windows=window_indices(len(values), self.window, np.flatnonzero(~here)),
                middles=np.flatnonzero(learned),
                learned=~aside & learned[:, None, None],
                aside=aside & learned[:, None, None],
            )
        )

    def batch(self, size: int, rng: np.random.Generator, *, symmetric: bool = True) -> Batch:
        """Random pieces to learn from; where `symmetric`, turned and mirrored, in space and in time, at random."""
        pieces = []
        for which in rng.choice(len(self._clips), size=size, p=self._chances):
            clip = self._clips[which]
            t = int(rng.choice(clip.middles))
            y, x = (int(rng.integers(0, n - side + 1)) for n, side in zip(clip.frames.shape[1:], self.sides))
            pieces.append(self._piece(clip, t, y, x, clip.learned))
        if not symmetric:
            return _joined(pieces)
        square = self.sides[0] == self.sides[1]
        turned = []
        for piece in pieces:
            turns, mirrored = int(rng.integers(0, 4)) * (1 if square else 2), bool(rng.integers(0, 2))
            order = 1 if rng.integers(0, 2) else -1
            arrays = (piece.frames[0, ::order], piece.target[0], piece.counts[0])
            moved = [np.rot90(each, turns, axes=(-2, -1)) for each in arrays]
            moved = [each[..., ::-1] if mirrored else each for each in moved]
            turned.append(Batch(frames=moved[0][None], target=moved[1][None], counts=moved[2][None].astype(bool)))
        return _joined(turned)

    def kept_aside(self, most: int, rng: np.random.Generator) -> list[Batch]:
        """Up to about `most` pieces of what is kept aside, each a batch of its own."""
        pieces: list[Batch] = []
        for clip in self._clips:
            found = np.argwhere(clip.aside[:, ::_BLOCK, ::_BLOCK])
            for t, row, column in found:
                y = self._corner(row * _BLOCK, clip.frames.shape[1], self.sides[0])
                x = self._corner(column * _BLOCK, clip.frames.shape[2], self.sides[1])
                pieces.append(self._piece(clip, int(t), y, x, clip.aside))
        order = rng.permutation(len(pieces))[:most]
        return [pieces[int(i)] for i in order]

    @staticmethod
    def _corner(block: int, size: int, side: int) -> int:
        return min(max(block + _BLOCK // 2 - side // 2, 0), size - side)

    def _piece(self, clip: _Clip, t: int, y: int, x: int, counted: NDArray[np.bool_]) -> Batch:
        rows, columns = slice(y, y + self.sides[0]), slice(x, x + self.sides[1])
        places = clip.windows[t]
        window = clip.frames[places][:, rows, columns]
        window[places == NO_FRAME] = 0
        fill = [(0, -side % self.grid) for side in self.sides]
        return Batch(
            frames=np.pad(window, [(0, 0), *fill])[None],
            target=np.pad(clip.frames[t, rows, columns], fill)[None],
            counts=np.pad(counted[t, rows, columns], fill)[None],
        )


def _joined(pieces: list[Batch]) -> Batch:
    return Batch(
        frames=np.concatenate([each.frames for each in pieces]),
        target=np.concatenate([each.target for each in pieces]),
        counts=np.concatenate([each.counts for each in pieces]),
    )
