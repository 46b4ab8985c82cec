"""Twin planes and stacking faults: close-packed layers of atoms with HCP surroundings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from atomotion.neighbours import Neighbours
from atomotion.structure.arrangements import LocalStructure

NAMES = ("twin", "intrinsic fault", "extrinsic fault", "surface fault", "hcp layers")
_LAYER = np.sqrt(2.0 / 3.0)  # distance of close-packed planes in nearest-neighbour distances
_FLAT = 0.35
_PARALLEL = np.cos(np.deg2rad(20.0))
_SMALLEST = 3
# how far aside atoms of two planes are that lie over each other, and the atoms at either side of a gap in a plane
_OVER = 1.1
_GAP = 2.2
# a side of a layer with fewer atoms beyond its first layer than this part of it ends there
_ENDS = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanarDefect:
    """One twin plane or stacking fault.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    atoms : (k,) int
        Its atoms with HCP surroundings.
    normal : (3,) float
    centre : (3,) float, x y z [Å]
    """

    name: str
    atoms: NDArray[np.intp]
    normal: NDArray[np.float64]
    centre: NDArray[np.float64]


def planar_defects(
    positions: ArrayLike, neighbours: Neighbours, structure: LocalStructure, *, spacing: float
) -> tuple[PlanarDefect, ...]:
    """The planes in which the stacking of an FCC particle changes, named by how layers of HCP atoms follow each other.

    HCP atoms that are bonded within their plane form a layer, of 3 atoms or more; a gap of one atom does not end it.
    A layer by itself is a twin plane (...ABC B A...), two that follow each other an intrinsic stacking fault, two
    with one FCC layer between them an extrinsic one, and more of them "hcp layers". A single layer below the
    outermost one is a "surface fault": the outermost layer sits on the wrong hollows.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    neighbours : Neighbours
        Bonds.
    structure : LocalStructure
    spacing : float [Å]
        Nearest-neighbour distance.

    Returns
    -------
    tuple of PlanarDefect
        The largest first.

    References
    ----------
    Hirth, Lothe, Theory of Dislocations (1982), ch. 10, for the stacking sequences.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    hcp = structure.kind == "hcp"
    first, second = neighbours.first, neighbours.second
    parallel = np.abs(np.einsum("ij,ij->i", structure.normal[first], structure.normal[second])) > _PARALLEL
    height = np.abs(np.einsum("ij,ij->i", structure.normal[first], neighbours.vectors)) / spacing
    within = hcp[first] & hcp[second] & parallel & (height < _FLAT)
    number = _components(len(points), first[within], second[within])
    layers = [atoms for atoms in _groups(number, hcp) if len(atoms) >= _SMALLEST]
    normals = [_mean_direction(structure.normal[atoms]) for atoms in layers]
    found = []
    for group in _stacks(points, layers, normals, spacing):
        atoms = np.sort(np.concatenate([layers[k] for k in group]))
        normal = _mean_direction(structure.normal[atoms])
        found.append(
            PlanarDefect(
                name=_name(points, [layers[k] for k in group], normal, neighbours, spacing),
                atoms=atoms,
                normal=normal,
                centre=points[atoms].mean(axis=0),
            )
        )
    return tuple(sorted(found, key=lambda each: (-len(each.atoms), int(each.atoms[0]))))


def _components(n: int, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.intp]:
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1]).astype(np.intp)


def _groups(number: NDArray[np.intp], where: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    atoms = np.flatnonzero(where)
    return [atoms[number[atoms] == each] for each in np.unique(number[atoms])]


def _mean_direction(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean axis of directions whose sign has no meaning, with its largest component positive."""
    axis = np.linalg.eigh(directions.T @ directions)[1][:, 2]
    return axis * np.sign(axis[np.abs(axis).argmax()])


def _stacks(
    points: NDArray[np.float64], layers: list[NDArray[np.intp]], normals: list[NDArray[np.float64]], spacing: float
) -> list[list[int]]:
    """Layers that belong together, by number."""
    beside = [
        (i, j)
        for i in range(len(layers))
        for j in range(i)
        if abs(float(normals[i] @ normals[j])) > _PARALLEL
        and _together(points[layers[i]], points[layers[j]], normals[i], spacing)
    ]
    pairs = np.array(beside, dtype=np.intp).reshape(-1, 2)
    number = _components(len(layers), pairs[:, 0], pairs[:, 1]) if layers else np.empty(0, dtype=np.intp)
    return [[int(k) for k in np.flatnonzero(number == each)] for each in np.unique(number)]


def _together(
    one: NDArray[np.float64], other: NDArray[np.float64], normal: NDArray[np.float64], spacing: float
) -> bool:
    """Whether parallel layers lie over one another, one or two planes apart, or are one plane with a gap of an atom."""
    apart = one[:, None] - other[None]
    height = apart @ normal
    aside = np.linalg.norm(apart - height[..., None] * normal, axis=2)
    over, near = aside < _OVER * spacing, aside < _GAP * spacing
    if over.any():
        return round(float(np.median(np.abs(height[over]))) / (_LAYER * spacing)) in (1, 2)
    return bool(near.any()) and float(np.median(np.abs(height[near]))) < _FLAT * spacing


def _name(
    points: NDArray[np.float64],
    layers: list[NDArray[np.intp]],
    normal: NDArray[np.float64],
    neighbours: Neighbours,
    spacing: float,
) -> str:
    heights = np.sort([float((points[atoms] @ normal).mean()) for atoms in layers])
    steps = np.rint(np.diff(heights) / (_LAYER * spacing)).astype(int)
    steps = steps[steps > 0]  # patches of the same plane count once
    if len(steps) == 0:
        atoms = np.concatenate(layers)
        ends = any(_ends_after_one(atoms, side * normal, neighbours, spacing) for side in (1.0, -1.0))
        return "surface fault" if ends else "twin"
    if len(steps) == 1:
        return {1: "intrinsic fault", 2: "extrinsic fault"}.get(int(steps[0]), "hcp layers")
    return "hcp layers"


def _ends_after_one(
    atoms: NDArray[np.intp], direction: NDArray[np.float64], neighbours: Neighbours, spacing: float
) -> bool:
    """Whether the particle ends one layer beyond these atoms."""
    up = neighbours.vectors @ direction > 0.5 * _LAYER * spacing

    def above(layer: NDArray[np.intp]) -> NDArray[np.intp]:
        return np.unique(neighbours.second[up & np.isin(neighbours.first, layer)])

    next_layer = above(atoms)
    return len(above(next_layer)) < _ENDS * max(len(next_layer), 1)
