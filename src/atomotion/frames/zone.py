"""Which zone axis of an FCC crystal lies along the beam, guessed from the peaks of one frame."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from atomotion.frames.peaks import FramePeaks

_AXES = ((1, 1, 0), (1, 0, 0), (1, 1, 1), (2, 1, 1), (3, 1, 0))
_NEAR = 0.05  # distance of a peak from its place, as a part of |k| of (111)
_REACH = 0.9  # rings up to here are looked at [1/Å]


def zone_axis(peaks: FramePeaks, lattice: float, *, within: float = _REACH) -> str:
    """``"110"``, ``"100"``, ``"111"``, ``"211"`` or ``"310"``; ``"row"`` for fringes of one direction, else empty.

    Every low-index pattern is turned so that one of its reflections lies on the strongest peak; the one that puts
    reflections on most of the peaks' height, with the fewest reflections left over, wins. It takes peaks in at least
    two directions.

    Parameters
    ----------
    peaks : FramePeaks
    lattice : float [Å]
        Lattice parameter.
    within : float [1/Å]
        Peaks beyond are not looked at.
    """
    length = np.hypot(peaks.k[:, 0], peaks.k[:, 1])
    k, height = peaks.k[length < within], np.sqrt(peaks.height[length < within])
    if len(k) == 0 or not np.isfinite(lattice):
        return ""
    angle = np.arctan2(k[:, 1], k[:, 0])
    apart = np.abs((angle - angle[0] + np.pi / 2) % np.pi - np.pi / 2)
    if np.all(apart < np.deg2rad(8)):
        return "row"
    best, name = 0.0, ""
    for axis in _AXES:
        score = _score(k, height, _pattern(axis, lattice, within))
        if score > best + 1e-9:
            best, name = score, "".join(str(index) for index in axis)
    return name if best > 0.5 else ""


def _score(k: NDArray[np.float64], height: NDArray[np.float64], pattern: NDArray[np.float64]) -> float:
    if len(pattern) == 0:
        return 0.0
    near = _NEAR * float(np.hypot(*pattern.T).min())
    lead, best = k[0], 0.0
    for spot in pattern:
        ratio = np.hypot(*spot) / np.hypot(*lead)
        if abs(np.log(ratio)) > 0.06:
            continue
        turn = np.arctan2(lead[1], lead[0]) - np.arctan2(spot[1], spot[0])
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        turned = pattern @ rotation.T
        both = np.concatenate([turned, -turned])
        distance = np.hypot(*(k[:, None] - both[None]).transpose(2, 0, 1))
        hit = distance.min(axis=1) < 1.5 * near
        if hit.sum() < 2:
            continue
        found = np.minimum(distance[:, : len(turned)], distance[:, len(turned) :]).min(axis=0) < 1.5 * near
        # a peak that the pattern has no place for speaks against it more than a reflection that is not seen
        score = float((height * hit).sum() / height.sum()) * (0.6 + 0.4 * float(found.mean()))
        best = max(best, score)
    return best


def _pattern(axis: tuple[int, int, int], lattice: float, within: float) -> NDArray[np.float64]:
    """(m, 2) reflections [1/Å] of the zone, one of each pair ±k."""
    beam = np.array(axis, dtype=float) / np.linalg.norm(axis)
    first = np.cross(beam, [0.0, 0.0, 1.0] if abs(beam[2]) < 0.9 else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    second = np.cross(beam, first)
    spots = []
    for hkl in product(range(-4, 5), repeat=3):
        same = len({index % 2 for index in hkl}) == 1
        vector = np.array(hkl, dtype=float)
        length = np.linalg.norm(vector) / lattice
        if same and 0 < length < within and abs(vector @ beam) < 1e-9 and hkl > tuple(-index for index in hkl):
            spots.append([vector @ first / lattice, vector @ second / lattice])
    return np.array(spots).reshape(-1, 2)
