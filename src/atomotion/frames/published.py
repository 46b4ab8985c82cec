"""Windows as the published work chose them, by rules instead of by eye."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atomotion.frames.config import WindowsConfig
from atomotion.frames.windows import Window

_RUNNING = 100  # frames, as in the paper's moving average
_SHARE = 0.25  # of crystalline frames, from which on an interval counts


def published_windows(
    crystalline: NDArray[np.bool_], regions: NDArray[np.float64], config: WindowsConfig, *, monolayer: float
) -> list[Window]:
    """Intervals in which crystalline frames appear, cut wherever the diameter has changed by one monolayer.

    The paper took the intervals in which frames above the threshold of the largest Fourier peak cluster, and kept the
    change of the projected diameter over each below the distance of (111) planes, both by eye. Here an interval counts
    where at least a quarter of 100 frames is crystalline, and the diameter is the moving average over 100 frames of
    those of the crystalline regions. Changes of less than a monolayer it does not see.

    Parameters
    ----------
    crystalline : (n,) bool
    regions : (n,) float [Å]
        Diameters of the crystalline regions; NaN for frames without.
    config : WindowsConfig
    monolayer : float [Å]

    References
    ----------
    Kang et al., Nat. Commun. 16 (2025), "Time-resolved Brownian tomography" and Fig. 1d.
    """
    count = len(crystalline)
    size = min(_RUNNING, count)
    share = ndimage.uniform_filter1d(crystalline.astype(float), size, mode="nearest")
    seen = np.concatenate([[0], (share >= _SHARE).astype(int), [0]])
    edges = np.flatnonzero(np.diff(seen))
    known = np.flatnonzero(np.isfinite(regions))
    if len(known) == 0:
        return []
    filled = np.interp(np.arange(count), known, regions[known])
    running = ndimage.uniform_filter1d(filled, size, mode="nearest")
    windows = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        cuts = [int(start)]
        for frame in range(int(start), int(stop)):
            if abs(running[frame] - running[cuts[-1]]) > monolayer and frame - cuts[-1] >= config.min_frames:
                cuts.append(frame)
        for a, b in pairwise([*cuts, int(stop)]):
            reason = "crystalline frames appear" if a == start else "the diameter has changed by one monolayer"
            if b - a >= config.min_frames:
                windows.append(Window(start=a, stop=b, reason=reason))
    return windows
