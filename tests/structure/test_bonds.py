import numpy as np
import pytest
from scipy.spatial.distance import pdist

from atomotion.geometry import random_quaternions, rotate
from atomotion.neighbours import coordination_radius, neighbour_pairs
from atomotion.particles import fcc_sphere, icosahedron
from atomotion.structure import (
    angle_deviations,
    bond_angles,
    by_coordination,
    mean_bond_lengths,
    particle_size,
    surface_contraction,
)


def test_angles_of_a_perfect_shell():
    """24 angles of 60°, 12 of 90°, 24 of 120° and 6 of 180° in FCC."""
    points = fcc_sphere("Pt", 14.0).positions
    neighbours = neighbour_pairs(points, coordination_radius(3.92))
    found = bond_angles(neighbours)
    centre = int(np.argmin(np.linalg.norm(points, axis=1)))
    angles = found.angle_deg[found.atom == centre]
    values, number = np.unique(angles.round(3), return_counts=True)
    assert dict(zip(values.tolist(), number.tolist(), strict=True)) == {60.0: 24, 90.0: 12, 120.0: 24, 180.0: 6}
    assert (np.diff(found.atom) >= 0).all()
    np.testing.assert_allclose(angle_deviations(neighbours), 0.0, atol=1e-5)


def test_angles_grow_with_noise_and_are_nan_for_one_bond():
    points = fcc_sphere("Pt", 20.0).positions
    small, large = (
        np.nanmean(
            angle_deviations(
                neighbour_pairs(points + np.random.default_rng(0).normal(scale=s, size=points.shape), 3.35)
            )
        )
        for s in (0.02, 0.1)
    )
    assert large == pytest.approx(5 * small, rel=0.2)
    assert np.isnan(angle_deviations(neighbour_pairs([[0.0, 0, 0], [2.7, 0, 0]], 3.0))).all()
    assert len(bond_angles(neighbour_pairs([[0.0, 0, 0], [9.0, 0, 0]], 3.0)).atom) == 0


def test_planted_contraction_of_the_surface_is_found():
    """Each outer shell of an icosahedron's atoms is drawn in by a known amount."""
    points = fcc_sphere("Pt", 26.0).positions
    neighbours = neighbour_pairs(points, coordination_radius(3.92))
    lengths = mean_bond_lengths(neighbours)
    exposed = np.diff(neighbours.offsets) < 12
    flat = surface_contraction(lengths, exposed)
    assert flat.percent == pytest.approx(0.0, abs=1e-9)
    noise = np.random.default_rng(0).normal(scale=0.02, size=len(points))
    found = surface_contraction(np.where(exposed, 0.97, 1.0) * lengths + noise, exposed)
    assert found.percent == pytest.approx(-3.0, abs=3 * found.error_percent)
    assert 0.02 < found.error_percent < 0.1
    assert np.isnan(surface_contraction(lengths, np.ones(len(points), dtype=bool)).percent)


def test_icosahedron_is_longer_along_its_surface():
    """In a Mackay icosahedron bonds along the surface are 5 % longer than radial ones."""
    points = icosahedron("Pt", 5).positions
    lengths = mean_bond_lengths(neighbour_pairs(points, 3.4))
    assert lengths.max() / lengths.min() == pytest.approx(1.05, abs=0.03)
    assert np.isnan(mean_bond_lengths(neighbour_pairs([[0.0, 0, 0], [9.0, 0, 0]], 3.0))).all()


def test_means_by_coordination():
    coordination = np.array([12] * 6 + [9] * 5 + [7] * 4 + [8] * 6)
    values = np.concatenate([np.arange(6.0), np.full(5, 2.0), np.zeros(4), [1, 2, 3, np.nan, np.nan, np.nan]])
    found = by_coordination(coordination, values)
    assert found["coordination_number"].tolist() == [9, 12]
    assert found["atoms"].tolist() == [5, 6]
    np.testing.assert_allclose(found["mean"], [2.0, 2.5])
    np.testing.assert_allclose(found["standard_error"], [0.0, np.std(np.arange(6), ddof=1) / np.sqrt(6)])
    assert by_coordination(coordination, values, fewest=3)["coordination_number"].tolist() == [7, 8, 9, 12]
    assert len(by_coordination([], [])) == 0


def test_sizes_of_known_bodies():
    cube = 20.0 * (np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T - 0.5)
    found = particle_size(np.concatenate([cube, cube / 3]))
    assert found.largest_distance == pytest.approx(20.0 * np.sqrt(3.0))
    assert found.hull_volume == pytest.approx(8000.0)
    assert found.hull_diameter == pytest.approx(np.cbrt(6 * 8000 / np.pi))
    assert found.projected_diameter == pytest.approx(np.sqrt(4 * 400 / np.pi))
    # mean over directions, by averaging projections
    areas = []
    for turn in random_quaternions(400, np.random.default_rng(0)):
        areas.append(particle_size(rotate(turn, cube)).projected_diameter ** 2)
    assert found.mean_projected_diameter == pytest.approx(np.sqrt(np.mean(areas)), rel=0.01)


def test_largest_distance_is_that_of_all_pairs():
    points = np.random.default_rng(0).normal(size=(300, 3))
    assert particle_size(points).largest_distance == pytest.approx(pdist(points).max())
