"""Particles that change atom by atom: disordered surfaces, etching, growth, surfaces that rearrange."""

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from atomotion.data.errors import UsageError

# a bond is shorter than this many nearest-neighbour distances; half way to the second shell of an FCC lattice
_BOND = 1.2
# how strongly chance mixes into the order of the coordination numbers
_CHANCE = 0.7
_FULL_SHELL = 12


def displaced(atoms: Atoms, *, surface: float, inner: float, rng: np.random.Generator) -> Atoms:
    """A particle whose atoms are off their sites: those of the surface by another amount than those inside.

    Parameters
    ----------
    atoms : ase.Atoms
    surface, inner : float [Å]
        Root-mean-square length of the displacement, isotropic and normal, of atoms with fewer than 12 neighbours and of
        all others.
    rng : numpy.random.Generator
    """
    result: Atoms = atoms.copy()
    amount = np.where(coordination(atoms.positions) < _FULL_SHELL, surface, inner)
    result.positions += rng.normal(size=(len(atoms), 3)) * (amount / np.sqrt(3.0))[:, None]
    return result


def coordination(positions: NDArray[np.float64]) -> NDArray[np.intp]:
    """(n,) neighbours within 1.2 nearest-neighbour distances of each atom."""
    tree = cKDTree(positions)
    counts = tree.query_ball_point(positions, _BOND * spacing(positions), return_length=True)
    return np.asarray(counts, dtype=np.intp) - 1


def spacing(positions: NDArray[np.float64]) -> float:
    """Median nearest-neighbour distance [Å].

    Raises
    ------
    UsageError
        For less than two atoms.
    """
    if len(positions) < 2:
        raise UsageError("a single atom has no neighbours; make the particle larger")
    distances = np.asarray(cKDTree(positions).query(positions, k=2)[0])
    return float(np.median(distances[:, 1]))


def etched(atoms: Atoms, count: int, rng: np.random.Generator) -> Atoms:
    """The particle after `count` atoms have left, one by one, those with the fewest neighbours first.

    The next one to leave has the lowest sum of its coordination number and a Gumbel deviate of scale 0.7, as if the
    rate of leaving were proportional to ``exp(-CN / 0.7)``.

    Raises
    ------
    UsageError
        Where less than two atoms would be left.
    """
    if len(atoms) - count < 2:
        raise UsageError(f"{count} atoms cannot leave a particle of {len(atoms)}; take fewer states or changed atoms")
    bond = _BOND * spacing(atoms.positions)
    neighbours = cKDTree(atoms.positions).query_ball_point(atoms.positions, bond)
    bonds = np.array([len(each) - 1.0 for each in neighbours])
    left = np.ones(len(atoms), dtype=bool)
    for _ in range(count):
        leaves = int(np.argmin(np.where(left, bonds + _CHANCE * rng.gumbel(size=len(atoms)), np.inf)))
        left[leaves] = False
        bonds[neighbours[leaves]] -= 1.0
    result: Atoms = atoms[left]
    return result


def grown(atoms: Atoms, count: int, rng: np.random.Generator) -> Atoms:
    """The particle after `count` atoms have come, one by one, to free sites with many neighbours.

    A free site continues a row of two neighbours, ``2 x_i - x_j``: in an FCC lattice these are lattice sites. Sites
    nearer than 0.8 nearest-neighbour distances to an atom are taken; of the others the highest sum of the coordination
    number and a Gumbel deviate of scale 0.7 wins.
    """
    distance = spacing(atoms.positions)
    element = max(set(atoms.get_chemical_symbols()), key=atoms.get_chemical_symbols().count)
    positions = np.array(atoms.positions)
    added: list[NDArray[np.float64]] = []
    free = _free_sites(positions, distance)
    for _ in range(count):
        bonds = cKDTree(positions).query_ball_point(free, _BOND * distance, return_length=True)
        new = free[int(np.argmax(bonds + _CHANCE * rng.gumbel(size=len(free))))]
        added.append(new)
        positions = np.concatenate([positions, new[None]])
        around = positions[cKDTree(positions).query_ball_point(new, _BOND * distance)]
        free = np.concatenate([free, 2.0 * new - around, 2.0 * around - new])
        free = free[cKDTree(positions).query(free)[0] > 0.8 * distance]
    if not added:
        return atoms.copy()
    return atoms + Atoms(symbols=[element] * count, positions=np.array(added))


def _free_sites(positions: NDArray[np.float64], distance: float) -> NDArray[np.float64]:
    pairs = cKDTree(positions).query_pairs(_BOND * distance, output_type="ndarray")
    first, second = positions[pairs[:, 0]], positions[pairs[:, 1]]
    sites = np.concatenate([2.0 * first - second, 2.0 * second - first])
    return sites[cKDTree(positions).query(sites)[0] > 0.8 * distance]


def successive_states(
    atoms: Atoms, change: str, *, states: int, changed: int, rng: np.random.Generator
) -> tuple[Atoms, ...]:
    """A particle and what becomes of it, state by state, in one frame of reference.

    Parameters
    ----------
    atoms : ase.Atoms
        The first state.
    change : str
        "none", "etching", "growth", or "fluctuation": atoms leave and as many come at other places.
    states : int
    changed : int
        Atoms from state to state.
    rng : numpy.random.Generator

    Raises
    ------
    UsageError
        For an unknown change, and where nothing would be left.
    """
    steps = {
        "etching": lambda now: etched(now, changed, rng),
        "growth": lambda now: grown(now, changed, rng),
        "fluctuation": lambda now: grown(etched(now, changed, rng), changed, rng),
    }
    if change == "none":
        return (atoms,)
    if change not in steps:
        raise UsageError(f"unknown change {change!r}; known are none, {', '.join(steps)}")
    result = [atoms]
    for _ in range(states - 1):
        result.append(steps[change](result[-1]))
    return tuple(result)
