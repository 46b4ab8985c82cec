"""Facets of a particle, and what every surface atom is: terrace, step, kink, edge, vertex."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from atomotion.neighbours import Neighbours
from atomotion.structure.surface import Surface

SITES = ("terrace", "step", "kink", "foot", "edge", "vertex", "adatom", "rough", "inner")
_HEIGHT = {"111": np.sqrt(2.0 / 3.0), "100": np.sqrt(0.5)}  # of a step, in nearest-neighbour distances
_FULL = {"111": 6, "100": 8}  # triangles around an atom inside of a facet
_STRAIGHT = {"111": 4, "100": 3}  # neighbours in the terrace that an atom of a straight step has
_FLAT = np.cos(np.deg2rad(25.0))
_RIGHT_ANGLE = 0.30  # largest cosine
_ADATOM = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """One connected flat part of the surface.

    Parameters
    ----------
    family : "111" or "100"
    atoms : (k,) int
        All its atoms, rim included.
    terrace : (j,) int
        Those that have all their neighbours within it.
    normal : (3,) float
        Outwards.
    area : float [Å²]
        Between the centres of the atoms of the rim.
    """

    family: str
    atoms: NDArray[np.intp]
    terrace: NDArray[np.intp]
    normal: NDArray[np.float64]
    area: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SurfaceSites:
    """The facets, and each atom's place among them.

    Parameters
    ----------
    facets : tuple of Facet
        The largest first; single triangles and squares of steps are among them.
    site : (n,) str
        One of `SITES`.
    family : (n,) str
        Families of the facets that an atom belongs to: "111", "100", "100+111" or "".
    """

    facets: tuple[Facet, ...]
    site: NDArray[np.str_]
    family: NDArray[np.str_]


def surface_sites(
    positions: ArrayLike, neighbours: Neighbours, surface: Surface, *, bond: float, spacing: float
) -> SurfaceSites:
    """Facets {111} and {100} of an FCC particle, and the kind of site of every atom; no orientation is needed.

    The surface is made of triangles. Three bonds make a piece of {111}; two triangles of two bonds at a right angle
    each, side by side, a square of {100}. Pieces that share a bond and lie within 25° of each other form a facet.

    - terrace: surrounded by pieces of one facet (6 triangles, or 4 squares);
    - step: on the rim of a facet, and bonded to an atom of a parallel facet one layer below it; straight steps have 4
      neighbours in their terrace on {111} and 3 on {100}, and with fewer the atom is a kink (corners of islands are
      too);
    - foot: not on a terrace, at the lower side of such a step;
    - edge, vertex: of two, or of three and more facets that are not parallel;
    - adatom: with 4 bonds at most, in no facet of more than 2 triangles;
    - rough: any other atom of the surface; inner: not at the surface.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    neighbours : Neighbours
    surface : Surface
    bond : float [Å]
        Longest bond.
    spacing : float [Å]
        Nearest-neighbour distance.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    pieces, number, family = _facet_pieces(points, surface.triangles, bond)
    facets = [
        _facet(points, surface.triangles[pieces[number == each]], str(family[number == each][0]))
        for each in np.unique(number)
    ]
    order = sorted(range(len(facets)), key=lambda k: (-len(facets[k].atoms), facets[k].atoms.tolist()))
    facets = [facets[k] for k in order]
    site = np.where(surface.exposed, "rough", "inner").astype("<U8")
    _name_sites(points, neighbours, facets, surface, spacing, site)
    names = np.array(
        ["+".join(sorted({facet.family for facet in mine})) for mine in _facets_of(len(points), facets)], dtype="<U7"
    )
    return SurfaceSites(facets=tuple(facets), site=site, family=names)


def _facet_pieces(
    points: NDArray[np.float64], triangles: NDArray[np.intp], bond: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.str_]]:
    """The triangles that are pieces of facets, the number of the facet of each, and its family."""
    corners = points[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    sides = corners[:, [2, 0, 1]] - corners[:, [1, 2, 0]]  # side k is opposite of corner k
    bonded = np.linalg.norm(sides, axis=2) <= bond
    equilateral = bonded.all(axis=1)
    far = np.argmax(np.linalg.norm(sides, axis=2), axis=1)
    rows = np.arange(len(triangles))
    one, two = sides[rows, (far + 1) % 3], sides[rows, (far + 2) % 3]
    cosine = np.einsum("ij,ij->i", one, two) / (np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1))
    right = (bonded.sum(axis=1) == 2) & (np.abs(cosine) < _RIGHT_ANGLE)
    left, over, side = _shared_sides(triangles)
    flat = np.einsum("ij,ij->i", normals[left], normals[over]) > _FLAT
    along = side[:, 0], side[:, 1]
    across_bond = bonded[left, along[0]]
    diagonal = right[left] & right[over] & flat & (along[0] == far[left]) & (along[1] == far[over])
    square = np.zeros(len(triangles), dtype=bool)
    square[left[diagonal]] = True
    square[over[diagonal]] = True
    family = np.where(equilateral, "111", np.where(square, "100", ""))
    joined = (flat & across_bond & (family[left] == family[over]) & (family[left] != "")) | diagonal
    graph = coo_array((np.ones(int(joined.sum())), (left[joined], over[joined])), shape=(len(triangles),) * 2)
    number = np.asarray(connected_components(graph, directed=False)[1]).astype(np.intp)
    pieces = np.flatnonzero(family != "")
    return pieces, number[pieces], family[pieces]


