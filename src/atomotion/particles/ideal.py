"""Particles with a perfect lattice: FCC spheres and polyhedra, twins, icosahedra and decahedra."""

from collections.abc import Callable
from itertools import count

import numpy as np
from ase import Atoms
from ase.cluster import Decahedron, Icosahedron, Octahedron
from ase.data import atomic_numbers, reference_states
from numpy.typing import ArrayLike, NDArray

from atomotion.data.errors import UsageError

_LARGEST = 200.0  # Å


def lattice_constant(element: str) -> float:
    """Lattice constant [Å] of an FCC element at room temperature (ASE's table: Pt 3.92, Au 4.08).

    Raises
    ------
    UsageError
        For what is no element, or none with an FCC lattice.
    """
    if element not in atomic_numbers or element == "X":
        raise UsageError(f"{element!r} is not the symbol of an element; pass for example Pt")
    state = reference_states[atomic_numbers[element]]
    if state is None or state.get("symmetry") != "fcc":
        raise UsageError(f"{element} has no FCC lattice in the table; pass the lattice constant, for example 3.55 Å")
    return float(state["a"])


def equivalent_diameter(n: int, lattice: float) -> float:
    """Diameter [Å] of the sphere that has the bulk volume of `n` atoms, four to the cube of edge `lattice` [Å]."""
    return float((6.0 * n * lattice**3 / 4.0 / np.pi) ** (1.0 / 3.0))


def fcc_sphere(
    element: str, diameter: float, *, lattice: float | None = None, centre: ArrayLike = (0.0, 0.0, 0.0)
) -> Atoms:
    """All sites of an FCC lattice within a sphere; axes along x, y, z.

    Parameters
    ----------
    element : str
    diameter : float [Å]
    lattice : float [Å] or None
        None takes the element's own.
    centre : (3,) float
        Centre of the sphere in units of the lattice constant, relative to an atom. The particle is not moved back to
        its centre of mass, which may lie up to a fraction of the lattice constant from the origin.

    Raises
    ------
    UsageError
        Where the sphere holds no atom.
    """
    a = lattice_constant(element) if lattice is None else lattice
    return _atoms(element, _sphere_sites(a, diameter, np.asarray(centre, dtype=float)), recentre=False)


def twinned_sphere(element: str, diameter: float, *, lattice: float | None = None) -> Atoms:
    """An FCC sphere with a (111) twin plane through its centre, normal to z: stacking ...ABC(A)CBA...

    Parameters
    ----------
    element : str
    diameter : float [Å]
    lattice : float [Å] or None
    """
    a = lattice_constant(element) if lattice is None else lattice
    sites = _sphere_sites(a, diameter, np.zeros(3)) @ _along_111().T
    lower = sites[sites[:, 2] < -1e-6 * a]
    return _atoms(element, np.concatenate([sites[sites[:, 2] < 1e-6 * a], lower * [1.0, 1.0, -1.0]]))


def faulted_sphere(element: str, diameter: float, *, lattice: float | None = None) -> Atoms:
    """An FCC sphere with an intrinsic (111) stacking fault just above its centre, normal to z: ...ABC|BCABC...

    The upper half is shifted by a/6 <112>, so that two planes at the fault have hexagonal neighbours.

    Parameters
    ----------
    element : str
    diameter : float [Å]
    lattice : float [Å] or None
    """
    a = lattice_constant(element) if lattice is None else lattice
    # cut after the shift, so that the surface stays a sphere
    sites = _sphere_sites(a, diameter + 2.0 * a, np.zeros(3)) @ _along_111().T
    upper = sites[:, 2] > 1e-6 * a
    # atoms above the plane z = 0 (A) sit on hollows of one kind (B); a/6 [11-2] brings them to those of the other
    sites[upper, 1] += a / np.sqrt(6.0)
    inside = np.linalg.norm(sites, axis=1) <= diameter / 2.0 + 1e-9 * a
    return _atoms(element, sites[inside])


def _along_111() -> NDArray[np.float64]:
    """Rows: the directions [1-10], [11-2] and [111], which become x, y and z."""
    axes = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0], [1.0, 1.0, 1.0]])
    return axes / np.linalg.norm(axes, axis=1)[:, None]


def truncated_octahedron(
    element: str, length: int, cutoff: int | None = None, *, lattice: float | None = None
) -> Atoms:
    """An octahedron of `length` atoms along its edges, with `cutoff` layers cut from each corner; axes along x, y, z.

    Without `cutoff` a third of the length is cut, which makes the regular truncated octahedron where it divides.
    """
    a = lattice_constant(element) if lattice is None else lattice
    cut = length // 3 if cutoff is None else cutoff
    return _atoms(element, Octahedron(element, length=length, cutoff=cut, latticeconstant=a).positions)


