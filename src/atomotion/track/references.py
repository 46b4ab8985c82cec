"""What each frame is compared with: the average of the frames around it that show the same content."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.track.spectra import Spectra, wiener

_ALIKE = 0.5  # of the stronger one's signal that two groups must share, unless noise leaves it open
_OPEN = 2.0  # standard deviations of doubt in favour of the same content


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """Which frames make the average that a frame is compared with.

    Parameters
    ----------
    half : int
        Frames on either side.
    group : int
        Frames whose content is judged together.
    used : (n,) bool
        Frames that may enter averages.
    alike : bool
        Whether groups that show something else than the frame's own stay out. That is to be seen only along a path that
        is nearly right: frames laid onto each other wrongly show different things too.
    """

    half: int
    group: int
    used: NDArray[np.bool_]
    alike: bool


def references(
    spectra: Spectra, path: NDArray[np.floating], around: Around
) -> Iterator[tuple[int, NDArray[np.complex64], NDArray[np.complex64]]]:
    """For every good frame: its index, its spectrum, and the average of frames around it without the frame itself.

    The frames of the average are brought back along `path` (n, 2); it is weighted with ``S / (S + N)``, see `wiener`.
    """
    sums, counts, own = _group_sums(spectra, path, around)
    reach = max(1, int(np.ceil(around.half / around.group)))
    windows = [np.arange(max(0, g - reach), min(len(sums), g + reach + 1)) for g in range(len(sums))]
    if around.alike:
        windows = similar_groups(spectra, sums, counts, own, windows)
    for g, window in enumerate(windows):
        total = sums[window].sum(axis=0, dtype=np.complex128)
        count = float(counts[window].sum())
        for i in range(g * around.group, min(len(spectra), (g + 1) * around.group)):
            inside = float(spectra.counts[i]) if around.used[i] else 0.0
            if spectra.counts[i] and count > inside:
                rest = total - _aligned(spectra, path, i) if inside else total
                average = np.asarray(rest / (count - inside), dtype=np.complex128)
                yield i, spectra.moving(i), wiener(average, spectra.noise / (count - inside))


def similar_groups(
    spectra: Spectra,
    sums: NDArray[np.complex64],
    counts: NDArray[np.floating],
    own: NDArray[np.floating],
    windows: list[NDArray[np.intp]],
) -> list[NDArray[np.intp]]:
    """For every group those of its window, itself included, that show the same content as far as noise tells.

    A particle that has melted fits its lattice of before somewhere, by chance, and that would be taken for a
    displacement. Of two groups' means the energy ``e = Re sum_k w conj(A) B`` that they share is free of noise, and so
    is what a group shares with itself when the squares of its single frames are left out. Groups are alike unless e is
    below half of the larger of those by two standard deviations, ``var e = b / (m n) + E (1 / m + 1 / n)`` for m and n
    frames and b coefficients.

    Parameters
    ----------
    spectra : Spectra
    sums : (g, ky, kx)
        Sums of aligned frames.
    counts : (g,)
        Frames in each.
    own : (g,)
        Energy that a group shares with itself per pair of frames; NaN where it has fewer than two.
    windows : list of (w,) int
        Groups that may be averaged with each group. A group without frames keeps its whole window.
    """
    weighted = sums * np.sqrt(spectra.weight) / np.maximum(counts, 1.0).astype(np.float32)[:, None, None]
    flat = weighted.reshape(len(sums), -1).view(np.float32)
    coefficients = 0.5 * float(np.sum((spectra.weight * spectra.noise) ** 2))
    result = []
    for g, window in enumerate(windows):
        if counts[g] == 0:
            result.append(window)
            continue
        shared = np.sum(flat[window] * flat[g], axis=1, dtype=float)
        signal = np.fmax(np.fmax(own[window], own[g]), 0.0)
        m, n = float(counts[g]), np.maximum(counts[window], 1.0)
        doubt = np.sqrt(coefficients / (m * n) + signal * (1.0 / m + 1.0 / n))
        keep = (shared + _OPEN * doubt >= _ALIKE * signal) | (window == g)
        result.append(window[keep])
    return result


def _group_sums(
    spectra: Spectra, path: NDArray[np.floating], around: Around
) -> tuple[NDArray[np.complex64], NDArray[np.floating], NDArray[np.floating]]:
    """Sums of aligned frames (g, ky, kx), their numbers of frames (g,), and the energy shared within each (g,)."""
    size = around.group
    starts = range(0, len(spectra), size)
    sums = np.zeros((len(starts), *spectra.values.shape[1:]), dtype=np.complex64)
    counts, own = np.zeros(len(starts)), np.full(len(starts), np.nan)
    for g, start in enumerate(starts):
        members = [i for i in range(start, min(len(spectra), start + size)) if spectra.counts[i] and around.used[i]]
        single = squares = 0.0
        for i in members:
            turned = _aligned(spectra, path, i)
            sums[g] += turned
            single += float(np.sum(np.abs(turned) ** 2 * spectra.weight))
            squares += float(spectra.counts[i]) ** 2
        counts[g] = spectra.counts[members].sum()
        if len(members) > 1:
            whole = float(np.sum(np.abs(sums[g]) ** 2 * spectra.weight))
            own[g] = (whole - single) / (counts[g] ** 2 - squares)
    return sums, counts, own


def _aligned(spectra: Spectra, path: NDArray[np.floating], i: int) -> NDArray[np.complexfloating]:
    turned: NDArray[np.complexfloating] = spectra.counts[i] * spectra.moving(i) * spectra.phase(path[i])
    return turned
