"""Where the atoms of a map are: filter, region, threshold, components."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from atomotion.atoms.anisotropic import Grid
from atomotion.atoms.components import Components, split_components
from atomotion.atoms.config import AtomsConfig
from atomotion.atoms.element_facts import RADIUS_SHARE, bulk_spacing
from atomotion.atoms.filtered_map import FilteredMap, find_peaks, matched_filter, particle_region
from atomotion.atoms.threshold import ModelCorrelation, ThresholdSearch, search_all, search_uniform
from atomotion.data.errors import InputError
from atomotion.data.maps import DensityMap

_SEPARATION_SHARE = 0.7
_SMALLEST = 12  # voxels along an axis
_MARGIN = 4.0  # Å around the region, for tails and filters
# atoms are dark where the filtered map reaches so much farther down than up
_DARK = 1.4
# peaks that noise alone makes, in the whole region: more than this share of the found ones is no result
_ONLY_NOISE = 0.85
_LEAST_VACUUM = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundAtoms:
    """Atoms of a map by their voxels, on the part of the map around the particle.

    Parameters
    ----------
    components : Components
    positions : (n, 3) float, x y z [Å]
        Centres of mass.
    heights : (n,) float
        Of the filtered map at the atoms' highest voxels, over their median.
    search : ThresholdSearch
    threshold : float
        The one that was used.
    grid : Grid
    density : (z, y, x) float
        That part of the map, its background taken off, atoms bright.
    filtered : (z, y, x) float
    region : (z, y, x) bool
    spacing, atom_radius : float [Å]
    expected_false : float
        How many peaks as high as atoms noise makes where the region has room for them, by their number outside of it;
        where too little of the map is outside, by the number of holes as deep.
    """

    components: Components
    positions: NDArray[np.float64]
    heights: NDArray[np.float64]
    search: ThresholdSearch
    threshold: float
    grid: Grid
    density: NDArray[np.float32]
    filtered: NDArray[np.float32]
    region: NDArray[np.bool_]
    spacing: float
    atom_radius: float
    expected_false: float


def find_atoms(density: DensityMap, element: str, config: AtomsConfig | None = None) -> FoundAtoms:
    """The atoms of a map: matched filter, threshold, connected components, joined ones split, centres of mass.

    Parameters
    ----------
    density : DensityMap
    element : str
    config : AtomsConfig or None

    Raises
    ------
    InputError
        For maps that are too small, not finite, empty, or whose atoms are dark; and where no atoms are found.
    UsageError
        For what is no element.
    """
    config = AtomsConfig() if config is None else config
    spacing = bulk_spacing(element)
    radius = RADIUS_SHARE * spacing if config.atom_radius is None else config.atom_radius
    separation = _SEPARATION_SHARE * spacing if config.separation is None else config.separation
    size = density.voxel_size
    values = _checked(density, spacing)
    if config.invert:
        values = -values
    filtered = matched_filter(values, element, voxel_size=size, resolution=config.resolution)
    inside = (
        particle_region(filtered, margin=0.5 * spacing + radius)
        if config.region == "auto"
        else np.ones(values.shape, dtype=bool)
    )
    if -float(filtered.values[inside].min()) > _DARK * float(filtered.values[inside].max()):
        hint = "leave out --invert" if config.invert else "pass --invert"
        raise InputError(f"the atoms of this map seem to be dark, and bright ones are looked for; {hint}")
    part = _around(inside, _MARGIN / size)
    model = ModelCorrelation(filtered, part)
    background = float(np.median(values))
    cut = (values[part] - background).astype(np.float32)
    seen = np.where(inside[part], filtered.values[part], np.float32(filtered.values.min()))
    start = _otsu(filtered.values[part][inside[part]])
    peaks, heights = find_peaks(seen, voxel_size=size, separation=separation, least=start)
    search = _searched(model, seen, cut, peaks, heights, start, config)
    threshold = search.threshold
    if config.threshold is not None:
        threshold = config.threshold * float(np.median(heights[heights > search.threshold]))
        peaks, heights = find_peaks(seen, voxel_size=size, separation=separation, least=threshold)
    components = split_components(
        seen, cut, peaks, threshold=threshold, radius=radius, voxel_size=size, least_voxels=config.least_voxels
    )
    if len(components.places) == 0:
        raise InputError("no atoms were found: nothing in the map looks like one; check the map and --resolution")
    noise = _expected_false(filtered, inside, threshold, separation)
    # all of the region for the question whether there is any atom, where atoms leave room for how many are none
    if noise * float(inside.sum()) > _ONLY_NOISE * len(components.places):
        raise InputError(
            f"no atoms were found: {len(components.places)} peaks stand out of the map, and noise alone makes as many; "
            "check that the map shows single atoms of one particle"
        )
    false = noise * _free_voxels(inside[part], components.places, separation / size)
    first = np.array(density.first_voxel) + size * np.array([each.start for each in reversed(part)])
    grid = Grid(shape=cut.shape, voxel_size=size, first=first)
    top = ndimage.maximum(seen, components.labels, np.arange(1, len(components.places) + 1))
    return FoundAtoms(
        components=components,
        positions=components.places[:, ::-1] * size + first,
        heights=np.asarray(top, dtype=float) / float(np.median(top)),
        search=search,
        threshold=threshold,
        grid=grid,
        density=cut,
        filtered=filtered.values[part],
        region=inside[part],
        spacing=spacing,
        atom_radius=radius,
        expected_false=false,
    )


def _checked(density: DensityMap, spacing: float) -> NDArray[np.float32]:
    values = np.asarray(density.values, dtype=np.float32)
    size = density.voxel_size
    if values.ndim != 3 or min(values.shape) < _SMALLEST:
        raise InputError(f"a map of {values.shape} voxels is too small for atoms; it takes {_SMALLEST} along each axis")
    if not np.isfinite(values).all():
        raise InputError("the map holds values that are not finite; write it again without them")
    if values.min() == values.max():
        raise InputError("the map is empty: all its voxels have the same value")
    if not 0.02 * spacing <= size <= 0.35 * spacing:
        raise InputError(
            f"voxels of {size:g} Å cannot show atoms that are {spacing:.2f} Å apart; check the voxel size, which "
            "--voxel-size sets"
        )
    return values


def _otsu(values: NDArray[np.float32]) -> float:
    from skimage.filters import threshold_otsu

    return float(threshold_otsu(values))


def _around(inside: NDArray[np.bool_], margin: float) -> tuple[slice, slice, slice]:
    """The box of the region with a margin [voxels]."""
    bounds = []
    for axis in range(3):
        others = tuple(each for each in range(3) if each != axis)
        filled = np.flatnonzero(inside.any(axis=others))
        low, high = int(filled[0] - np.ceil(margin)), int(filled[-1] + np.ceil(margin)) + 1
        bounds.append(slice(max(low, 0), min(high, inside.shape[axis])))
    return bounds[0], bounds[1], bounds[2]


def _searched(
    model: ModelCorrelation,
    seen: NDArray[np.float32],
    cut: NDArray[np.float32],
    peaks: NDArray[np.float64],
    heights: NDArray[np.float64],
    start: float,
    config: AtomsConfig,
) -> ThresholdSearch:
    if config.search == "exhaustive":
        return search_all(model, peaks, heights, start)
    return search_uniform(model, seen, cut, start=start, count=config.thresholds, least_voxels=config.least_voxels)


def _expected_false(filtered: FilteredMap, inside: NDArray[np.bool_], threshold: float, separation: float) -> float:
    """Peaks above the threshold outside of the region, per voxel there; where little is outside, holes as deep."""
    away = ~inside
    share = float(away.mean())
    if share < _LEAST_VACUUM:
        # noise is as deep as it is high, and atoms are not; their ringing is less than their half height
        depths, _ = find_peaks(-filtered.values, voxel_size=filtered.voxel_size, separation=separation, least=threshold)
        return float(len(depths)) / inside.size
    values = np.where(away, filtered.values, np.float32(filtered.values.min()))
    if not (values > threshold).any():
        return 0.0
    # the border of the region is no peak
    peaks, _ = find_peaks(values, voxel_size=filtered.voxel_size, separation=separation, least=threshold)
    real = ndimage.binary_dilation(inside, iterations=1)[tuple(np.rint(peaks).astype(int).T)]
    return float((~real).sum()) / (share * inside.size)


def _free_voxels(inside: NDArray[np.bool_], places: NDArray[np.float64], separation: float) -> int:
    """Voxels of the region in which there is room for another atom."""
    voxels = np.argwhere(inside)
    distance = cKDTree(places).query(voxels, distance_upper_bound=separation)[0]
    return int(np.isinf(distance).sum())
