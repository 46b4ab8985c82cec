"""Which frames stand around a frame, at the ends of a movie and beside bad frames too."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

NO_FRAME = -1


def window_indices(count: int, window: int, bad_frames: Collection[int] = ()) -> NDArray[np.int64]:
    """The frames of every frame's window.

    Beyond the ends the movie goes on mirrored at its first and last frame. A bad frame is replaced by the nearest good
    one that is not the middle one itself: a network that must not see a pixel of the middle frame finds it nowhere
    else in the window. Where there is no other good frame the place is empty.

    Parameters
    ----------
    count : int
        Frames of the movie.
    window : int
        Frames of a window, an odd number.
    bad_frames : collection of int

    Returns
    -------
    (count, window) int64
        `NO_FRAME` for an empty place. The middle of a bad frame's window is a good neighbour.
    """
    reach = window // 2
    good = np.array(sorted(set(range(count)) - set(bad_frames)), dtype=np.int64)
    indices = np.full((count, window), NO_FRAME, dtype=np.int64)
    if len(good) == 0:
        return indices
    for t in range(count):
        middle = int(good[np.argmin(np.abs(good - t))])
        others = good[good != middle]
        indices[t, reach] = middle
        for place in (place for place in range(window) if place != reach and len(others)):
            wanted = t + place - reach
            if not 0 <= wanted < count:
                wanted = min(max(2 * t - wanted, 0), count - 1)
            indices[t, place] = others[np.argmin(np.abs(others - wanted))]
    return indices
