"""What each frame is compared with: the average of the frames around it that show the same content."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from atomotion.track.spectra import Spectra, wiener

_ALIKE = 0.5  # of their own signal that two groups must share, unless noise leaves it open
_OPEN = 2.0  # standard deviations of doubt in favour of the same content


def references(
    spectra: Spectra, path: NDArray[np.floating], half: int, size: int
) -> Iterator[tuple[int, NDArray[np.complex64], NDArray[np.complex64]]]:
    """For every good frame: its index, its spectrum, and the average of frames around it without the frame itself.

    Frames are taken in groups of `size`, up to `half` frames away, brought back along `path` (n, 2). Groups that clearly
    show something else than the frame's own group stay out: a particle that has melted fits its lattice of before
    somewhere, by chance, and that would be taken for a displacement. The average is weighted with ``S / (S + N)``.
    """
    sums, counts, own = _group_sums(spectra, path, size)
    alike = similar_groups(spectra, sums, counts, own, max(1, int(np.ceil(half / size))))
    for g, around in enumerate(alike):
        total = np.tensordot(counts[around] > 0, sums[around], axes=1).astype(np.complex128)
        count = float(counts[around].sum())
        for i in range(g * size, min(len(spectra), (g + 1) * size)):
            others = count - float(spectra.counts[i])
            if spectra.counts[i] and others > 0:
                average = (total - _aligned(spectra, path, i)) / others
                yield i, spectra.moving(i), wiener(average, spectra.noise / others)


def similar_groups(
    spectra: Spectra,
    sums: NDArray[np.complex64],
    counts: NDArray[np.floating],
    own: NDArray[np.floating],
    reach: int,
) -> list[NDArray[np.intp]]:
    """For every group the groups up to `reach` away, itself included, that show the same content as far as noise tells.

    Of two groups' means the energy ``e = Re sum_k w conj(A) B`` that they share is free of noise, and so is what a group
    shares with itself when the squares of its single frames are left out. Groups are alike unless e is below half of
    that by two standard deviations, ``var e = b / (m n) + E (1 / m + 1 / n)`` for m and n frames and b coefficients.

    Parameters
    ----------
    spectra : Spectra
    sums : (g, ky, kx)
        Sums of aligned frames.
    counts : (g,)
        Frames in each.
    own : (g,)
        Energy that a group shares with itself per pair of frames; NaN for groups of one.
    reach : int
    """
    weighted = sums * np.sqrt(spectra.weight) / np.maximum(counts, 1.0)[:, None, None].astype(np.float32)
    flat = weighted.reshape(len(sums), -1).view(np.float32)
    coefficients = 0.5 * float(np.sum((spectra.weight * spectra.noise) ** 2))
    windows = [np.arange(max(0, g - reach), min(len(sums), g + reach + 1)) for g in range(len(sums))]
    shared = [flat[window] @ flat[g] for g, window in enumerate(windows)]
    signal = own.copy()
    for g in np.flatnonzero(~np.isfinite(own)):
        # a group of one is measured by its nearest neighbours, the better of the two
        near = [float(shared[g][np.flatnonzero(windows[g] == h)[0]]) for h in (g - 1, g + 1) if 0 <= h < len(sums)]
        signal[g] = max(near, default=0.0)
    result = []
    for g, window in enumerate(windows):
        least = np.maximum(np.minimum(signal[window], signal[g]), 0.0)
        m, n = max(float(counts[g]), 1.0), np.maximum(counts[window], 1.0)
        doubt = np.sqrt(coefficients / (m * n) + least * (1.0 / m + 1.0 / n))
        keep = (shared[g] + _OPEN * doubt >= _ALIKE * least) | (window == g)
        result.append(window[keep & (counts[window] > 0)])
    return result


def _group_sums(
    spectra: Spectra, path: NDArray[np.floating], size: int
) -> tuple[NDArray[np.complex64], NDArray[np.floating], NDArray[np.floating]]:
    """Sums of aligned frames (g, ky, kx), their numbers of frames (g,), and the energy shared within each (g,)."""
    starts = range(0, len(spectra), size)
    sums = np.zeros((len(starts), *spectra.values.shape[1:]), dtype=np.complex64)
    counts, own = np.zeros(len(starts)), np.full(len(starts), np.nan)
    for g, start in enumerate(starts):
        members = [i for i in range(start, min(len(spectra), start + size)) if spectra.counts[i]]
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
