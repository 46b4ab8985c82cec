"""Peaks of a density as a first model of atoms."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from torch import Tensor

from atomotion.neighbours import coordination_numbers, neighbour_pairs

_FINER = 2
_BRIGHTEST = 60
_CLEAR = 0.3  # of the highest


def density_peaks(
    density: Tensor, voxel_size: float, *, separation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions (n, 3) x y z [Å] and heights (n,) of the peaks of a density, the highest first.

    The density is made twice as fine by zeros around its spectrum; a peak is the highest voxel within half of
    `separation` and is placed by a parabola along each axis. Of two peaks nearer than `separation` the lower is left
    out.

    Parameters
    ----------
    density : (size, size, size) float, z y x
        An odd number of voxels; the origin is the middle one.
    voxel_size : float [Å]
    separation : float [Å]
        0.7 of the nearest-neighbour distance leaves no atom out.
    """
    fine = finer(density).cpu().numpy()
    size = len(fine)
    step = voxel_size * len(density) / size
    reach = max(1, round(0.5 * separation / step))
    highest = (fine == maximum_filter(fine, size=2 * reach + 1)) & (fine > 0.0)
    places = np.argwhere(highest)
    places = places[(places.min(axis=1) > 0) & (places.max(axis=1) < size - 1)]
    heights = fine[tuple(places.T)]
    order = np.argsort(-heights, kind="stable")
    places, heights = places[order], heights[order]
    offset = np.stack([_vertex(fine, places, axis) for axis in range(3)], axis=1)
    positions = (places + offset - size // 2)[:, ::-1] * step
    keep = _far_apart(positions, separation)
    return positions[keep], heights[keep].astype(float)


def finer(density: Tensor) -> Tensor:
    """A density (size, size, size) on an odd grid about twice as fine, by zeros around its spectrum."""
    size = len(density)
    fine = _FINER * size + (1 - _FINER * size % 2)
    spectrum = torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(density)))
    padded = torch.zeros((fine, fine, fine), dtype=spectrum.dtype, device=density.device)
    start = fine // 2 - size // 2
    padded[start : start + size, start : start + size, start : start + size] = spectrum
    return torch.fft.fftshift(torch.fft.ifftn(torch.fft.ifftshift(padded)).real) * (fine / size) ** 3


def _vertex(values: NDArray, places: NDArray[np.intp], axis: int) -> NDArray[np.float64]:
    """Where the parabola through a voxel and its two neighbours has its top, relative to the voxel."""
    step = np.zeros(3, dtype=int)
    step[axis] = 1
    below, at, above = (values[tuple((places + sign * step).T)].astype(float) for sign in (-1, 0, 1))
    curvature = below - 2.0 * at + above
    safe = np.where(curvature < 0, curvature, -1.0)
    return np.clip(np.where(curvature < 0, 0.5 * (below - above) / safe, 0.0), -0.5, 0.5)


def _far_apart(positions: NDArray[np.float64], separation: float) -> NDArray[np.bool_]:
    """Marks the points of a list, in order of preference, that no earlier one that was kept is near to."""
    keep = np.ones(len(positions), dtype=bool)
    if len(positions) < 2:
        return keep
    near = neighbour_pairs(positions, separation)
    for i in range(len(positions)):
        if keep[i]:
            later = near.of(i)
            keep[later[later > i]] = False
    return keep


def atoms_of_density(
    density: Tensor, voxel_size: float, *, spacing: float, threshold: float, fewest_neighbours: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The peaks that are likely atoms of one element: positions (n, 3) [Å] and heights relative to their median.

    Parameters
    ----------
    density : (size, size, size) float, z y x
    voxel_size : float [Å]
    spacing : float [Å]
        Nearest-neighbour distance of the element.
    threshold : float
        Least height, in units of the median of the 60 highest peaks (of fewer, where a particle has fewer).
    fewest_neighbours : int
        Peaks with fewer neighbours, within 1.2 of the spacing, are left out.
    """
    positions, heights = density_peaks(density, voxel_size, separation=0.72 * spacing)
    if len(heights) == 0:
        return positions, heights
    clear = heights[heights > _CLEAR * heights[0]]
    high = heights > threshold * np.median(clear[:_BRIGHTEST])
    positions, heights = positions[high], heights[high]
    bound = coordination_numbers(neighbour_pairs(positions, 1.2 * spacing)) >= fewest_neighbours
    positions, heights = positions[bound], heights[bound]
    return positions, heights / np.median(heights) if len(heights) else heights
