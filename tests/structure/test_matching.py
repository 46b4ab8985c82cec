import numpy as np
import pytest

from atomotion.data import InputError, UsageError
from atomotion.geometry.matching import match_points
from atomotion.structure.comparison_config import MatchingConfig, matching_preset
from atomotion.structure.matching import match_atoms, optimal_pairs


@pytest.mark.parametrize("seed", range(10))
def test_taking_out_lone_pairs_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.uniform(0, 12, size=(150, 3)), rng.uniform(0, 12, size=(140, 3))
    for limit in (0.5, 1.4, 2.5):
        np.testing.assert_array_equal(optimal_pairs(first, second, limit), match_points(first, second, limit))


def test_nothing_matches_nothing():
    for rule in ("optimal", "mutual"):
        assert match_atoms(np.empty((0, 3)), np.zeros((1, 3)), MatchingConfig(rule=rule)).shape == (0, 2)


def test_the_default_pairs_the_two_sides_of_half_a_spacing():
    first = np.array([[0.0, 0, 0], [10.0, 0, 0]])
    pairs = match_atoms(first, [[1.38, 0, 0], [11.40, 0, 0]])
    np.testing.assert_array_equal(pairs, [[0, 0]])


def test_mutual_pairs_are_each_others_nearest():
    # atom 1 is nearer to the only candidate than atom 0
    first, second = np.array([[0.0, 0, 0], [1.0, 0, 0]]), np.array([[1.1, 0, 0], [5.0, 0, 0]])
    np.testing.assert_array_equal(match_atoms(first, second, matching_preset("kang2025")), [[1, 0]])
    # the one with the most pairs uses both
    wide = MatchingConfig(limit=4.5)
    np.testing.assert_array_equal(match_atoms(first, second, wide), [[0, 0], [1, 1]])


@pytest.mark.parametrize(("name", "limit"), [("half_spacing", 1.39), ("meana2025", 1.10), ("wietfeldt2024", 1.76)])
def test_presets_have_the_limits_of_their_papers(name, limit):
    config = matching_preset(name)
    first = np.zeros((1, 3))
    assert len(match_atoms(first, [[limit - 0.01, 0, 0]], config)) == 1
    assert len(match_atoms(first, [[limit + 0.01, 0, 0]], config)) == 0


def test_an_unknown_preset_names_the_known():
    with pytest.raises(UsageError, match="kang2025"):
        matching_preset("kang")


def test_other_elements_are_never_the_same_atom():
    first, second = np.array([[0.0, 0, 0], [3.0, 0, 0]]), np.array([[0.1, 0, 0], [3.1, 0, 0]])
    pairs = match_atoms(first, second, species=(["Pt", "Pd"], ["Pt", "Pt"]))
    np.testing.assert_array_equal(pairs, [[0, 0]])
    with pytest.raises(InputError, match="one for each"):
        match_atoms(first, second, species=(["Pt"], ["Pt", "Pt"]))
