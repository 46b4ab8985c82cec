"""The FCC lattice that most atoms of a particle lie on, whatever its orientation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data import InputError
from atomotion.neighbours.pairs import Neighbours, nearest_distances, neighbour_pairs
from atomotion.neighbours.sites import bond_indices, cubic_rotations, nearest_sites

# in units of the nearest-neighbour distance: what still counts as on a site, and the reach of bonds
_TOLERANCE = 0.22
_REACH = 1.22
# cell edges differ from each other, and from the expected one, by up to this part
_EDGES = 0.12
_GROWTH = 1.5


@dataclass(frozen=True, kw_only=True, slots=True)
class LatticeFit:
    """The cubic cell fitted to a particle: ``r_i = origin + n_i · (a, b, c) / 2 + residual_i``.

    Parameters
    ----------
    cell : (3, 3) float [Å]
        Rows are the cell vectors a, b, c: right-handed, and of the 24 ways to call them that with the axes nearest to
        x, y, z.
    origin : (3,) float, x y z [Å]
    indices : (n, 3) int
        The site nearest to each atom, in units of a/2, b/2, c/2.
    residual : (n, 3) float [Å]
        Atom minus site.
    on_site : (n,) bool
        Atoms that took part in the fit: within 0.22 nearest-neighbour distances of their site, and the nearest to it.
    rms : float [Å]
        Root mean square length of the residuals of those.
    edge_errors : (3,) float [Å]
        Standard errors of the lengths of a, b and c.
    """

    cell: NDArray[np.float64]
    origin: NDArray[np.float64]
    indices: NDArray[np.intp]
    residual: NDArray[np.float64]
    on_site: NDArray[np.bool_]
    rms: float
    edge_errors: NDArray[np.float64]

    @property
    def edges(self) -> NDArray[np.float64]:
        """Lengths of a, b and c [Å], (3,)."""
        return np.linalg.norm(self.cell, axis=1)

    @property
    def constant(self) -> float:
        """The lattice constant [Å]: the mean of the three edges."""
        return float(self.edges.mean())

    @property
    def angles_deg(self) -> NDArray[np.float64]:
        """Angles between b and c, c and a, a and b [deg], (3,)."""
        unit = self.cell / self.edges[:, None]
        cosines = [unit[1] @ unit[2], unit[2] @ unit[0], unit[0] @ unit[1]]
        return np.rad2deg(np.arccos(np.clip(cosines, -1.0, 1.0)))

    @property
    def rotation(self) -> NDArray[np.float64]:
        """The rotation (3, 3) that turns x, y, z into the directions of a, b, c, as nearly as a rotation can."""
        return nearest_rotation(self.cell.T)

    @property
    def share(self) -> float:
        """Share of the atoms on their sites."""
        return float(self.on_site.mean())


def nearest_rotation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation R of the polar decomposition ``matrix = V R`` with V symmetric."""
    u, _, vt = np.linalg.svd(matrix)
    rotation: NDArray[np.float64] = u @ vt
    return rotation


