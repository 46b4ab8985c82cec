"""The windows to reconstruct: stretches of frames in which the particle is in sight and stays one structure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from atomotion.data import UsageError
from atomotion.frames.changes import SizeChange
from atomotion.frames.config import WindowsConfig
from atomotion.frames.diameter import SizeEvidence
from atomotion.frames.sight import correlation_time, stretches_in_sight
from atomotion.frames.splits import long_run_sd

_SURE = 3.0  # standard errors
_ORIENTATION_ERROR = 0.02  # of a diameter, for the trend within a window


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """One window of boxes [start, stop).

    Parameters
    ----------
    start, stop : int
        Boxes start, start + 1, ..., stop - 1.
    reason : str
        Why it begins where it begins.
    """

    start: int
    stop: int
    reason: str


def propose_windows(
    evidence: SizeEvidence, changes: Sequence[SizeChange], config: WindowsConfig, *, count: int, monolayer: float
) -> list[Window]:
    """The windows of a series of `count` boxes.

    - Where the lattice is out of sight (`stretches_in_sight`) there is no window.
    - A new window begins at every change of size.
    - A window over which the diameter drifts by more than `monolayer` [Å], and by more than three standard errors, is
      cut into equal parts with less, as far as ``config.min_frames`` allows.
    - Windows longer than ``config.max_frames`` are cut evenly.
    - Pieces shorter than ``config.min_frames`` are left out.
    """
    if count < 2 * config.min_frames:
        reason = f"too few frames ({count}) to look for changes in windows of {config.min_frames}"
        return _cut_long([Window(start=0, stop=count, reason=reason)], config)
    frames = evidence.frames
    sights = [
        (_frame(frames, a, count), _frame(frames, b, count))
        for a, b in stretches_in_sight(evidence.strength, gap=config.gap)
    ]
    found = []
    for start, stop in sights:
        reasons = {start: "the series begins" if start == 0 else "the lattice comes into sight"}
        reasons |= {
            int(frames[each.at]): f"the number of atoms changes by {each.atoms:+.0%} "
            f"(gain {each.gain:.3g}, needed {each.price:.3g})"
            for each in changes
            if start + config.min_frames <= frames[each.at] <= stop - config.min_frames
        }
        found += [Window(start=a, stop=b, reason=reasons[a]) for a, b in pairwise([*sorted(reasons), stop])]
    found = [each for each in found if each.stop - each.start >= config.min_frames]
    found = [part for each in found for part in _cut_drifting(each, evidence, config, monolayer)]
    return _cut_long(found, config)


def _frame(frames: NDArray[np.intp], position: int, count: int) -> int:
    if position <= 0:
        return 0
    return int(frames[position]) if position < len(frames) else count


def _cut_drifting(window: Window, evidence: SizeEvidence, config: WindowsConfig, monolayer: float) -> list[Window]:
    first, last = np.searchsorted(evidence.frames, [window.start, window.stop])
    length = int(last - first)
    if length < 2 * config.min_frames:
        return [window]
    sizes = evidence.model.single_diameters(int(first), int(last))
    at = np.arange(length) / length - 0.5
    slope = float(12.0 * (at * sizes).mean())
    rest = (sizes - sizes.mean() - slope * at)[:, None]
    error = float(np.hypot(
        np.sqrt(12.0 / length) * long_run_sd(rest, config.block_frames)[0], _ORIENTATION_ERROR * sizes.mean()
    ))  # fmt: skip
    if abs(slope) <= monolayer or abs(slope) <= _SURE * error:
        return [window]
    parts = min(int(np.ceil(abs(slope) / monolayer)), (window.stop - window.start) // config.min_frames)
    reason = f"the diameter drifts by {slope:+.2g} Å over frames {window.start} to {window.stop - 1}, over a monolayer"
    return _evenly(window, parts, reason)


def _cut_long(windows: list[Window], config: WindowsConfig) -> list[Window]:
    if config.max_frames is None:
        return windows
    reason = f"windows are at most {config.max_frames} frames"
    return [
        part for each in windows for part in _evenly(each, -(-(each.stop - each.start) // config.max_frames), reason)
    ]


def _evenly(window: Window, parts: int, reason: str) -> list[Window]:
    edges = np.linspace(window.start, window.stop, max(parts, 1) + 1).round().astype(int)
    cut = [Window(start=int(a), stop=int(b), reason=reason) for a, b in pairwise(edges)]
    return [replace(cut[0], reason=window.reason), *cut[1:]]


def given_windows(text: str, count: int) -> list[Window]:
    """Windows written as ``0-400,450-800``: first frame, and the frame after the last.

    Raises
    ------
    UsageError
        Where the text is no list of windows, or a window is empty or lies outside of the series.
    """
    windows = []
    for word in text.replace(";", ",").split(","):
        ends = word.replace(":", "-").split("-")
        try:
            start, stop = (int(end) for end in ends)
        except ValueError:
            raise UsageError(
                f"a window cannot be {word.strip()!r}; give first frame and the one after the last, e.g. 0-400,450-800"
            ) from None
        if not 0 <= start < stop <= count:
            raise UsageError(f"the window {word.strip()} does not lie within the series of {count} frames")
        windows.append(Window(start=start, stop=stop, reason="given"))
    return windows


def views_of(evidence: SizeEvidence, window: Window) -> float:
    """How many distinct views of the particle a window holds: its frames over the correlation time of the lattice."""
    inside = (evidence.frames >= window.start) & (evidence.frames < window.stop)
    return float(inside.sum()) / correlation_time(evidence.strength)
