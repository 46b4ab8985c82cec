"""Simulated states of atoms for each kind of dynamics: etched, grown and partly molten FCC particles."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from atomotion.data.errors import UsageError
from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.particles import disordered, fcc_sphere, lattice_constant

# rms displacement [Å] of every atom and share of the atoms that are not found, as in a good reconstruction
_DISPLACED, _MISSED = 0.15, 0.01
# share of the atoms of a destabilised state that are molten, and share of these that move too much to be seen
_MOLTEN, _UNSEEN = (0.35, 0.6), 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class KindStates:
    """Simulated states of one particle.

    Parameters
    ----------
    positions : list of (n, 3) float [Å]
        Each in an orientation and at a place of its own.
    t0, t1 : (states,) float [s]
        Their time windows.
    """

    positions: list[NDArray[np.float64]]
    t0: NDArray[np.float64]
    t1: NDArray[np.float64]


def simulate_kind_states(kind: str, rng: np.random.Generator, *, states: int = 6, element: str = "Pt") -> KindStates:
    """Atoms of a trajectory of a kind: an FCC sphere of 350 to 600 atoms and what becomes of it.

    Etching takes the least coordinated atoms, growth puts all of them back, and a destabilised state has a molten outer
    part (`particles.disordered`) of a third to three fifths of its atoms, of which a quarter are not seen, as there are
    fewer atoms in the destabilised states of the paper's EFC1. All atoms are displaced by
    0.15 Å, 1 % are missed, and every state is turned and shifted at random.

    Parameters
    ----------
    kind : str
        ESC, ESIP, ECT, EFC, FAC or FACHC.
    rng : numpy.random.Generator
    states : int
        At least 5.
    element : str

    Raises
    ------
    UsageError
        For another kind and fewer states.
    """
    if states < 5:
        raise UsageError(f"{states} states are too few to show every kind; simulate at least 5")
    part = np.linspace(0.0, 1.0, states)
    molten = np.zeros(states, dtype=bool)
    loss = rng.uniform(0.15, 0.30)
    if kind in ("ESC", "ECT", "EFC"):
        size = 1.0 - loss * part
    elif kind == "ESIP":
        size = 1.0 - loss * np.clip(part * (states - 1) - (states - 3), 0.0, None) / 2.0
    elif kind in ("FAC", "FACHC"):
        size = 1.0 - loss * np.where(np.arange(states) % 3 == 1, 1.0, 0.0)
    else:
        raise UsageError(f"unknown kind of dynamics {kind!r}; known are ESC, ESIP, ECT, EFC, FAC, FACHC")
    if kind == "ECT":
        molten[int(rng.integers(1, states - 1))] = True
    elif kind == "EFC":
        molten[1::2] = True
    elif kind == "FAC":
        molten[[1, 2]] = True
    a = lattice_constant(element)
    diameter = float(rng.uniform(21.8, 26.2))
    centre = rng.uniform(0.0, 1.0, size=3)
    sites = fcc_sphere(element, diameter, lattice=a, centre=centre).positions
    around = cKDTree(sites).query_ball_point(sites, 0.85 * a)
    neighbours = [np.array([j for j in each if j != i]) for i, each in enumerate(around)]
    occupied = np.ones(len(sites), dtype=bool)
    positions = []
    for target, melt in zip(np.round(len(sites) * size).astype(int), molten, strict=True):
        if target > occupied.sum():
            occupied[:] = True
        _etch(occupied, neighbours, target, rng)
        state = sites[occupied]
        if melt:
            particle = Atoms(symbols=[element] * len(state), positions=state)
            moved = disordered(particle, float(rng.uniform(*_MOLTEN)), rng).positions
            loose = np.flatnonzero(np.linalg.norm(moved - state, axis=1) > 1e-6)
            state = np.delete(moved, rng.choice(loose, size=round(_UNSEEN * len(loose)), replace=False), axis=0)
        positions.append(_observed(state, rng))
    starts = 6.0 * np.arange(states, dtype=np.float64)
    return KindStates(positions=positions, t0=starts, t1=starts + 5.0)


def _etch(
    occupied: NDArray[np.bool_], neighbours: list[NDArray[np.intp]], target: int, rng: np.random.Generator
) -> None:
    """Take the least coordinated sites one by one, ties at random."""
    coordination = np.array([np.count_nonzero(occupied[each]) for each in neighbours], dtype=float)
    coordination += rng.uniform(0.0, 0.5, size=len(occupied))
    for _ in range(int(occupied.sum()) - target):
        site = int(np.where(occupied, coordination, np.inf).argmin())
        occupied[site] = False
        coordination[neighbours[site]] -= 1.0


def _observed(state: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    seen = state[np.sort(rng.permutation(len(state))[: round((1 - _MISSED) * len(state))])]
    moved = seen + rng.normal(scale=_DISPLACED / np.sqrt(3.0), size=seen.shape)
    turn = matrices_from_quaternions(random_quaternions(1, rng)[0])
    return np.asarray(moved @ turn.T + rng.uniform(-20.0, 20.0, size=3))
