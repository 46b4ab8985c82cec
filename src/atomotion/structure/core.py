"""Atoms through many states: which atom is which, and those that are always there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data.errors import InputError
from atomotion.structure.comparison_config import MatchingConfig
from atomotion.structure.matching import match_atoms


@dataclass(frozen=True, kw_only=True, slots=True)
class InvariantCore:
    """The atoms that stay at their places in all states.

    Parameters
    ----------
    indices : (states, c) int
        Which atom of each state is core atom 0, 1, ... c - 1.
    positions : (c, 3) float [Å]
        Means over the states.
    spread : (c,) float [Å]
        Root mean square distance of each core atom from its mean.
    """

    indices: NDArray[np.intp]
    positions: NDArray[np.float64]
    spread: NDArray[np.float64]

    def share(self, atoms: Sequence[int]) -> NDArray[np.float64]:
        """(states,) share of each state's atoms that are core, from the numbers of atoms."""
        return self.indices.shape[1] / np.asarray(atoms, dtype=float)


def time_invariant_core(
    states: Sequence[ArrayLike], config: MatchingConfig | None = None, *, species: Sequence[ArrayLike] | None = None
) -> InvariantCore:
    """The atoms common to all states, by following running mean positions and going back through the states.

    The common atoms of the first two states are averaged; those that they have in common with the third are averaged
    in; and so on. Then every state is matched with what is left, and the atoms found in all of them are the core. The
    mean of a place is over all states so far, each with the same weight, and matching is one to one.

    Parameters
    ----------
    states : sequence of (n, 3) float, x y z [Å]
        At least one, aligned, in the order of time.
    config : MatchingConfig or None
        `matching_preset("meana2025")` is the rule of paper 001.
    species : sequence of (n,) or None
        Elements of each state.

    Raises
    ------
    InputError
        Without states.

    References
    ----------
    Meana-Pañeda et al., Sci. Adv. 11, eady1413 (2025), "Identification of a time-invariant core". Its program pairs
    atoms greedily in file order, so that the result depends on that order; here it does not.
    """
    if not states:
        raise InputError("there is no state to find a core in; pass at least one")
    positions = [np.asarray(state, dtype=float).reshape(-1, 3) for state in states]
    kinds = None if species is None else [np.asarray(each) for each in species]
    mean, elements = positions[0], None if kinds is None else kinds[0]
    for number in range(1, len(positions)):
        pairs = match_atoms(mean, positions[number], config, species=_both(elements, kinds, number))
        mean = mean[pairs[:, 0]] + (positions[number][pairs[:, 1]] - mean[pairs[:, 0]]) / (number + 1)
        elements = None if elements is None else elements[pairs[:, 0]]
    present = np.ones(len(mean), dtype=bool)
    indices = np.zeros((len(positions), len(mean)), dtype=np.intp)
    for number, state in enumerate(positions):
        pairs = match_atoms(mean, state, config, species=_both(elements, kinds, number))
        found = np.zeros(len(mean), dtype=bool)
        found[pairs[:, 0]] = True
        indices[number, pairs[:, 0]] = pairs[:, 1]
        present &= found
    indices = indices[:, present]
    places = np.stack([state[index] for state, index in zip(positions, indices, strict=True)])
    centres = places.mean(axis=0)
    spread = np.sqrt(np.mean(np.sum((places - centres) ** 2, axis=2), axis=0))
    return InvariantCore(indices=indices, positions=centres, spread=spread)


def follow_atoms(states: Sequence[int], pairs: Sequence[ArrayLike]) -> NDArray[np.intp]:
    """Every atom through the states: (atoms ever seen, states) int, its index in each state and -1 where it is absent.

    An atom that goes and comes back is two rows, since only consecutive states are compared.

    Parameters
    ----------
    states : sequence of int
        Number of atoms of each state.
    pairs : sequence of (k, 2) int
        What is kept from each state to the next (`StateChanges.kept`).

    Raises
    ------
    InputError
        Where the numbers of states and of comparisons do not fit.
    """
    if len(pairs) != max(len(states) - 1, 0):
        raise InputError(f"{len(states)} states need {len(states) - 1} comparisons, and {len(pairs)} were given")
    rows: list[NDArray[np.intp]] = []
    of_atom = np.empty(0, dtype=np.intp)
    for number, count in enumerate(states):
        before, of_atom = of_atom, np.full(count, -1, dtype=np.intp)
        if number:
            kept = np.asarray(pairs[number - 1], dtype=np.intp).reshape(-1, 2)
            of_atom[kept[:, 1]] = before[kept[:, 0]]
        new = np.flatnonzero(of_atom < 0)
        of_atom[new] = np.arange(len(rows), len(rows) + len(new))
        rows += [np.full(len(states), -1, dtype=np.intp) for _ in new]
        for atom, row in enumerate(of_atom):
            rows[row][number] = atom
    return np.stack(rows) if rows else np.empty((0, len(states)), dtype=np.intp)


def _both(elements: NDArray | None, kinds: list[NDArray] | None, number: int) -> tuple[NDArray, NDArray] | None:
    return None if elements is None or kinds is None else (elements, kinds[number])