def fit_lattice(
    positions: ArrayLike,
    *,
    spacing: float | None = None,
    among: NDArray[np.bool_] | None = None,
    seeds: int = 16,
) -> LatticeFit:
    r"""The FCC lattice on which most atoms lie: three cell vectors and an origin by least squares.

    .. math:: \min_{o, a, b, c} \sum_i |r_i - o - \tfrac12 (n_{i,1} a + n_{i,2} b + n_{i,3} c)|^2

    The orientation is found: bonds at right angles of each seed atom give axes, a lattice grows from there shell by
    shell, indices are the nearest sites of the last fit, and the growth that leaves most atoms near sites wins. Atoms
    farther than 0.22 nearest-neighbour distances from a site are left out, so stray atoms and the other side of a
    twin do not pull; where a twin has no larger side the first of equals is taken. No random numbers.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    spacing : float or None [Å]
        Nearest-neighbour distance, to a tenth; None takes the median bond within 1.22 times the median distance to the
        nearest atom.
    among : (n,) bool or None
        Atoms to fit; the others still get indices and residuals.
    seeds : int
        How many atoms growth is tried from.

    Raises
    ------
    InputError
        Where no lattice is found: too few atoms, in one plane, or without order.

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), for the fit; its program takes the axes to be along x, y and z, fits
    once, and uses all atoms.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    chosen = np.ones(len(points), dtype=bool) if among is None else np.asarray(among, dtype=bool)
    subset = points[chosen]
    if len(subset) < 6:
        raise InputError(f"a lattice fit takes at least 6 atoms; there are {len(subset)}")
    d = median_bond(subset) if spacing is None else float(spacing)
    neighbours = neighbour_pairs(subset, _REACH * d)
    best: tuple[float, NDArray[np.float64], NDArray[np.float64]] | None = None
    for atom in _seed_atoms(subset, neighbours, seeds):
        half = _axes_at(neighbours, atom, d)
        grown = None if half is None else _grow(subset, subset[atom], half, d)
        if grown is not None and (best is None or grown[0] > best[0] + 1e-6):
            best = grown
    if best is None:
        raise InputError(f"no FCC lattice fits these {len(subset)} atoms; they have no common order")
    return _described(points, chosen, best[1], best[2], d)


def median_bond(positions: NDArray[np.float64]) -> float:
    """Median distance [Å] of the pairs within 1.22 times the median distance to the nearest atom."""
    nearest = float(np.median(nearest_distances(positions)))
    return float(np.median(neighbour_pairs(positions, _REACH * nearest).distances))


def _seed_atoms(points: NDArray[np.float64], neighbours: Neighbours, seeds: int) -> list[int]:
    """Atoms with most neighbours, far from one another: the next is always the farthest from those before."""
    count = np.diff(neighbours.offsets)
    enough = np.flatnonzero(count >= min(12, int(np.quantile(count, 0.75))))
    centre = points[enough].mean(axis=0)
    distance = np.linalg.norm(points[enough] - centre, axis=1)
    order = [int(distance.argmin())]
    apart = np.linalg.norm(points[enough] - points[enough[order[0]]], axis=1)
    while len(order) < min(seeds, len(enough)):
        order.append(int(apart.argmax()))
        apart = np.minimum(apart, np.linalg.norm(points[enough] - points[enough[order[-1]]], axis=1))
    return [int(enough[number]) for number in order]


def _axes_at(neighbours: Neighbours, atom: int, d: float) -> NDArray[np.float64] | None:
    """Half the cell (rows) that explains the bonds of one atom best, from its pairs of bonds at right angles."""
    part = slice(neighbours.offsets[atom], neighbours.offsets[atom + 1])
    bonds = neighbours.vectors[part]
    if len(bonds) < 4:
        return None
    unit = bonds / neighbours.distances[part][:, None]
    i, j = np.nonzero(np.triu(np.abs(unit @ unit.T) < 0.25, 1))
    best, least = None, np.inf
    for u, v in zip(unit[i], unit[j], strict=True):
        x = (u + v) / np.linalg.norm(u + v)
        y = (u - v) - ((u - v) @ x) * x
        y /= np.linalg.norm(y)
        half = d / np.sqrt(2.0) * np.array([x, y, np.cross(x, y)])
        misfit = bond_indices(bonds, 2.0 * half)[1]
        cost = float(np.minimum(misfit / (0.35 * d), 1.0) @ np.minimum(misfit / (0.35 * d), 1.0))
        if cost < least - 1e-9:
            best, least = half, cost
    return best


def _grow(
    points: NDArray[np.float64], origin: NDArray[np.float64], half: NDArray[np.float64], d: float
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]] | None:
    """Score, origin and half cell of the lattice that grows from an atom."""
    start = origin
    distance = np.linalg.norm(points - start, axis=1)
    reach, last = 1.5 * d, float(distance.max())
    extra = 3
    while extra > 0:
        inside = distance <= reach
        fitted = _refit(points[inside], origin, half, d)
        if fitted is None:
            return None
        origin, half = fitted
        if reach >= last:
            extra -= 1
        reach *= _GROWTH
    _, residual, on_site = _assigned(points, origin, half, d)
    near = np.linalg.norm(residual[on_site], axis=1) / (_TOLERANCE * d)
    return float(np.sum(1.0 - near**2)), origin, half


def _refit(
    points: NDArray[np.float64], origin: NDArray[np.float64], half: NDArray[np.float64], d: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    indices, _, on_site = _assigned(points, origin, half, d)
    if on_site.sum() < 6:
        return None
    design = np.column_stack([np.ones(int(on_site.sum())), indices[on_site]])
    solution, _, rank, _ = np.linalg.lstsq(design, points[on_site], rcond=1e-6)
    edges = np.linalg.norm(solution[1:], axis=1) * np.sqrt(2.0) / d
    angles = solution[1:] @ solution[1:].T / np.outer(edges * d, edges * d) * 2.0
    if rank < 4 or np.abs(edges - 1.0).max() > _EDGES or np.abs(angles - np.eye(3)).max() > _EDGES:
        return None
    fitted = np.array(solution, dtype=np.float64)
    return fitted[0], fitted[1:]


def _assigned(
    points: NDArray[np.float64], origin: NDArray[np.float64], half: NDArray[np.float64], d: float
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]]:
    """Nearest sites, residuals, and whether an atom is near its site and the nearest to it."""
    indices = nearest_sites((points - origin) @ np.linalg.inv(half))
    residual = points - origin - indices @ half
    off = np.linalg.norm(residual, axis=1)
    on_site = off < _TOLERANCE * d
    order = np.lexsort((off, indices[:, 2], indices[:, 1], indices[:, 0]))
    same = np.zeros(len(points), dtype=bool)
    same[order[1:]] = (indices[order[1:]] == indices[order[:-1]]).all(axis=1)
    return indices, residual, on_site & ~same


def _described(
    points: NDArray[np.float64],
    among: NDArray[np.bool_],
    origin: NDArray[np.float64],
    half: NDArray[np.float64],
    d: float,
) -> LatticeFit:
    rotations = cubic_rotations()
    axes = nearest_rotation(half.T).T
    alike = np.einsum("kij,ji->k", rotations.astype(float), axes)
    half = rotations[int(np.argmax(np.round(alike, 9)))] @ half
    indices, residual, on_site = _assigned(points, origin, half, d)
    # an atom outside of the fitted ones that shares a site must not push out one of them
    on_site = on_site & among
    squares = np.einsum("ij,ij->i", residual[on_site], residual[on_site])
    n = int(on_site.sum())
    design = np.column_stack([np.ones(n), indices[on_site]])
    variance = float(squares.sum()) / max(3 * n - 12, 1)
    covariance = variance * np.linalg.pinv(design.T @ design)
    return LatticeFit(
        cell=2.0 * half,
        origin=origin,
        indices=indices,
        residual=residual,
        on_site=on_site,
        rms=float(np.sqrt(squares.mean())),
        edge_errors=2.0 * np.sqrt(np.diag(covariance)[1:]),
    )
