"""Where particles are: what stands out of the background in averages of a few frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.signal import fftconvolve

from atomotion.data import Frames, InputError
from atomotion.track.config import TrackConfig
from atomotion.track.evidence import (
    EDGE,
    Band,
    Grid,
    blob_band,
    cropped_spectra,
    disc,
    grid_for,
    lattice_band,
    make_evidence,
    summed_over,
    taper_of,
)

_DIAMETERS = (10.0, 14.0, 20.0, 28.0, 40.0, 57.0)  # Å
_LARGEST_PART = 0.4  # of the frame: the diameter of a particle
_APART = 0.9  # diameters
_LARGEST_STEP = 2.5  # between a tried diameter and the measured one
_BEYOND_DOUBT = 1.5  # times the least score: nothing else is tried
_FEWEST_LOOKS = 8  # a particle shows no lattice from some sides: two looks at a short movie may miss it
_BACKGROUND_SIGMA = 3.0  # diameters: what is coarser is uneven background


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """A particle seen in an average of a few frames.

    Parameters
    ----------
    frame : int
        In the middle of the average.
    x, y : float [Å]
        From the centre of the frame's first pixel.
    score : float
        Standard deviations of the background's scatter; infinite where the user gave the place.
    """

    frame: int
    x: float
    y: float
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What was seen in a movie, and how.

    Parameters
    ----------
    sightings : tuple of Sighting
        In the order of frames; of one average, the clearest first.
    band : Band
        What shows the particles best.
    diameter : float [Å]
    best_score : float
        Of the clearest place, particle or not.
    """

    sightings: tuple[Sighting, ...]
    band: Band
    diameter: float
    best_score: float


