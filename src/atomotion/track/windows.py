"""Evidence in windows that go with a particle, measured against the background of the same movie."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames
from atomotion.track.evidence import (
    Evidence,
    Grid,
    disc,
    make_evidence,
    mean_power,
    summed_over,
    window_for,
)
from atomotion.track.finding import Found, Sighting

_TILES = 25
_CLEAREST = 5
_WIDER, _SOFTER = 1.2, 0.11
_GAINS = (0.02, 0.5)
_FEWEST_CELLS = 40
_SIMULATED = 24  # windows
_MIDDLE = 10.0  # Å: what is faded at the sides


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookout:
    """What is needed to look for one particle in a window.

    Parameters
    ----------
    evidence : Evidence
    diameter : float [Å]
    kernel : (c, c) float32
        The particle's outline on cells.
    sigma : float
        Standard deviation of the summed evidence in the background.
    strength : float
        Mean score of a frame at a particle, in those standard deviations.
    gain : float
        Log-likelihood of a place per unit of the score there: strength over the variance of a frame's score at a
        particle, so that particles that show in a few frames only do not count more than they tell.
    fill : float
        Mean of the frames, for what lies beyond them.
    """

    evidence: Evidence
    diameter: float
    kernel: NDArray[np.float32]
    sigma: float
    strength: float
    gain: float
    fill: float

    @property
    def grid(self) -> Grid:
        """The window's grid."""
        return self.evidence.grid

    @property
    def margin(self) -> int:
        """Cells at every side of a map that are faded, or too near to the side for the particle's outline."""
        return int(np.ceil(_MIDDLE / self.grid.cell)) + self.kernel.shape[0] // 2

    def scores(self, pictures: NDArray[Any]) -> NDArray[np.float32]:
        """(n, c, c) scores of the places in the middle of windows, in standard deviations of the background."""
        summed = self.inner(summed_over(self.evidence.maps(pictures), self.kernel))
        return np.asarray(summed / np.float32(self.sigma), dtype=np.float32)

    def inner(self, maps: NDArray[Any]) -> NDArray[Any]:
        """The middle part of maps (n, cy, cx)."""
        m = self.margin
        return maps[:, m : maps.shape[1] - m, m : maps.shape[2] - m]


def window(frames: Frames, span: slice, y0: int, x0: int, side: int, fill: float) -> NDArray[np.float32]:
    """(n, side, side) float32 part of some frames, `fill` where it reaches beyond them."""
    _, tall, wide = (int(size) for size in frames.shape)
    rows, columns = slice(max(0, y0), min(tall, y0 + side)), slice(max(0, x0), min(wide, x0 + side))
    count = span.stop - span.start
    result = np.full((count, side, side), fill, dtype=np.float32)
    if rows.start < rows.stop and columns.start < columns.stop:
        values = np.asarray(frames[span, rows, columns], dtype=np.float32)
        result[:, rows.start - y0 : rows.stop - y0, columns.start - x0 : columns.stop - x0] = values
    return result


