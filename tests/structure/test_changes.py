import numpy as np
import pytest
from scipy.spatial import cKDTree

from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.particles import fcc_sphere
from atomotion.structure.alignment_of_states import align_states
from atomotion.structure.changes import compare_states, composition_changes
from atomotion.structure.comparison_config import AlignmentConfig, matching_preset


def planted(seed, *, mirror=False):
    """Two states, and which atom before each atom after is (-1 for a new one), with the displacements in the first."""
    rng = np.random.default_rng(seed)
    sites = fcc_sphere("Pt", 28.0, centre=rng.uniform(size=3)).positions
    radius = np.linalg.norm(sites, axis=1)
    sites = sites + rng.normal(scale=0.06, size=sites.shape)
    before, outside = sites[radius < 10.5], sites[radius >= 10.5]
    shell = np.argsort(-radius[radius < 10.5])[: len(before) * 2 // 5]
    removed = rng.choice(shell, size=30, replace=False)
    kept = np.setdiff1d(np.arange(len(before)), removed)
    places = outside[cKDTree(before[kept]).query(outside)[0] < 3.1]
    new = places[rng.choice(len(places), size=12, replace=False)]
    displacement = np.zeros((len(kept), 3))
    moved = rng.choice(len(kept), size=len(kept) // 5, replace=False)
    direction = rng.normal(size=(len(moved), 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    displacement[moved] = direction * rng.uniform(0.0, 1.0, size=(len(moved), 1))
    after = np.concatenate([before[kept] + displacement, new])
    origin = np.concatenate([kept, np.full(12, -1)])
    order = rng.permutation(len(after))
    turn = matrices_from_quaternions(random_quaternions(1, rng)[0]) * (-1.0 if mirror else 1.0)
    steps = np.zeros((len(before), 3))
    steps[kept] = displacement
    return before, after[order] @ turn.T + rng.uniform(-20, 20, size=3), origin[order], steps


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_planted_changes_are_counted_exactly_in_any_orientation(seed, mirror):
    before, after, origin, steps = planted(seed, mirror=mirror)
    laid = align_states(after, before, AlignmentConfig(mirror=mirror))
    changes = compare_states(before, laid.motion.apply(after))
    assert laid.motion.mirrored == mirror
    np.testing.assert_array_equal(np.flatnonzero(origin < 0), changes.added)
    np.testing.assert_array_equal(np.setdiff1d(np.arange(len(before)), origin), changes.removed)
    np.testing.assert_array_equal(origin[changes.kept[:, 1]], changes.kept[:, 0])
    assert (len(changes.removed), len(changes.added), len(changes.rearranged)) == (30, 12, 12)
    assert (len(changes.lost), len(changes.gained)) == (18, 0)
    # the moved fifth shifts the whole by about 0.04 Å
    assert np.abs(changes.displacements - steps[changes.kept[:, 0]]).max() < 0.15


def test_rearranged_atoms_take_the_shortest_ways():
    before = np.array([[0.0, 0, 0], [10.0, 0, 0], [20.0, 0, 0]])
    after = np.array([[0.0, 0, 0], [12.0, 0, 0]])
    changes = compare_states(before, after)
    np.testing.assert_array_equal(changes.kept, [[0, 0]])
    np.testing.assert_array_equal(changes.removed, [1, 2])
    np.testing.assert_array_equal(changes.rearranged, [[1, 1]])
    np.testing.assert_array_equal(changes.lost, [2])
    assert changes.common == pytest.approx(0.5)


def test_a_long_way_is_no_rearrangement_where_it_is_forbidden():
    before, after = np.array([[0.0, 0, 0], [10.0, 0, 0]]), np.array([[0.0, 0, 0], [18.0, 0, 0]])
    assert len(compare_states(before, after).rearranged) == 1
    changes = compare_states(before, after, farthest=5.0)
    assert len(changes.rearranged) == 0
    np.testing.assert_array_equal(changes.lost, [1])
    np.testing.assert_array_equal(changes.gained, [1])


def test_the_same_state_has_no_changes():
    positions = fcc_sphere("Pt", 15.0).positions
    changes = compare_states(positions, positions)
    assert len(changes.removed) == len(changes.added) == len(changes.rearranged) == 0
    assert changes.distances.max() == 0.0
    assert changes.common == 1.0


def test_the_rule_of_paper_002_follows_longer_ways():
    positions = 4.0 * np.arange(4)[:, None] * [1.0, 0, 0]
    moved = positions.copy()
    moved[3] += [0.0, 2.5, 0.0]
    assert len(compare_states(positions, moved).kept) == 3
    assert len(compare_states(positions, moved, matching_preset("kang2025")).kept) == 4


def test_composition_counts_every_atom_once():
    before, after = np.array(["Pt", "Pt", "Pd", "Pd"]), np.array(["Pt", "Pd", "Pd", "Pd"])
    places = 5.0 * np.arange(6)[:, None] * [1.0, 0, 0]
    changes = compare_states(places[:4], places[[0, 2, 3, 5]], species=(before, after))
    table = composition_changes(before, after, changes)
    assert table["Pt"] == {"before": 2, "kept": 1, "removed": 1, "added": 0, "rearranged": 0, "after": 1}
    assert table["Pd"] == {"before": 2, "kept": 2, "removed": 0, "added": 1, "rearranged": 0, "after": 3}
