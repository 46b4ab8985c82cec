import numpy as np
import pytest
from scipy.spatial.distance import pdist

from atomotion.data import UsageError
from atomotion.neighbours import (
    coordination_numbers,
    coordination_radius,
    generalized_coordination_numbers,
    nearest_distances,
    neighbour_pairs,
)
from atomotion.particles import cuboctahedron, fcc_sphere


def test_pairs_are_those_of_all_distances():
    points = np.random.default_rng(0).uniform(0, 12, (200, 3))
    found = neighbour_pairs(points, 3.0)
    assert len(found.first) == 2 * (pdist(points) <= 3.0).sum()
    np.testing.assert_allclose(points[found.second] - points[found.first], found.vectors)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), found.distances)
    assert (np.diff(found.first) >= 0).all()
    for atom in (0, 57, 199):
        near = np.flatnonzero(np.linalg.norm(points - points[atom], axis=1) <= 3.0)
        np.testing.assert_array_equal(found.of(atom), near[near != atom])


def test_sums_over_pairs():
    found = neighbour_pairs([[0, 0, 0], [1, 0, 0], [0, 2, 0], [9, 9, 9]], 2.0)
    np.testing.assert_allclose(found.sums(found.distances), [3.0, 1.0, 2.0, 0.0])
    np.testing.assert_allclose(found.sums(found.vectors)[0], [1.0, 2.0, 0.0])
    np.testing.assert_array_equal(coordination_numbers(found), [2, 1, 1, 0])


def test_no_pairs_and_wrong_radius():
    lonely = neighbour_pairs([[0, 0, 0], [9, 9, 9]], 2.0)
    np.testing.assert_array_equal(coordination_numbers(lonely), [0, 0])
    np.testing.assert_array_equal(generalized_coordination_numbers(lonely), [0.0, 0.0])
    np.testing.assert_allclose(nearest_distances([[0, 0, 0], [0, 3, 0], [0, 3, 1]]), [3.0, 1.0, 1.0])
    with pytest.raises(UsageError, match="must be positive"):
        neighbour_pairs([[0, 0, 0]], 0.0)


def test_coordination_of_a_cuboctahedron():
    """309 atoms: 147 inside, 54 in the squares (8), 24 in the triangles (9), 72 edges (7), 12 vertices (5)."""
    atoms = cuboctahedron("Pt", 4)
    found = coordination_numbers(neighbour_pairs(atoms.positions, coordination_radius(3.92)))
    assert np.bincount(found).tolist() == [0, 0, 0, 0, 0, 12, 0, 72, 54, 24, 0, 0, 147]


def test_both_normalisations_of_the_generalised_number():
    """A surface atom of (111) has 6 neighbours of 9 and 3 of 12: 90 / 12 = 7.5, the printed value of Calle-Vallejo."""
    slab = fcc_sphere("Pt", 60.0)
    whole = neighbour_pairs(slab.positions, coordination_radius(3.92))
    plane = slab.positions @ [1, 1, 1] / np.sqrt(3.0)
    half = slab[plane < 0.1]
    top = int(np.argmin(np.linalg.norm(half.positions, axis=1)))
    cut = neighbour_pairs(half.positions, coordination_radius(3.92))
    assert generalized_coordination_numbers(cut)[top] == pytest.approx(7.5)
    assert generalized_coordination_numbers(cut, normalisation="neighbours")[top] == pytest.approx(7.5)
    inside = int(np.argmin(np.linalg.norm(slab.positions, axis=1)))
    assert generalized_coordination_numbers(whole)[inside] == pytest.approx(12.0)
    # the two differ where no neighbour has twelve: in a row each of the two neighbours has two
    row = neighbour_pairs(np.arange(8)[:, None] * [2.77, 0, 0], 3.0)
    assert generalized_coordination_numbers(row)[4] == pytest.approx(4 / 12)
    assert generalized_coordination_numbers(row, normalisation="neighbours")[4] == pytest.approx(2.0)
    with pytest.raises(UsageError, match="unknown normalisation"):
        generalized_coordination_numbers(row, normalisation="surface")
