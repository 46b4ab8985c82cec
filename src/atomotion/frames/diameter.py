"""The diameter of the particle over time, pooled over frames in any orientation."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.frames.maps import BoxMaps
from atomotion.frames.rings import RING_WIDTH, centres_of, ring_profiles, rough_place
from atomotion.frames.size_model import SizeModel, clipped, fit_size_model, lagged_covariance
from atomotion.frames.splits import long_run_sd

# the spherical model misjudges faceted and etched particles by up to this part, whatever the noise
MODEL_ERROR = 0.02
_NORMAL_95 = 1.96
_BLUR = 0.8  # of the lattice energy, in the default band [Å]


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeEvidence:
    """What the boxes say about size, frame by frame; only good boxes.

    Parameters
    ----------
    frames : (g,) int
        Numbers of the good boxes.
    centres : (n, 2) float, x y [cells]
        Of all boxes.
    radius : float [Å]
        Rough, of the whole series.
    outline : (g, rings) float
        Contrast of the outline in rings.
    strength : (g,) float
        Mean lattice energy on the particle less that around it, in squared contrast.
    strength_sd : float
        What noise alone makes of it.
    model : SizeModel
        Of the lattice energy.
    """

    frames: NDArray[np.intp]
    centres: NDArray[np.float64]
    radius: float
    outline: NDArray[np.float64]
    strength: NDArray[np.float64]
    strength_sd: float
    model: SizeModel


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeCurve:
    """Diameter of the sphere with the particle's lattice energy, for every box.

    Parameters
    ----------
    diameter, low, high : (n,) float [Å]
        With the 95 % interval, which holds the noise, the changing orientation and the model's own error.
    standard_error : (n,) float [Å]
        Of noise and orientation alone.
    scatter : float [Å]
        The mean over m frames has a standard error of this over √m.
    """

    diameter: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    scatter: float


def size_evidence(maps: BoxMaps, *, longest: float = 2.63, shortest: float = 1.25) -> SizeEvidence:
    """Rings of lattice energy and outline around the particle's centre, and the model of its size.

    Parameters
    ----------
    maps : BoxMaps
    longest, shortest : float [Å]
        Of the band that the maps were made with.

    Raises
    ------
    InputError
        Where no lattice is seen, or there are fewer than 20 good boxes.
    """
    if maps.good.sum() < 20:
        raise InputError(f"the size of the particle needs at least 20 good boxes, and there are {maps.good.sum()}")
    place = rough_place(maps)
    centres = centres_of(maps, place)
    radius = place[2] * maps.cell
    half = min(maps.low.shape[1:]) / 2 * maps.cell
    rings = int(min(half, 1.4 * radius + 5.0) / RING_WIDTH)
    good = np.flatnonzero(maps.good)
    # a narrow band spreads the energy farther
    blur = _BLUR * float(np.sqrt((1 / 1.25 - 1 / 2.63) / (1 / shortest - 1 / longest)))
    outline, lattice = (
        ring_profiles(each[good], centres[good], cell=maps.cell, count=rings) for each in (maps.low, maps.lattice)
    )
    strength, strength_sd = _strength(lattice, radius)
    return SizeEvidence(
        frames=good,
        centres=centres,
        radius=radius,
        outline=outline,
        strength=strength,
        strength_sd=strength_sd,
        model=fit_size_model(lattice, blur=blur),
    )


def _strength(lattice: NDArray[np.float64], radius: float) -> tuple[NDArray[np.float64], float]:
    """Energy on the particle less that around it, and its scatter for noise, from the scatter around the particle."""
    middles = (np.arange(lattice.shape[1]) + 0.5) * RING_WIDTH
    inside, outside = middles * (middles < radius), middles * (middles > radius + 3.0)
    if not outside.any():
        outside = middles * (middles == middles[-1])
    around = lattice @ (outside / outside.sum())
    # the scatter of an average falls with the root of its area
    spread = 1.4826 * float(np.median(np.abs(around - np.median(around))))
    return lattice @ (inside / inside.sum()) - around, spread * float(np.sqrt(1.0 + outside.sum() / inside.sum()))


def single_sizes(
    evidence: SizeEvidence, at: Sequence[int], *, regions: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """(g, 2 or 3) size of single frames over the mean size, by each kind of evidence.

    Diameters from the lattice energy, the dilation of the outline, and the diameters of crystalline regions.

    Parameters
    ----------
    evidence : SizeEvidence
    at : sequence of int
        Changes known so far; diameters are taken to first order around each part's own.
    regions : (g,) float [Å] or None
        Diameters of the crystalline regions, NaN for frames without; gaps are filled from their neighbours. Used where
        at least a fifth of the frames has one.
    """
    edges = [0, *at, len(evidence.frames)]
    diameters = np.concatenate([evidence.model.single_diameters(a, b) for a, b in pairwise(edges)])
    kinds = [diameters / diameters.mean(), 1.0 + dilation(evidence.outline)]
    known = np.zeros(0, dtype=int) if regions is None else np.flatnonzero(np.isfinite(regions))
    if regions is not None and len(known) >= max(20, 0.2 * len(regions)):
        filled = clipped(np.interp(np.arange(len(regions)), known, regions[known]))
        kinds.append(filled / filled.mean())
    return np.column_stack(kinds)


def dilation(outline: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) how far the outline of every frame is dilated against the mean one, as a ratio less 1.

    A profile P that is dilated by 1 + ε becomes ``P - ε r P'``; ε is the matched filter's output for ``-r P'`` in the
    covariance of single frames. No model of the microscope is needed.
    """
    rings = outline.shape[1]
    radius = np.arange(rings) + 0.5
    template = -radius * np.gradient(outline.mean(axis=0))
    weights = np.linalg.solve(lagged_covariance(outline), template)
    return clipped((outline - outline.mean(axis=0)) @ weights / (template @ weights))


def size_curve(evidence: SizeEvidence, *, count: int, window: int, block: int, at: Sequence[int] = ()) -> SizeCurve:
    """The diameter of every box from the frames around it, not across a change.

    Parameters
    ----------
    evidence : SizeEvidence
    count : int
        All boxes of the series.
    window : int
        Frames that a diameter is pooled over.
    block : int
        Frames after which the orientation is a new one.
    at : sequence of int
        Changes, in good frames.
    """
    edges = [0, *at, len(evidence.frames)]
    singles = np.concatenate([evidence.model.single_diameters(a, b) for a, b in pairwise(edges)])[:, None]
    rest = np.concatenate([singles[a:b] - singles[a:b].mean() for a, b in pairwise(edges)])
    noise = float(long_run_sd(rest, block)[0])
    values, errors = np.empty(len(singles)), np.empty(len(singles))
    for start, stop in pairwise(edges):
        for frame in range(start, stop):
            length = min(window, stop - start)
            first = int(np.clip(frame - length // 2, start, stop - length))
            radius, _ = evidence.model.radius(evidence.model.whitened[first : first + length].mean(axis=0))
            values[frame], errors[frame] = 2.0 * radius, noise / np.sqrt(length)
    at_all = np.arange(count)
    diameter = np.interp(at_all, evidence.frames, values)
    error = np.interp(at_all, evidence.frames, errors)
    reach = _NORMAL_95 * np.hypot(error, MODEL_ERROR * diameter)
    return SizeCurve(
        diameter=diameter, low=diameter - reach, high=diameter + reach, standard_error=error, scatter=noise
    )
