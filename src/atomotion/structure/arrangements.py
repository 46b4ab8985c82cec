"""Which perfect arrangement the twelve nearest atoms of an atom are: FCC, HCP, icosahedral or five-fold."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

KINDS = ("fcc", "hcp", "icosahedral", "fivefold")
_CHUNK = 1000
_STARTS = (0, 5)


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalStructure:
    """What surrounds every atom.

    Parameters
    ----------
    kind : (n,) str
        One of `KINDS`; "surface" for atoms that are not asked about; "other" where nothing fits.
    misfit : (n,) float
        Root mean square distance of the twelve neighbours from the best arrangement, in units of their mean distance;
        NaN for atoms that are not asked about.
    normal : (n, 3) float
        HCP: the direction in which its close-packed planes are stacked. Five-fold: its axis. NaN for the others.
    """

    kind: NDArray[np.str_]
    misfit: NDArray[np.float64]
    normal: NDArray[np.float64]


@cache
def arrangement(kind: str) -> NDArray[np.float64]:
    """The twelve neighbours, (12, 3), of an atom in a perfect arrangement, at distance 1.

    Close-packed planes of "hcp" are normal to z, and so is the axis of "fivefold" (the atom on the axis of a
    decahedron) along it.
    """
    angle = np.deg2rad(60.0 * np.arange(6))
    if kind == "fcc":
        pairs = [(i, j) for i in (1.0, -1.0) for j in (1.0, -1.0)]
        vectors = [np.roll([i, j, 0.0], shift) for i, j in pairs for shift in range(3)]
        return np.array(vectors) / np.sqrt(2.0)
    if kind == "hcp":
        plane = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(6)])
        turned = angle[::2] + np.deg2rad(30.0)
        cap = np.column_stack(
            [np.cos(turned) / np.sqrt(3.0), np.sin(turned) / np.sqrt(3.0), np.full(3, np.sqrt(2 / 3))]
        )
        return np.concatenate([plane, cap, cap * [1.0, 1.0, -1.0]])
    if kind == "icosahedral":
        golden = (1.0 + np.sqrt(5.0)) / 2.0
        corners = [np.roll([0.0, i, j * golden], shift) for i in (1, -1) for j in (1, -1) for shift in range(3)]
        return np.array(corners) / np.hypot(1.0, golden)
    if kind == "fivefold":
        angle = np.deg2rad(72.0 * np.arange(5))
        ring = np.column_stack([np.cos(angle), np.sin(angle)]) * np.sqrt(0.75)
        rings = [np.column_stack([ring, np.full(5, height)]) for height in (0.5, -0.5)]
        return np.concatenate([*rings, [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]])
    raise ValueError(kind)


def local_structure(
    positions: ArrayLike, *, asked: ArrayLike | None = None, largest_misfit: float = 0.18
) -> LocalStructure:
    r"""The perfect arrangement nearest to the twelve nearest atoms of every atom.

    The twelve vectors, in units of their mean length, are laid on each arrangement by the best rotation and
    assignment; the arrangement with the smallest root mean square distance is taken where that is at most
    `largest_misfit`:

    .. math:: \min_{k, R, P} \Big[ \tfrac1{12} \sum_j |v_j / \bar v - R\,t_{k, P(j)}|^2 \Big]^{1/2}

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    asked : (n,) bool or None
        Atoms of the interior; the others are called "surface". None asks about all.
    largest_misfit : float

    References
    ----------
    Larsen, Schmidt, Schiøtz, Modelling Simul. Mater. Sci. Eng. 24, 055007 (2016), whose polyhedral template matching
    finds the assignment by graphs where this tries rotations; and which has no five-fold arrangement.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    inner = np.ones(len(points), dtype=bool) if asked is None else np.asarray(asked, dtype=bool)
    kind = np.full(len(points), "surface", dtype="<U11")
    misfit = np.full(len(points), np.nan)
    normal = np.full((len(points), 3), np.nan)
    if len(points) < 13:
        kind[inner] = "other"
        return LocalStructure(kind=kind, misfit=misfit, normal=normal)
    tree = cKDTree(points)
    atoms = np.flatnonzero(inner)
    for chunk in np.array_split(atoms, max(1, len(atoms) // _CHUNK)):
        if len(chunk) == 0:
            continue
        near = np.asarray(tree.query(points[chunk], k=13)[1])[:, 1:]
        vectors = points[near] - points[chunk][:, None]
        vectors = vectors / np.linalg.norm(vectors, axis=2).mean(axis=1)[:, None, None]
        fits = [_fit(vectors, each) for each in KINDS]
        table = np.stack([fit[0] for fit in fits], axis=1)
        best = table.argmin(axis=1)
        misfit[chunk] = table[np.arange(len(chunk)), best]
        kind[chunk] = np.where(misfit[chunk] <= largest_misfit, np.array(KINDS)[best], "other")
        for number, each in enumerate(KINDS):
            if each in ("hcp", "fivefold"):
                these = (best == number) & (misfit[chunk] <= largest_misfit)
                normal[chunk[these]] = fits[number][1][these, :, 2]
    return LocalStructure(kind=kind, misfit=misfit, normal=normal)


@cache
def _reference_pairs(kind: str) -> NDArray[np.intp]:
    """Ordered pairs of adjacent neighbours, at least one for every way to lay a pair of bonds on the arrangement."""
    template = arrangement(kind)
    firsts = {"fcc": [0], "hcp": [0, 6], "icosahedral": [0], "fivefold": [0, 10]}[kind]
    cosine = template @ template.T
    return np.array([(a, b) for a in firsts for b in range(12) if 0.3 < cosine[a, b] < 0.7])


def _frames(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Right-handed axes (..., 3, 3), as columns, with x between the two vectors and y in their plane."""
    one = first / np.linalg.norm(first, axis=-1, keepdims=True)
    two = second / np.linalg.norm(second, axis=-1, keepdims=True)
    x = one + two
    y = one - two
    x, y = x / np.linalg.norm(x, axis=-1, keepdims=True), y / np.linalg.norm(y, axis=-1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _fit(vectors: NDArray[np.float64], kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Misfit (m,) and rotation (m, 3, 3) of the best way to lay an arrangement on each atom's neighbours (m, 12, 3)."""
    template = arrangement(kind)
    pairs = _reference_pairs(kind)
    frames = _frames(template[pairs[:, 0]], template[pairs[:, 1]])
    atom = np.arange(len(vectors))
    best = np.full(len(vectors), -np.inf)
    rotation = np.zeros((len(vectors), 3, 3))
    unit = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
    for start in _STARTS:
        cosine = np.einsum("mjk,mk->mj", unit, unit[:, start])
        cosine[:, start] = -1.0
        partner = np.abs(cosine - 0.5).argmin(axis=1)
        own = _frames(unit[:, start], unit[atom, partner])
        for frame in frames:
            trial = own @ frame.T
            score = (unit @ (trial @ template.T)).max(axis=2).sum(axis=1)
            better = score > best
            best[better], rotation[better] = score[better], trial[better]
    for _ in range(2):
        order = _assignment(unit @ (rotation @ template.T))
        target = template[order]
        u, _, vt = np.linalg.svd(np.swapaxes(vectors, 1, 2) @ target)
        hand = np.sign(np.linalg.det(u @ vt))
        u[:, :, 2] *= hand[:, None]
        rotation = u @ vt
    rest = vectors - target @ np.swapaxes(rotation, 1, 2)
    return np.sqrt((rest**2).sum(axis=2).mean(axis=1)), rotation


def _assignment(cosine: NDArray[np.float64]) -> NDArray[np.intp]:
    """Which template vector each neighbour is laid on, one to one, (m, 12)."""
    order: NDArray[np.intp] = cosine.argmax(axis=2)
    doubled = (np.sort(order, axis=1) != np.arange(12)).any(axis=1)
    for number in np.flatnonzero(doubled):
        order[number] = linear_sum_assignment(cosine[number], maximize=True)[1]
    return order
