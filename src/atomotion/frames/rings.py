"""Where the particle is in its boxes, and what lies in rings around it."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from atomotion.data import InputError
from atomotion.frames.maps import BoxMaps

RING_WIDTH = 1.2  # [Å]
_BLOCK = 50  # frames whose common centre is found together
_SMOOTH = 1.5  # blur of the maps before they are cut [Å]
_SEEN = 6.0  # standard errors by which the particle stands above its surroundings


def rough_place(maps: BoxMaps) -> tuple[float, float, float]:
    """(x, y, radius) in cells of the particle in the mean lattice energy of all good frames.

    The energy is cut by Otsu's threshold; the largest part is the particle.

    Raises
    ------
    InputError
        Where no lattice stands above the noise in the middle of the boxes.
    """
    energy = maps.lattice[maps.good].mean(axis=0)
    blurred = ndimage.gaussian_filter(energy, _SMOOTH / maps.cell)
    parts, count = ndimage.label(blurred > threshold_otsu(blurred))
    sizes = ndimage.sum_labels(np.ones_like(blurred), parts, np.arange(1, count + 1))
    inside = parts == 1 + int(np.argmax(sizes))
    weight = np.where(inside, blurred - blurred[~inside].mean(), 0.0)
    y, x = ndimage.center_of_mass(np.maximum(weight, 0.0))
    radius = float(np.sqrt(inside.sum() / np.pi))
    _check_seen(maps, inside, ndimage.distance_transform_edt(~inside) * maps.cell > 3.0)
    return float(x), float(y), radius


def _check_seen(maps: BoxMaps, inside: NDArray[np.bool_], outside: NDArray[np.bool_]) -> None:
    """Refuse a series in which the region found in one half of the frames does not stand out in the other."""
    energy = maps.lattice[maps.good]
    first, second = energy[::2].mean(axis=0), energy[1::2].mean(axis=0)
    for chosen, judged in ((first, second), (second, first)):
        blurred = ndimage.gaussian_filter(chosen, _SMOOTH / maps.cell)
        part = blurred > threshold_otsu(blurred)
        part &= ndimage.binary_dilation(inside, iterations=2)
        rest = ~ndimage.binary_dilation(part, iterations=3)
        if part.sum() < 4 or rest.sum() < 16:
            continue
        # cells share energy with their neighbours, over about four of them
        error = judged[rest].std() * np.sqrt(4.0 / part.sum() + 4.0 / rest.sum())
        if judged[part].mean() - judged[rest].mean() > _SEEN * error:
            return
    raise InputError(
        "no lattice is seen anywhere in the boxes: they look like noise; check the series, its pixel size and the "
        "lattice band (--longest, --shortest)"
    )


def centres_of(maps: BoxMaps, place: tuple[float, float, float]) -> NDArray[np.float64]:
    """(n, 2) x y [cells] of the particle, from the lattice energy of blocks of frames.

    Parameters
    ----------
    maps : BoxMaps
    place : (x, y, radius) [cells]
        Where it is on average; see `rough_place`.
    """
    x0, y0, radius = place
    energy, count = maps.lattice, len(maps)
    edges = np.linspace(0, count, max(1, count // _BLOCK) + 1).round().astype(int)
    y, x = np.indices(energy.shape[1:])
    found = []
    for start, stop in pairwise(edges):
        use = maps.good[start:stop]
        cx, cy = x0, y0
        if use.any():
            mean = energy[start:stop][use].mean(axis=0)
            for _ in range(4):
                distance = np.hypot(x - cx, y - cy)
                ground = np.median(mean[distance > 1.4 * radius]) if (distance > 1.4 * radius).any() else mean.min()
                weight = np.where(distance < 1.25 * radius + 1.0, np.maximum(mean - ground, 0.0), 0.0)
                if weight.sum() <= 0:
                    break
                cx, cy = float((weight * x).sum() / weight.sum()), float((weight * y).sum() / weight.sum())
        found.append((cx, cy))
    middles = 0.5 * (edges[:-1] + edges[1:] - 1)
    at = np.arange(count)
    return np.column_stack([np.interp(at, middles, [each[axis] for each in found]) for axis in (0, 1)])


def ring_weights(
    shape: tuple[int, ...], centre: tuple[float, float], *, cell: float, count: int
) -> NDArray[np.float32]:
    """(count, y * x) weights that average a map over rings `RING_WIDTH` wide; a cell between two rings goes to both.

    Ring i has its middle at ``(i + 1/2) RING_WIDTH`` from `centre` (x, y) [cells].
    """
    y, x = np.indices(shape)
    at = np.hypot(x - centre[0], y - centre[1]).ravel() * cell / RING_WIDTH - 0.5
    below = np.floor(at).astype(int)
    share = at - below
    weights = np.zeros((count, at.size), dtype=np.float32)
    for ring, part in ((below, 1.0 - share), (below + 1, share)):
        # the innermost half ring has no ring below it
        ring = np.maximum(ring, 0)
        inside = ring < count
        np.add.at(weights, (ring[inside], np.flatnonzero(inside)), part[inside])
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-6)


def ring_profiles(
    maps: NDArray[np.float32], centres: NDArray[np.float64], *, cell: float, count: int
) -> NDArray[np.float64]:
    """(n, count) averages of every map (n, y, x) over rings around its centre (n, 2) x y [cells]."""
    profiles = np.empty((len(maps), count))
    quarter = np.round(centres * 4.0) / 4.0
    starts = np.flatnonzero(np.any(np.diff(quarter, axis=0, prepend=np.nan), axis=1))
    for start, stop in zip(starts, [*starts[1:], len(maps)], strict=True):
        weights = ring_weights(maps.shape[1:], tuple(quarter[start]), cell=cell, count=count)
        profiles[start:stop] = maps[start:stop].reshape(stop - start, -1) @ weights.T
    return profiles
