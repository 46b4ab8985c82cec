"""Frames that cannot be used: values that are not finite, or all the same."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError
from atomotion.io.lazy_frames import LazyFrames

_NAMED = 10


def bad_frames(block: NDArray[np.number], start: int = 0) -> dict[int, str]:
    """Which frames of a block cannot be used, and why.

    Parameters
    ----------
    block : (n, y, x)
    start : int
        Number of the first of them in the movie.

    Returns
    -------
    dict
        Number of the frame in the movie to a few words: "is constant (0)", "has 12 values that are not finite".
    """
    found: dict[int, str] = {}
    for number, frame in enumerate(block, start):
        broken = int(np.count_nonzero(~np.isfinite(frame))) if frame.dtype.kind == "f" else 0
        if broken:
            found[number] = (
                f"has {broken} value{'s' if broken > 1 else ''} that {'are' if broken > 1 else 'is'} not finite"
            )
        elif frame.size > 1 and (frame == frame.flat[0]).all():
            found[number] = f"is constant ({frame.flat[0]:g})"
    return found


def refuse_bad_frames(bad: Mapping[int, str], name: str) -> None:
    """Nothing where `bad` is empty.

    Parameters
    ----------
    bad : mapping
        From `bad_frames`, of one block or of many together.
    name : str
        The movie's.

    Raises
    ------
    InputError
        Naming the frames, their trouble, and the flag that leaves them out.
    """
    if not bad:
        return
    named = "; ".join(f"frame {number} {reason}" for number, reason in sorted(bad.items())[:_NAMED])
    more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    raise InputError(
        f"{name} has {len(bad)} bad frame{'s' if len(bad) > 1 else ''}: {named}{more}; "
        "--bad-frames skip leaves them out"
    )


class Checked(LazyFrames):
    """Frames that are refused when they are read and cannot be used.

    Parameters
    ----------
    below : Frames
    name : str
        The movie's, for the message.
    known : collection of int
        Bad frames that whoever reads knows how to deal with.
    """

    def __init__(self, below: Frames, name: str, known: Collection[int] = ()) -> None:
        count, height, width = below.shape
        super().__init__((count, height, width), below.dtype)
        self.below, self.name, self.known = below, name, frozenset(known)

    def _read(self, frames: range, y: slice, x: slice) -> NDArray[Any]:
        block = self.below[frames.start : frames.stop : frames.step, y, x]
        found = bad_frames(block)
        bad = {frames[place]: reason for place, reason in found.items() if frames[place] not in self.known}
        refuse_bad_frames(bad, self.name)
        return block
