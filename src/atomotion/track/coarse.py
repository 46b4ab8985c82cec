"""A first, coarse path of the sample: averages of a few frames, one after the other."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from atomotion.track.config import DriftConfig
from atomotion.track.path import likelihood, most_probable_path
from atomotion.track.references import Around
from atomotion.track.spectra import Spectra, wiener

_VISIBLE = 7.0  # robust standard deviations: the peak of a correlation that is no accident
_LARGEST_CHUNK = 32
_SHOWN = 0.4  # of the average before it: a chunk that shows less shows something else
_FORGOTTEN = 0.05  # of that average, with every chunk


def displacement_grid(spectra: Spectra, reach: float) -> NDArray[np.floating]:
    """(g,) displacements up to `reach` [px] that are tried along an axis, four to the finest period."""
    spacing = 0.25 / float(spectra.kx[-1])
    count = max(2, int(np.ceil(reach / spacing)))
    return np.arange(-count, count + 1) * spacing


def coarse_path(spectra: Spectra, config: DriftConfig) -> NDArray[np.floating]:
    """(n, 2) dx dy of every frame [px], from averages of so many frames that the sample shows in them."""
    n = len(spectra)
    size = config.chunk_frames or _visible_chunk(spectra)
    chunks = spectra.means(size)
    k = np.hypot(spectra.ky[:, None], spectra.kx[None, :])
    # fringes fit as well one period away; the outline of the sample does not
    outline = replace(chunks, weight=chunks.weight * np.exp(-((3 * k / spectra.kx[-1]) ** 4)))
    path = _one_after_the_other(outline, size)
    half = max(2, config.reference_frames // 2 // size)
    grid = displacement_grid(spectra, config.search_px)
    step = max(0.2 * np.sqrt(size) + 0.05 * size, float(grid[1] - grid[0]))
    around = Around(half=half, group=1, used=np.ones(len(chunks), dtype=bool), alike=False)
    for band in (outline, chunks, chunks):
        path, _, shows = most_probable_path(band, path, path, around, grid, step)
        around = replace(around, used=shows)
    starts = np.arange(len(chunks)) * size
    middle = starts + 0.5 * (np.minimum(size, n - starts) - 1)
    return np.stack([np.interp(np.arange(n), middle, path[:, axis]) for axis in (0, 1)], axis=1)


def _one_after_the_other(chunks: Spectra, size: int) -> NDArray[np.floating]:
    """Each chunk where it fits best the average of those before it; far from the last one only for good reason.

    A chunk that shows little of that average anywhere has changed; it is taken to be where the last one was, and the
    average begins anew.
    """
    grid = _whole_frame(chunks)
    far = grid[:, None] ** 2 + grid[None, :] ** 2
    path = np.zeros((len(chunks), 2))
    total, seen = chunks.counts[0] * chunks.moving(0).astype(np.complex128), float(chunks.counts[0])
    for j in range(1, len(chunks)):
        path[j] = path[j - 1]
        if chunks.counts[j] and seen:
            reference = wiener(total / seen, chunks.noise / seen)
            product = np.conj(reference) * chunks.moving(j) * chunks.phase(path[j])
            surface = chunks.counts[j] * likelihood(chunks, product[None], grid)[0]
            surface -= 1.5 * np.log1p(far / (1.0 + 0.5 * size) ** 2)
            y, x = np.unravel_index(int(surface.argmax()), surface.shape)
            path[j] += grid[x], grid[y]
            energy = float(np.sum(chunks.weight * np.abs(reference) ** 2))
            shown = float(np.sum((product * chunks.phase(path[j] - path[j - 1])).real * chunks.weight))
            if shown < _SHOWN * energy:
                path[j], total, seen = path[j - 1], np.zeros_like(total), 0.0
        total *= 1 - _FORGOTTEN
        seen *= 1 - _FORGOTTEN
        total += chunks.counts[j] * chunks.moving(j) * chunks.phase(path[j])
        seen += float(chunks.counts[j])
    return path


def _visible_chunk(spectra: Spectra) -> int:
    """How many frames must be averaged until two neighbouring averages show the same sample."""
    grid = _whole_frame(spectra)
    size = 1
    while 2 * size <= min(_LARGEST_CHUNK, len(spectra) // 8):
        chunks = spectra.means(size)
        pairs = np.linspace(0, len(chunks) - 2, min(12, len(chunks) - 1)).round().astype(int)
        heights = []
        for j in pairs[(chunks.counts[pairs] > 0) & (chunks.counts[pairs + 1] > 0)]:
            surface = likelihood(chunks, (np.conj(chunks.moving(j)) * chunks.moving(j + 1))[None], grid)[0]
            away = surface - np.median(surface)
            heights.append(away.max() / (1.4826 * np.median(np.abs(away)) + 1e-30))
        if heights and np.median(heights) > _VISIBLE:
            return size
        size *= 2
    return size


def _whole_frame(spectra: Spectra) -> NDArray[np.floating]:
    """Displacements up to a quarter of the frame."""
    return displacement_grid(spectra, 0.25 / float(max(abs(spectra.ky[1]), spectra.kx[1])))
