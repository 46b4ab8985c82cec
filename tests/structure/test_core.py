from itertools import pairwise

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.particles import fcc_sphere
from atomotion.structure.changes import compare_states
from atomotion.structure.comparison_config import MatchingConfig
from atomotion.structure.core import follow_atoms, time_invariant_core


def test_the_core_is_what_all_states_share():
    rng = np.random.default_rng(0)
    particle = fcc_sphere("Pt", 20.0).positions
    inner = np.flatnonzero(np.linalg.norm(particle, axis=1) < 8.0)
    outer = np.setdiff1d(np.arange(len(particle)), inner)
    states, whose = [], []
    for _ in range(5):
        atoms = rng.permutation(np.concatenate([inner, rng.choice(outer, size=len(outer) // 3, replace=False)]))
        states.append(particle[atoms] + rng.normal(scale=0.1, size=(len(atoms), 3)))
        whose.append(atoms)
    core = time_invariant_core(states)
    named = np.stack([atoms[index] for atoms, index in zip(whose, core.indices, strict=True)])
    assert (named == named[0]).all()
    always = set(whose[0]).intersection(*whose[1:])
    assert set(named[0]) == always
    assert set(inner) <= always
    np.testing.assert_allclose(core.positions, particle[named[0]], atol=0.25)
    assert np.sqrt(np.mean(core.spread**2)) == pytest.approx(0.1 * np.sqrt(3 * 4 / 5), rel=0.1)
    np.testing.assert_allclose(core.share([len(state) for state in states]), len(always) / len(states[0]))


def test_the_core_follows_an_atom_that_drifts_less_than_a_running_mean_allows():
    # the mean lags: the steps of 0.6 Å reach 1.2 and 1.5 Å from it
    path = [np.array([[x, 0.0, 0.0], [10.0, 0.0, 0.0]]) for x in (0.0, 0.6, 1.2, 1.8)]
    assert time_invariant_core(path[:2]).indices.shape == (2, 2)
    assert time_invariant_core(path, MatchingConfig(limit=1.0)).indices.shape == (4, 1)


def test_an_atom_that_ends_too_far_from_the_mean_is_taken_out_again():
    # it is followed through all states, but the first lies 1.3 Å from the mean of all
    x = (0.0, 1.3, 1.7, 2.2)
    path = [np.array([[each, 0.0, 0.0], [10.0, 0.0, 0.0]]) for each in x]
    assert time_invariant_core(path, MatchingConfig(limit=1.35)).indices.shape == (4, 2)
    assert np.mean(x) == pytest.approx(1.3)
    core = time_invariant_core(path, MatchingConfig(limit=1.29))
    np.testing.assert_array_equal(core.indices, [[1]] * 4)


def test_the_order_of_the_atoms_does_not_matter():
    rng = np.random.default_rng(1)
    states = [rng.uniform(0, 9, size=(60, 3)) for _ in range(3)]
    size = time_invariant_core(states).indices.shape[1]
    assert size > 5
    assert time_invariant_core([rng.permutation(state) for state in states]).indices.shape[1] == size


def test_one_state_is_its_own_core():
    core = time_invariant_core([np.eye(3) * 5])
    np.testing.assert_array_equal(core.indices, [[0, 1, 2]])
    with pytest.raises(InputError, match="no state"):
        time_invariant_core([])


def test_atoms_are_followed_until_they_go():
    states = [np.array([[0.0, 0, 0], [5.0, 0, 0]]), np.array([[5.0, 0, 0]]), np.array([[5.0, 0, 0], [0.0, 0, 0]])]
    kept = [compare_states(a, b).kept for a, b in pairwise(states)]
    rows = follow_atoms([2, 1, 2], kept)
    np.testing.assert_array_equal(rows, [[0, -1, -1], [1, 0, 0], [-1, -1, 1]])
    with pytest.raises(InputError, match="2 comparisons"):
        follow_atoms([2, 1, 2], kept[:1])