def cuboctahedron(element: str, shells: int, *, lattice: float | None = None) -> Atoms:
    """The cuboctahedron of 1, 13, 55, 147, 309 ... atoms (`shells` = 0, 1, 2, 3, 4 ...); axes along x, y, z."""
    return truncated_octahedron(element, 2 * shells + 1, shells, lattice=lattice)


def icosahedron(element: str, shells: int, *, lattice: float | None = None) -> Atoms:
    """The Mackay icosahedron of 1, 13, 55, 147, 309 ... atoms (`shells` = 0, 1, 2, 3, 4 ...)."""
    a = lattice_constant(element) if lattice is None else lattice
    return _atoms(element, Icosahedron(element, noshells=shells + 1, latticeconstant=a).positions)


def decahedron(element: str, p: int, q: int, r: int = 0, *, lattice: float | None = None) -> Atoms:
    """A Marks decahedron, five twins about the z axis.

    Parameters
    ----------
    element : str
    p, q : int
        Atoms along the (100) face normal to the five-fold axis, and along it.
    r : int
        Depth of the Marks re-entrances.
    lattice : float [Å] or None
    """
    a = lattice_constant(element) if lattice is None else lattice
    return _atoms(element, Decahedron(element, p=p, q=q, r=r, latticeconstant=a).positions)


# what `particle` builds for a step of size, by kind, with the first step; spheres and twins follow the diameter itself
_STEPS: dict[str, tuple[Callable[[str, int, float], Atoms], int]] = {
    "truncated_octahedron": (lambda e, n, a: truncated_octahedron(e, n, lattice=a), 3),
    "cuboctahedron": (lambda e, n, a: cuboctahedron(e, n, lattice=a), 1),
    "icosahedron": (lambda e, n, a: icosahedron(e, n, lattice=a), 1),
    "decahedron": (lambda e, n, a: decahedron(e, n, n, lattice=a), 2),
}
KINDS = ("sphere", "twin", "stacking_fault", *_STEPS)


def particle(kind: str, element: str, diameter: float, *, lattice: float | None = None) -> Atoms:
    """The ideal particle of a kind whose size is nearest to `diameter`.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    element : str
    diameter : float [Å]
        See `equivalent_diameter`; spheres and twins are cut at this diameter.
    lattice : float [Å] or None
        None takes the element's own.

    Raises
    ------
    UsageError
        For an unknown kind, and a particle of 200 Å or more.
    """
    a = lattice_constant(element) if lattice is None else lattice
    if kind not in KINDS:
        raise UsageError(f"unknown kind of particle {kind!r}; known are {', '.join(KINDS)}")
    if diameter >= _LARGEST:
        raise UsageError(f"a particle of {diameter:g} Å is too large; it must be less than {_LARGEST:g} Å")
    if kind == "sphere":
        return fcc_sphere(element, diameter, lattice=a)
    if kind == "twin":
        return twinned_sphere(element, diameter, lattice=a)
    if kind == "stacking_fault":
        return faulted_sphere(element, diameter, lattice=a)
    build, first = _STEPS[kind]
    sizes = (build(element, step, a) for step in count(first))
    best = next(sizes)
    for larger in sizes:
        if _misfit(larger, diameter, a) >= _misfit(best, diameter, a):
            break
        best = larger
    return best


def _misfit(atoms: Atoms, diameter: float, lattice: float) -> float:
    return abs(equivalent_diameter(len(atoms), lattice) - diameter)


def _sphere_sites(lattice: float, diameter: float, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    reach = int(diameter / lattice / 2.0) + 2
    cells = np.arange(-reach, reach + 1)
    corners = np.stack(np.meshgrid(cells, cells, cells, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    basis = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
    sites = (corners + basis).reshape(-1, 3) - centre
    # the tolerance keeps sites that lie exactly on the sphere, whatever the rounding
    inside: NDArray[np.float64] = lattice * sites[np.linalg.norm(sites, axis=1) <= diameter / (2.0 * lattice) + 1e-9]
    return inside


def _atoms(element: str, positions: NDArray[np.float64], *, recentre: bool = True) -> Atoms:
    if len(positions) == 0:
        raise UsageError("the particle has no atoms; make it larger")
    shifted = positions - positions.mean(axis=0) if recentre else positions
    return Atoms(symbols=[element] * len(shifted), positions=shifted)
