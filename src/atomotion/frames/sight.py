"""When the particle can be seen at all, and how many different views a stretch of frames holds."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_RUNNING = 25  # frames that the strength of the lattice is averaged over


def stretches_in_sight(strength: NDArray[np.float64], *, gap: float) -> list[tuple[int, int]]:
    """(start, stop) of the stretches in which the lattice is seen.

    The strength is averaged over 25 frames; where it stays below `gap` times its median, for at least as long, the
    particle is out of focus, or molten, or gone. A particle that merely turns is not seen for a few frames only.

    Parameters
    ----------
    strength : (n,) float
        Lattice energy of every frame.
    gap : float
    """
    running = ndimage.uniform_filter1d(strength, min(_RUNNING, len(strength)), mode="nearest")
    lost = running < gap * np.median(running)
    # short losses, and short sights, belong to what is around them
    lost = ndimage.binary_opening(lost, np.ones(_RUNNING, dtype=bool))
    edges = np.flatnonzero(np.diff(np.concatenate([[1], lost.astype(int), [1]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def correlation_time(strength: NDArray[np.float64]) -> float:
    """Frames after which the particle has turned to a new view, at least 1.

    ``1 + 2 Σ ρ_k`` of the lattice's strength, up to the first lag at which the correlation is not positive. Noise makes
    it smaller; the correlation of neighbouring frames is therefore taken relative to that of the nearest ones.
    """
    count = len(strength)
    rest = strength - strength.mean()
    spectrum = np.abs(np.fft.rfft(rest, 2 * count)) ** 2
    correlation = np.fft.irfft(spectrum)[: max(2, count // 4)] / np.arange(count, count - max(2, count // 4), -1)
    if correlation[0] <= 0 or correlation[1] <= 0:
        return 1.0
    following = correlation[1:] / correlation[1]
    ends = np.flatnonzero(following <= 0)
    following = following[: ends[0]] if len(ends) else following
    # the correlation at lag 0 without noise continues that at lags 1 and 2
    first = min(1.0 / max(following[1], 1e-3), 2.0) if len(following) > 1 else 1.0
    return float(max(1.0, 1.0 + 2.0 * following.sum() / first))
