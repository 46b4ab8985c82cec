"""Bars of a frame's persistent homology, each with the pixel where its feature lies."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from gudhi.sklearn.cubical_persistence import CubicalPersistence
from numpy.typing import NDArray

from atomotion.data import InputError

_INDEX_BITS = 29  # a float64 carries 29 more bits of mantissa than a float32: room for a pixel's number
_INDEX_MASK = 2**_INDEX_BITS - 1
_LARGEST_EXACT_INTEGER = 2**24  # of float32


@dataclass(frozen=True, kw_only=True, slots=True)
class Bars:
    """The bars of one frame.

    Parameters
    ----------
    births, deaths : (n,) float
        Intensities of the frame; a bar of a superlevel filtration is born above where it dies.
    pixels : (n,) int
        Flat index of the pixel where the feature lies: its minimum for dimension 0 (where the bar is born), the maximum
        that a loop encloses for dimension 1 (where the bar dies). For superlevel, maximum and minimum change places.
    """

    births: NDArray[np.floating]
    deaths: NDArray[np.floating]
    pixels: NDArray[np.int64]

    @property
    def lifetimes(self) -> NDArray[np.floating]:
        """(n,) lengths of the bars, all positive."""
        return np.abs(self.deaths - self.births)

    def __len__(self) -> int:
        return len(self.births)


def persistence_bars(
    image: NDArray, mask: NDArray[np.bool_] | None = None, *, dimension: int = 0, superlevel: bool = False
) -> Bars:
    """Bars of the sublevel filtration of a frame, those whose pixel lies in `mask`.

    Pixels are the top-dimensional cells of a cubical complex, so two pixels are connected when they share an edge or a
    corner. The filtration is always that of the whole frame; `mask` only chooses among its bars. The component that
    never dies is given the frame's maximum as its death. Bars of length zero are left out.

    Equal pixels are ordered by their place (row by row), which leaves the bars as they are and gives every bar one
    definite pixel, on plateaus too: each pixel is given a key in float64 that holds its value and, in the bits that
    float32 does not use, its flat index, and the homology is that of the keys.

    Parameters
    ----------
    image : (y, x) float or int
        float32 and integers up to 2^24 go the fast way; other values are replaced by their ranks first.
    mask : (y, x) bool or None
        None keeps every bar.
    dimension : 0 or 1
        0: dark blobs; 1: loops around bright blobs.
    superlevel : bool
        The same for bright blobs: the frame is negated.

    Raises
    ------
    InputError
        For a frame with values that are not finite.

    References
    ----------
    Wagner, Chen, Vuçini, "Efficient computation of persistent homology for cubical data" (2012); the computation is
    GUDHI's (gudhi.inria.fr) for rectangles.
    """
    values = _comparable(image)
    if superlevel:
        values = -values
    keys, pixel_of = _keys(values)
    pairs = CubicalPersistence(homology_dimensions=dimension).fit_transform([keys])[0]
    births_at, essential = pixel_of(pairs[:, 0]), np.isinf(pairs[:, 1])
    deaths_at = pixel_of(np.where(essential, pairs[:, 0], pairs[:, 1]))
    flat = values.ravel()
    births = flat[births_at]
    deaths = np.where(essential, flat.max(), flat[deaths_at])
    pixels = births_at if dimension == 0 else deaths_at
    keep = deaths > births
    if mask is not None:
        keep &= mask.ravel()[pixels]
    sign = -1 if superlevel else 1
    return Bars(births=sign * births[keep], deaths=sign * deaths[keep], pixels=pixels[keep])


def bars_by_union_find(image: NDArray, *, dimension: int = 0) -> Bars:
    """The bars of `persistence_bars` by the textbook algorithm: slow, and here to say what they are.

    Dimension 0: pixels enter from dark to bright; each starts a component, and where a pixel joins components all but
    the one with the lowest minimum (the eldest) die. Dimension 1 is the same from bright to dark by Alexander duality:
    what is not yet covered falls into pieces, connected by shared edges only, each being a hole once it is cut off from
    the outside; a hole is born where its piece leaves the outside (or an elder hole) and dies at its maximum.
    """
    rows, columns = image.shape
    flat = image.ravel()
    order = np.argsort(flat, kind="stable")
    if dimension == 0:
        steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    else:
        steps = [(-1, 0), (1, 0), (0, -1), (0, 1)]
        order = order[::-1]
    outside = flat.size  # stands for everything around the frame; the eldest of all where dimension is 1
    entered = {outside: -1}
    parent = {outside: outside}

    def root(pixel: int) -> int:
        while parent[pixel] != pixel:
            parent[pixel] = parent[parent[pixel]]
            pixel = parent[pixel]
        return pixel

    ends = []
    for when, pixel in enumerate(order.tolist()):
        entered[pixel], parent[pixel] = when, pixel
        y, x = divmod(pixel, columns)
        for dy, dx in steps:
            inside = 0 <= y + dy < rows and 0 <= x + dx < columns
            other = (y + dy) * columns + x + dx if inside else outside
            if other not in parent or (dimension == 0 and not inside):
                continue
            elder, younger = sorted((root(pixel), root(other)), key=entered.__getitem__)
            if elder != younger:
                parent[younger] = elder
                ends.append((younger, pixel))
    starts = np.array([start for start, _ in ends], dtype=np.int64)
    stops = np.array([stop for _, stop in ends], dtype=np.int64)
    births, deaths = flat[starts], flat[stops]
    if dimension == 0:
        births = np.append(births, flat.min())
        deaths, starts = np.append(deaths, flat.max()), np.append(starts, order[0])
    else:
        births, deaths = deaths, births
    keep = deaths > births
    return Bars(births=births[keep], deaths=deaths[keep], pixels=starts[keep])


def _comparable(image: NDArray) -> NDArray[np.floating]:
    """The frame as float32 where that loses nothing, else as float64; + 0 makes a zero out of every negative zero."""
    if image.dtype.kind in "iub":
        small = image.dtype.itemsize <= 2 or np.abs(image.astype(np.int64)).max() <= _LARGEST_EXACT_INTEGER
        return np.asarray(image, dtype=np.float32 if small else np.float64)
    values = image + np.zeros((), dtype=np.float32 if image.dtype.itemsize <= 4 else np.float64)
    if not np.isfinite(values).all():
        raise InputError("the frame has values that are not finite (NaN or infinity)")
    return values


@lru_cache(maxsize=4)
def _numbers(size: int) -> NDArray[np.int64]:
    return np.arange(size, dtype=np.int64)


class _PixelOf:
    """Turns keys back into flat indices."""

    def __init__(self, order: NDArray[np.int64] | None) -> None:
        self.order = order

    def __call__(self, keys: NDArray[np.float64]) -> NDArray[np.int64]:
        if self.order is None:
            bits = np.ascontiguousarray(keys).view(np.int64)
            return (bits ^ (bits >> 63)) & _INDEX_MASK
        return self.order[keys.astype(np.int64)]


def _keys(values: NDArray[np.floating]) -> tuple[NDArray[np.float64], _PixelOf]:
    """(y, x) float64 keys, all different, in the order of the values, and the way back to pixels."""
    if values.dtype == np.float32 and values.size < 2**_INDEX_BITS:
        bits = values.astype(np.float64).view(np.int64).ravel()
        # a larger mantissa makes a negative number smaller, so there the index is written inverted
        bits = bits | (_numbers(values.size) ^ ((bits >> 63) & _INDEX_MASK))
        return bits.view(np.float64).reshape(values.shape), _PixelOf(None)
    order = np.argsort(values, axis=None)
    if not np.all(np.diff(values.ravel()[order]) > 0):  # the stable sort is several times slower
        order = np.argsort(values, axis=None, kind="stable")
    ranks = np.empty(values.size)
    ranks[order] = _numbers(values.size)
    return ranks.reshape(values.shape), _PixelOf(order.astype(np.int64))
