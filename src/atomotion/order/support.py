"""What rises above the straight surface of a support."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_TOLERANCE = 3.0  # px that the surface may be off a line
_LEAST_SIDE = 0.6  # share of the frame's side that a support covers
_LEAST_SURFACE = 0.2  # share of the side along which the bare surface must be seen
_TRIALS = 300


def bump_over_line(specimen: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Masks of what rises above a support, one for each side of the frame along which there is one.

    From the given side, the specimen's height along that side is measured; the line that most heights lie on is the
    support's surface (random sample consensus), and what is higher belongs to the bump.

    Parameters
    ----------
    specimen : (y, x) bool
        Support and particle together.

    Yields
    ------
    (y, x) bool
    """
    for turns in range(4):
        turned = np.rot90(specimen, turns)
        bump = _above_bottom(turned)
        if bump is not None:
            yield np.rot90(bump, -turns)


def _above_bottom(specimen: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    rows, columns = specimen.shape
    if specimen[-1].mean() < _LEAST_SIDE:
        return None
    from_bottom = specimen[::-1]
    height = np.where(from_bottom.all(axis=0), rows, np.argmin(from_bottom, axis=0)).astype(float)
    x = np.arange(columns, dtype=float)
    rng = np.random.default_rng(0)  # the same frame gives the same line
    best, most = np.zeros(columns), 0
    for first, second in rng.integers(0, columns, (_TRIALS, 2)):
        if first == second:
            continue
        line = height[first] + (height[second] - height[first]) * (x - first) / (second - first)
        agree = (np.abs(height - line) <= _TOLERANCE) & (height > 0)
        if agree.sum() > most:
            best, most = agree, int(agree.sum())
    if most < _LEAST_SURFACE * columns:
        return None
    slope, offset = np.polyfit(x[best.astype(bool)], height[best.astype(bool)], 1)
    surface = slope * x + offset + _TOLERANCE
    above = (rows - 1 - np.arange(rows))[:, None] >= surface[None, :]
    bump = specimen & above
    return bump if bump.any() else None