def make_lookout(
    frames: Frames,
    found: Found,
    *,
    pixel_size: float,
    search: float,
    spots: NDArray[np.floating] | None,
    samples: Sequence[tuple[Sequence[int], Sequence[Sighting]]],
) -> Lookout:
    """The lookout for the particles of a movie.

    The power spectrum of the background is the median over windows all over the frames. Mean and scatter of the
    evidence come from places away from the sightings.

    Parameters
    ----------
    frames : (t, y, x)
    found : Found
    pixel_size, search : float [Å]
    spots : (s, 2) float, x y [1/Å], or None
        Graphene's.
    samples : sequence of (frames, sightings)
        Good frames of short averages, and all that was seen in each.
    """
    cell = window_for(search, pixel_size, found.band).cell
    # wider and softer than the particle: a disc of its own size lies equally well anywhere on the half of it that is
    # bright, when it shows its lattice from one side for long
    kernel = disc(_WIDER * found.diameter, cell, softness=_SOFTER)
    grid = window_for(search + kernel.shape[0] // 2 * cell, pixel_size, found.band)
    side = grid.shape[0]
    corners = _tiles(frames, side)
    few = [(frames_chosen[:: max(1, len(samples))], sightings) for frames_chosen, sightings in samples]
    chosen = [frame for frames_chosen, _ in few for frame in frames_chosen]
    powers = np.zeros((len(corners), side // grid.bin_px, side // grid.bin_px // 2 + 1))
    for frame in chosen:
        for tile, picture in _cut(frames, frame, corners, side):
            powers[tile] += mean_power(picture, grid)
    fill = float(np.asarray(frames[chosen[0]], dtype=np.float32).mean())
    evidence = make_evidence(np.median(powers, axis=0) / len(chosen), grid, found.band, spots)
    lookout = Lookout(
        evidence=evidence, diameter=found.diameter, kernel=kernel, sigma=1.0, strength=1.0, gain=1.0, fill=fill
    )
    background = _background(frames, lookout, corners, few)
    evidence = replace(evidence, usual=np.full(grid.cells, background[0], dtype=np.float32))
    lookout = replace(lookout, evidence=evidence, sigma=background[1])
    strength, gain = _strength(frames, lookout, samples)
    return replace(lookout, strength=strength, gain=gain)


def _background(
    frames: Frames,
    lookout: Lookout,
    corners: Sequence[tuple[int, int]],
    samples: Sequence[tuple[Sequence[int], Sequence[Sighting]]],
) -> tuple[float, float]:
    """Mean evidence of a cell away from particles, and standard deviation of that within a particle's outline.

    Where frames are so small that hardly a whole outline fits beside the particles, the latter is that of simulated
    noise of the same spectrum, scaled by what single cells away from the particles show.
    """
    evidence, kernel = lookout.evidence, lookout.kernel
    cells, summed = [], []
    for chosen, sightings in samples:
        free = [_away(lookout, corner, sightings, 0.75, _shape(frames)) for corner in corners]
        far = [_away(lookout, corner, sightings, 1.15, _shape(frames)) for corner in corners]
        for frame in chosen:
            for tile, picture in _cut(frames, frame, corners, lookout.grid.shape[0]):
                maps = evidence.maps(picture)
                cells.append(maps[0][free[tile]])
                summed.append(lookout.inner(summed_over(maps, kernel))[0][lookout.inner(far[tile][None])[0]])
    outside, sums = np.concatenate(cells), np.concatenate(summed)
    noise = evidence.of_noise(_SIMULATED, np.random.default_rng(0))
    expected = float(lookout.inner(summed_over(noise, kernel)).std())
    if len(outside) < _FEWEST_CELLS:
        return float(noise.mean()), expected
    scale = float(outside.std() / noise.std())
    return float(outside.mean()), float(sums.std()) if len(sums) >= _FEWEST_CELLS * len(cells) else scale * expected


def _shape(frames: Frames) -> tuple[int, int]:
    return int(frames.shape[1]), int(frames.shape[2])


def _tiles(frames: Frames, side: int) -> list[tuple[int, int]]:
    """Corners (y, x) [px] of windows all over the frame."""
    places = []
    for size in (int(frames.shape[1]), int(frames.shape[2])):
        room = max(0, size - side)
        count = min(int(np.sqrt(_TILES)), 1 + 3 * room // side)
        places.append(
            [room // 2 if size >= side else (size - side) // 2]
            if count < 2
            else np.linspace(0, room, count).round().astype(int).tolist()
        )
    return [(y, x) for y in places[0] for x in places[1]]


def _cut(
    frames: Frames, frame: int, corners: Sequence[tuple[int, int]], side: int
) -> list[tuple[int, NDArray[np.float32]]]:
    whole = np.asarray(frames[frame : frame + 1], dtype=np.float32)
    fill = float(whole.mean())
    return [(tile, window(whole, slice(0, 1), y, x, side, fill)) for tile, (y, x) in enumerate(corners)]


def _away(
    lookout: Lookout,
    corner: tuple[int, int],
    sightings: Sequence[Sighting],
    diameters: float,
    shape: tuple[int, int],
) -> NDArray[np.bool_]:
    """(cy, cx) cells of a window that are not faded, lie within the frame, and so far away from every sighting."""
    grid = lookout.grid
    at = np.arange(grid.cells[0]) * grid.cell + grid.first()
    unfaded = (at > _MIDDLE) & (at < grid.shape[0] * grid.pixel_size - _MIDDLE)
    y, x = at + corner[0] * grid.pixel_size, at + corner[1] * grid.pixel_size
    margin = 0.5 * _MIDDLE
    inside_y = unfaded & (y > margin) & (y < shape[0] * grid.pixel_size - margin)
    inside_x = unfaded & (x > margin) & (x < shape[1] * grid.pixel_size - margin)
    result = np.outer(inside_y, inside_x)
    for each in sightings:
        result &= np.hypot(x[None, :] - each.x, y[:, None] - each.y) > diameters * lookout.diameter
    return result


def _strength(
    frames: Frames, lookout: Lookout, samples: Sequence[tuple[Sequence[int], Sequence[Sighting]]]
) -> tuple[float, float]:
    """Mean score of the frames at the clearest sightings, and what a unit of it is worth."""
    grid = lookout.grid
    values = []
    for chosen, sightings in samples:
        for each in sorted(sightings, key=lambda seen: -seen.score)[:_CLEAREST]:
            corner = [round(value / grid.pixel_size - 0.5 * (grid.shape[0] - 1)) for value in (each.y, each.x)]
            for frame in chosen:
                whole = np.asarray(frames[frame : frame + 1], dtype=np.float32)
                picture = window(whole, slice(0, 1), corner[0], corner[1], grid.shape[0], float(whole.mean()))
                scores = lookout.scores(picture)[0]
                middle = scores.shape[0] // 2
                values.append(float(scores[middle - 1 : middle + 1, middle - 1 : middle + 1].mean()))
    if not values:
        return 1.0, _GAINS[1]
    mean = max(float(np.mean(values)), 0.5)
    return mean, float(np.clip(mean / max(float(np.var(values)), 1.0), *_GAINS))