def _shared_sides(triangles: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of triangles with a side in common, and which corner of each is opposite of it, (k, 2).

    Sides run through in opposite directions in the two, so a side where more than two triangles meet pairs only those
    that follow each other around the surface.
    """
    count = len(triangles)
    start = triangles[:, [1, 2, 0]].ravel()
    stop = triangles[:, [2, 0, 1]].ravel()
    owner, corner = np.divmod(np.arange(3 * count), 3)
    forward: dict[tuple[int, int], int] = {}
    for position, key in enumerate(zip(start.tolist(), stop.tolist(), strict=True)):
        forward.setdefault(key, position)
    pairs = []
    for (a, b), position in forward.items():
        other = forward.get((b, a))
        if a < b and other is not None:
            pairs.append((position, other))
    found = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return owner[found[:, 0]], owner[found[:, 1]], corner[found]


def _facet(points: NDArray[np.float64], triangles: NDArray[np.intp], family: str) -> Facet:
    corners = points[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normal, axis=1) / 2.0
    mean = normal.sum(axis=0)
    atoms, uses = np.unique(triangles, return_counts=True)
    if family == "100":
        # a diagonal gives its two atoms a triangle more, so squares are counted by the quarter turns around an atom
        uses = np.rint(_angles_around(points, triangles, atoms) / 45.0).astype(np.intp)
    return Facet(
        family=family,
        atoms=atoms.astype(np.intp),
        terrace=atoms[uses >= _FULL[family]].astype(np.intp),
        normal=mean / np.linalg.norm(mean),
        area=float(area.sum()),
    )


def _angles_around(
    points: NDArray[np.float64], triangles: NDArray[np.intp], atoms: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Sum of the triangles' angles [deg] at each atom."""
    corners = points[triangles]
    total = np.zeros(len(atoms))
    for k in range(3):
        one, two = corners[:, (k + 1) % 3] - corners[:, k], corners[:, (k + 2) % 3] - corners[:, k]
        cosine = np.einsum("ij,ij->i", one, two) / (np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1))
        np.add.at(total, np.searchsorted(atoms, triangles[:, k]), np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))))
    return total


def _facets_of(n: int, facets: list[Facet]) -> list[list[Facet]]:
    found: list[list[Facet]] = [[] for _ in range(n)]
    for facet in facets:
        for atom in facet.atoms:
            found[atom].append(facet)
    return found


def _name_sites(
    points: NDArray[np.float64],
    neighbours: Neighbours,
    facets: list[Facet],
    surface: Surface,
    spacing: float,
    site: NDArray[np.str_],
) -> None:
    """Fill in `site`, from what is common to what is special."""
    count = np.diff(neighbours.offsets)
    belongs = _facets_of(len(points), facets)
    triangles = np.zeros(len(points), dtype=np.intp)  # of the largest facet of each atom
    for facet in facets:
        size = max(len(facet.atoms) - 2, 1)
        triangles[facet.atoms] = np.maximum(triangles[facet.atoms], size)
    for atom in np.flatnonzero(surface.exposed):
        directions = len(belongs[atom])
        if count[atom] <= _ADATOM and triangles[atom] <= 2:
            site[atom] = "adatom"
        elif directions >= 2:
            site[atom] = "edge" if directions == 2 else "vertex"
    for upper in facets:
        for atom in np.setdiff1d(upper.atoms, upper.terrace):
            if site[atom] != "adatom":
                _mark_step(int(atom), upper, belongs, neighbours, spacing, site)
    for facet in facets:
        site[facet.terrace] = "terrace"


def _mark_step(
    atom: int,
    upper: Facet,
    belongs: list[list[Facet]],
    neighbours: Neighbours,
    spacing: float,
    site: NDArray[np.str_],
) -> None:
    part = slice(neighbours.offsets[atom], neighbours.offsets[atom + 1])
    height = neighbours.vectors[part] @ upper.normal / (_HEIGHT[upper.family] * spacing)
    below = neighbours.second[part][(height < -0.5) & (height > -1.5)]
    feet = [
        foot
        for foot in below
        if any(
            lower is not upper and lower.family == upper.family and float(lower.normal @ upper.normal) > _FLAT
            for lower in belongs[foot]
        )
    ]
    if not feet or len(upper.atoms) < 3:
        return
    beside = int((np.abs(height) < 0.5).sum())
    site[atom] = "step" if beside >= _STRAIGHT[upper.family] else "kink"
    for foot in feet:
        if site[foot] in ("rough", "edge", "vertex"):
            site[foot] = "foot"
