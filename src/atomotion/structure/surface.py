"""The surface of a particle: which atoms another atom could touch, how deep the others lie, and their layers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import Delaunay, cKDTree

from atomotion.data import InputError
from atomotion.neighbours import Neighbours

_FACES = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
_CANDIDATES = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Surface:
    """The surface that a ball rolls on.

    Parameters
    ----------
    exposed : (n,) bool
        Atoms that the ball touches from outside.
    depth : (n,) float [Å]
        Distance to the surface through the centres of the exposed atoms; 0 for these.
    layer : (n,) int
        1 for exposed atoms, 2 for their other neighbours, and so on; 0 for atoms without a path of bonds to them.
    triangles : (m, 3) int
        The surface, by its atoms, counter-clockwise as seen from outside.
    """

    exposed: NDArray[np.bool_]
    depth: NDArray[np.float64]
    layer: NDArray[np.intp]
    triangles: NDArray[np.intp]


def find_surface(positions: ArrayLike, neighbours: Neighbours, *, ball: float) -> Surface:
    """The atoms that a ball reaches from outside, and everything below them.

    With a ball a little smaller than the nearest-neighbour distance around its centre, these are the atoms that one
    more atom could sit on: all of a facet's, both rows of an open (110) face, the feet of steps, and not the atoms
    around a closed vacancy. The ball rolls over the Delaunay tetrahedra: from outside it passes into each whose
    circumsphere is larger than itself (an alpha shape without its cavities).

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    neighbours : Neighbours
        Bonds, for the layers.
    ball : float [Å]
        Radius of the ball around the centres of atoms; 0.95 nearest-neighbour distances by default of the config.

    Raises
    ------
    InputError
        For fewer than 5 atoms, and atoms in one plane.

    References
    ----------
    Edelsbrunner, Mücke, ACM Trans. Graph. 13, 43 (1994); Stukowski, JOM 66, 399 (2014).
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) if len(points) > 4 else np.zeros(3)
    if spread[2] < 1e-3 * max(spread[0], 1e-9):
        raise InputError(
            f"these {len(points)} atoms lie in one plane or are too few; a surface takes a body of 5 or more"
        )
    cells = Delaunay(points)
    outside = _reached(cells, _circumradii(points[cells.simplices]) > ball)
    triangles = _border(cells, outside, points)
    exposed = np.zeros(len(points), dtype=bool)
    exposed[triangles] = True
    # atoms of tetrahedra that the ball took away altogether hang on nothing that it could not pass
    kept = np.zeros(len(points), dtype=bool)
    kept[cells.simplices[~outside]] = True
    exposed |= ~kept
    depth = np.zeros(len(points))
    inner = ~exposed
    if inner.any() and len(triangles):
        depth[inner] = _distance(points[inner], points[triangles])
    return Surface(exposed=exposed, depth=depth, layer=_layers(exposed, neighbours), triangles=triangles)


def _circumradii(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radii (m,) of the spheres through the corners (m, 4, 3) of tetrahedra; infinite for flat ones."""
    edges = corners[:, 1:] - corners[:, :1]
    volume6 = np.linalg.det(edges)
    squares = (edges**2).sum(axis=2)
    sides = (
        squares[:, :1] * np.cross(edges[:, 1], edges[:, 2])
        + squares[:, 1:2] * np.cross(edges[:, 2], edges[:, 0])
        + squares[:, 2:] * np.cross(edges[:, 0], edges[:, 1])
    )
    size = np.abs(edges).max(axis=(1, 2)) ** 3
    flat = np.abs(volume6) < 1e-6 * size
    return np.where(flat, np.inf, np.linalg.norm(sides, axis=1) / (2.0 * np.where(flat, 1.0, np.abs(volume6))))


def _reached(cells: Delaunay, passable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tetrahedra that are reached from outside through passable ones."""
    neighbours = cells.neighbors.astype(np.intp)
    outside = passable & (neighbours < 0).any(axis=1)
    front = np.flatnonzero(outside)
    while len(front):
        beside = np.unique(neighbours[front])
        beside = beside[beside >= 0]
        front = beside[passable[beside] & ~outside[beside]]
        outside[front] = True
    return outside


def _border(cells: Delaunay, outside: NDArray[np.bool_], points: NDArray[np.float64]) -> NDArray[np.intp]:
    """Faces between the tetrahedra that are left and the outside, (m, 3), counter-clockwise as seen from outside."""
    neighbours = cells.neighbors
    open_side = (neighbours < 0) | outside[neighbours]
    cell, face = np.nonzero(open_side & ~outside[:, None])
    faces = cells.simplices[cell[:, None], _FACES[face]].astype(np.intp)
    a, b, c = (points[faces[:, number]] for number in range(3))
    inwards = points[cells.simplices[cell, face]] - a
    turned = np.einsum("ij,ij->i", np.cross(b - a, c - a), inwards) > 0
    faces[turned] = faces[turned][:, [0, 2, 1]]
    return faces


def _distance(points: NDArray[np.float64], triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from each point to the nearest of the triangles (m, 3, 3), out of those with the nearest centroids."""
    k = min(_CANDIDATES, len(triangles))
    nearest = np.asarray(cKDTree(triangles.mean(axis=1)).query(points, k=k)[1]).reshape(len(points), k)
    found = np.full(len(points), np.inf)
    for column in nearest.T:
        found = np.minimum(found, _to_triangle(points, triangles[column]))
    return found


def _to_triangle(points: NDArray[np.float64], triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from each point to its triangle: to the plane where it lies over the inside, else to an edge."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    normal = np.cross(b - a, c - a)
    area2 = (normal**2).sum(axis=1)
    weights = np.stack(
        [np.einsum("ij,ij->i", np.cross(two - one, points - one), normal) for one, two in ((a, b), (b, c), (c, a))],
        axis=1,
    )
    over = (weights >= 0).all(axis=1) & (area2 > 1e-12)
    height = np.abs(np.einsum("ij,ij->i", points - a, normal)) / np.sqrt(np.maximum(area2, 1e-12))
    edges = np.min([_to_segment(points, one, two) for one, two in ((a, b), (b, c), (c, a))], axis=0)
    return np.where(over, height, edges)


def _to_segment(
    points: NDArray[np.float64], start: NDArray[np.float64], stop: NDArray[np.float64]
) -> NDArray[np.float64]:
    along = stop - start
    share = np.einsum("ij,ij->i", points - start, along) / np.maximum((along**2).sum(axis=1), 1e-12)
    return np.linalg.norm(points - start - np.clip(share, 0.0, 1.0)[:, None] * along, axis=1)


def _layers(exposed: NDArray[np.bool_], neighbours: Neighbours) -> NDArray[np.intp]:
    layer = np.where(exposed, 1, 0).astype(np.intp)
    number = 1
    while True:
        beside = np.zeros(len(layer), dtype=bool)
        beside[neighbours.second[layer[neighbours.first] == number]] = True
        beside &= layer == 0
        if not beside.any():
            return layer
        number += 1
        layer[beside] = number