def short_averages(n: int, config: TrackConfig) -> list[range]:
    """The stretches of frames in which particles are looked for, evenly over a movie of `n` frames.

    One every ``config.find_every`` frames, but at least eight where as many fit side by side.
    """
    length = min(config.find_frames, n)
    count = max(1 + round(n / config.find_every), min(_FEWEST_LOOKS, n // length))
    starts = np.linspace(0, n - length, count if n > 2 * length else 1).round().astype(int)
    return [range(int(start), int(start) + length) for start in starts]


def find_particles(
    frames: Frames,
    config: TrackConfig,
    *,
    pixel_size: float,
    bad: NDArray[np.bool_],
    spots: NDArray[np.floating] | None = None,
    at: Sequence[tuple[float, float]] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> Found:
    """Every particle that shows in averages of a few frames, taken again and again through the movie.

    The map of evidence of every frame is summed over the average and over a disc of the particle's diameter. A particle
    is a maximum that stands out by `config.min_score` standard deviations of the map. The diameter and, for "auto", the
    kind of evidence are those with which the clearest place of all averages stands out most.

    Parameters
    ----------
    frames : (t, y, x)
    config : TrackConfig
    pixel_size : float [Å]
    bad : (t,) bool
        Frames that are passed over.
    spots : (s, 2) float, x y [1/Å], optional
        Graphene's, which are not looked at.
    at : sequence of (x, y) [Å]
        Given places: the diameter and the kind of evidence are measured there.
    on_step : callable, optional

    Raises
    ------
    InputError
        Where no frame is good or the frame is too small.
    """
    stretches = short_averages(int(frames.shape[0]), config)
    good = [[frame for frame in stretch if not bad[frame]] for stretch in stretches]
    if not any(good):
        raise InputError("no frame in which particles are looked for is good; see --bad-frames")
    whole = (int(frames.shape[1]), int(frames.shape[2]))
    diameters = _diameters(whole, pixel_size, config)
    best: tuple[float, Band, float] | None = None
    averages: dict[Band, list[NDArray[np.float32]]] = {}
    for band in _bands(config, diameters):
        if best is not None and best[0] > _BEYOND_DOUBT * config.min_score:
            break
        averages[band] = []
        grid = grid_for(whole, pixel_size, band)
        for number, chosen in enumerate(good):
            averages[band].append(_average(frames, chosen, grid, band, spots))
            if on_step is not None:
                on_step(number + 1, len(good))
        for diameter in diameters:
            maps = [standardised(each, diameter, grid) for each in averages[band] if each.size]
            height = _height(maps, at, grid)
            if best is None or height > best[0]:
                best = (height, band, diameter)
    assert best is not None
    score, band, diameter = best
    grid = grid_for(whole, pixel_size, band)
    seen = [
        _seen(each, diameter, grid, stretch, config) for each, stretch in zip(averages[band], stretches, strict=True)
    ]
    if config.diameter is None:
        places = [at or [(top.x, top.y) for top in each[:1]] for each in seen]
        better = measured_diameter(averages[band], places, grid, diameter)
        again = [
            _seen(each, better, grid, stretch, config) for each, stretch in zip(averages[band], stretches, strict=True)
        ]
        if at or any(again):
            diameter, seen = better, again
    return Found(
        sightings=tuple(sighting for each in seen for sighting in each),
        band=band,
        diameter=diameter,
        best_score=score,
    )


def _seen(
    average: NDArray[np.float32], diameter: float, grid: Grid, stretch: range, config: TrackConfig
) -> list[Sighting]:
    if not average.size:
        return []
    middle = stretch[len(stretch) // 2]
    return _maxima(standardised(average, diameter, grid), grid, diameter, middle, config.min_score)


def measured_diameter(
    averages: Sequence[NDArray[np.float32]],
    places: Sequence[Sequence[tuple[float, float]]],
    grid: Grid,
    first: float,
) -> float:
    """Diameter [Å] of the disc whose edge is where the mean evidence around the places has fallen to half.

    Parameters
    ----------
    averages : sequence of (cy, cx)
    places : sequence of lists of (x, y) [Å]
        In each of the averages; none is allowed.
    grid : Grid
    first : float [Å]
        Returned where there is no place.
    """
    rows, columns = grid.cells
    x = np.arange(columns) * grid.cell + grid.first()
    y = np.arange(rows) * grid.cell + grid.first()
    bins = int(1.5 * max(_DIAMETERS) / grid.cell)
    total, count = np.zeros(bins), np.zeros(bins)
    for average, seen in zip(averages, places, strict=True):
        for place in seen if average.size else ():
            shell = (np.hypot(x[None, :] - place[0], y[:, None] - place[1]) / grid.cell).astype(int)
            near = shell < bins
            total += np.bincount(shell[near], average[near], bins)
            count += np.bincount(shell[near], minlength=bins)
    if not count[0]:
        return first
    known = count > 0
    profile = np.interp(np.arange(bins), np.flatnonzero(known), total[known] / count[known])
    start = max(1, int(0.5 * first / grid.cell))
    outside = float(np.median(profile[min(bins - 2, 3 * start) :]))
    inside = float(np.average(profile[: start + 1], weights=np.arange(start + 1) + 0.5))
    below = np.flatnonzero(profile - outside < 0.5 * (inside - outside))
    below = below[below > 0]
    if not len(below):
        return first
    b = int(below[0])
    high, low = profile[b - 1] - outside, profile[b] - outside
    fraction = (high - 0.5 * (inside - outside)) / max(high - low, 1e-30)
    diameter = (b - 0.5 + float(np.clip(fraction, 0.0, 1.0))) * grid.cell / EDGE
    return float(np.clip(diameter, first / _LARGEST_STEP, first * _LARGEST_STEP))


def standardised(average: NDArray[np.float32], diameter: float, grid: Grid) -> NDArray[np.float32]:
    """(cy, cx) evidence within a disc around every cell, without its coarse part, in robust standard deviations."""
    summed = summed_over(average[None], disc(diameter, grid.cell))[0]
    inside = _inside(grid)
    middle = np.median(summed[inside])
    # a particle must not raise its own background
    spread = 1.4826 * float(np.median(np.abs(summed[inside] - middle))) or 1e-30
    clipped = np.clip(summed, middle - 3 * spread, middle + 3 * spread)
    summed = summed - gaussian_filter(clipped, _BACKGROUND_SIGMA * diameter / grid.cell, mode="nearest")
    spread = 1.4826 * float(np.median(np.abs(summed[inside] - np.median(summed[inside])))) or 1e-30
    result: NDArray[np.float32] = (summed / np.float32(spread)).astype(np.float32)
    result[~inside] = 0.0
    return result


def _inside(grid: Grid) -> NDArray[np.bool_]:
    """(cy, cx) cells that are not faded."""
    rows, columns = grid.cells
    margin = min(int(np.ceil(10.0 / grid.cell)), rows // 6, columns // 6)
    inside = np.zeros((rows, columns), dtype=bool)
    inside[margin : rows - margin, margin : columns - margin] = True
    return inside


def _diameters(shape: tuple[int, int], pixel_size: float, config: TrackConfig) -> tuple[float, ...]:
    if config.diameter is not None:
        return (config.diameter,)
    largest = _LARGEST_PART * min(shape) * pixel_size
    return tuple(each for each in _DIAMETERS if each <= largest) or (largest,)


def _bands(config: TrackConfig, diameters: Sequence[float]) -> list[Band]:
    lattice = lattice_band(config.longest, config.shortest)
    typical = diameters[len(diameters) // 2]
    blobs = [blob_band("dark", typical), blob_band("bright", typical)]
    return {"auto": [lattice, *blobs], "lattice": [lattice], "blob": blobs}[config.evidence]


def _average(
    frames: Frames, chosen: Sequence[int], grid: Grid, band: Band, spots: NDArray[np.floating] | None
) -> NDArray[np.float32]:
    """(cy, cx) mean evidence of the chosen frames; empty where none is chosen."""
    if not chosen:
        return np.zeros((0, 0), dtype=np.float32)
    taper = taper_of(grid)
    spectra = [cropped_spectra(np.asarray(frames[i : i + 1]), taper, grid) for i in chosen]
    power = np.zeros(spectra[0].shape[1:])
    for each in spectra:
        power += each[0].real ** 2 + each[0].imag ** 2
    evidence = make_evidence(power / len(spectra), grid, band, spots)
    total = np.zeros(grid.cells, dtype=np.float32)
    for each in spectra:
        total += evidence.maps_of_spectra(each)[0]
    return total / np.float32(len(spectra))


def _height(maps: Sequence[NDArray[np.float32]], at: Sequence[tuple[float, float]], grid: Grid) -> float:
    """Of the clearest place, or the mean of given places, in the clearest average."""
    if not at:
        return max(float(each.max()) for each in maps)
    heights = []
    for each in maps:
        near = maximum_filter(each, 5)
        heights.append(np.mean([near[_cell_at(place, grid)] for place in at]))
    return float(max(heights))


def _cell_at(place: tuple[float, float], grid: Grid) -> tuple[int, int]:
    x, y = (round((value - grid.first()) / grid.cell) for value in place)
    return min(max(y, 0), grid.cells[0] - 1), min(max(x, 0), grid.cells[1] - 1)


def _maxima(score: NDArray[np.float32], grid: Grid, diameter: float, frame: int, least: float) -> list[Sighting]:
    """The highest cells, the clearest first; what each explains around it is taken off before the next is found."""
    kernel = disc(diameter, grid.cell)
    shape = fftconvolve(kernel, kernel, mode="full")
    shape /= shape.max()
    half = shape.shape[0] // 2
    left = np.pad(score, half)
    y, x = np.mgrid[: left.shape[0], : left.shape[1]] - half
    found: list[Sighting] = []
    while left.max() >= least:
        top = np.unravel_index(int(left.argmax()), left.shape)
        height = float(left[top])
        near = np.hypot(y + half - top[0], x + half - top[1]) * grid.cell <= 0.35 * diameter
        weight = np.where(near, np.maximum(left, 0.0), 0.0)
        centre = [float((weight * axis).sum() / weight.sum()) * grid.cell + grid.first() for axis in (x, y)]
        found.append(Sighting(frame=frame, x=centre[0], y=centre[1], score=height))
        left[tuple(slice(at - half, at + half + 1) for at in top)] -= np.float32(1.2 * height) * shape
        left[np.hypot(y + half - top[0], x + half - top[1]) * grid.cell < _APART * diameter] = 0.0
    return found
