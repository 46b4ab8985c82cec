"""When a simulated particle is ordered and when it is not."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from atomotion.data.errors import UsageError
from atomotion.simulate.config import MovieConfig


def telegraph(
    n: int, *, frame_time: float, ordered_time: float, disordered_time: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(n,) bool, True where a particle that switches at random between two states is ordered.

    Both lifetimes are exponential; the particle starts ordered, and a frame has the state of its middle.

    Parameters
    ----------
    n : int
    frame_time, ordered_time, disordered_time : float [s]
        Means of the two lifetimes.
    rng : numpy.random.Generator
    """
    middles = (np.arange(n) + 0.5) * frame_time
    switches: list[float] = []
    now = 0.0
    for mean in cycle((ordered_time, disordered_time)):
        now += float(rng.exponential(mean))
        if now > n * frame_time:
            break
        switches.append(now)
    ordered: NDArray[np.bool_] = np.searchsorted(np.array(switches), middles) % 2 == 0
    return ordered


def listed(n: int, lengths: str) -> NDArray[np.bool_]:
    """(n,) bool, True in the ordered periods of a list such as ``60 20 40``; the last period lasts to the end.

    Raises
    ------
    UsageError
        Where `lengths` is no list of whole numbers.
    """
    try:
        frames = [int(word) for word in lengths.replace(",", " ").split()]
    except ValueError:
        frames = []
    if not frames or min(frames) < 0:
        raise UsageError(f"periods cannot be {lengths!r}; give numbers of frames, ordered first, e.g. '60 20 40 30'")
    starts = np.cumsum(frames)[:-1]
    ordered: NDArray[np.bool_] = np.searchsorted(starts, np.arange(n), side="right") % 2 == 0
    return ordered


def states_of(config: MovieConfig, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(n,) bool, True in the frames in which the particle of this movie is ordered.

    Raises
    ------
    UsageError
        Where periods and lifetimes are both given, or only one lifetime.
    """
    times = (config.ordered_time, config.disordered_time)
    if config.periods is not None:
        if times != (None, None):
            raise UsageError("both periods and lifetimes of the states are given; give one of them")
        return listed(n, config.periods)
    if config.ordered_time is None and config.disordered_time is None:
        return np.ones(n, dtype=bool)
    if config.ordered_time is None or config.disordered_time is None:
        raise UsageError("a particle that switches needs both ordered_time and disordered_time")
    return telegraph(
        n,
        frame_time=config.frame_time,
        ordered_time=config.ordered_time,
        disordered_time=config.disordered_time,
        rng=rng,
    )


def equal_parts(frames: int, states: int) -> NDArray[np.intp]:
    """(frames,) index of the state of every frame, where each state lasts for the same part of the movie."""
    return np.asarray(np.arange(frames) * states // frames, dtype=np.intp)


def lasting(lengths: Sequence[int], frames: int) -> NDArray[np.intp]:
    """(frames,) index of the state of every frame, from the number of frames of each; the last lasts to the end.

    Raises
    ------
    UsageError
        For no state, and for states without frames.
    """
    if len(lengths) == 0 or min(lengths) < 1:
        raise UsageError("every state of a particle needs at least one frame")
    starts = np.cumsum(lengths)[:-1]
    return np.asarray(np.searchsorted(starts, np.arange(frames), side="right"), dtype=np.intp)
