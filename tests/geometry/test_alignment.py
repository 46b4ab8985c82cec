import numpy as np
import pytest

from atomotion.geometry.alignment import align
from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions

POINTS = np.random.default_rng(0).normal(size=(20, 3)) * 5
ROTATION = matrices_from_quaternions(random_quaternions(1, np.random.default_rng(1))[0])
SHIFT = np.array([1.0, -2.0, 30.0])


def test_a_moved_set_is_brought_back_exactly():
    found = align(POINTS, POINTS @ ROTATION.T + SHIFT)
    np.testing.assert_allclose(found.rotation, ROTATION, atol=1e-12)
    np.testing.assert_allclose(found.translation, SHIFT, atol=1e-10)
    np.testing.assert_allclose(found.apply(POINTS), POINTS @ ROTATION.T + SHIFT, atol=1e-10)
    assert found.rmsd == pytest.approx(0.0, abs=1e-9)
    assert not found.mirrored


def test_a_mirrored_set_needs_the_mirror():
    targets = (POINTS * [1, 1, -1]) @ ROTATION.T
    assert align(POINTS, targets).rmsd > 1.0
    found = align(POINTS, targets, mirror=True)
    assert found.mirrored
    assert np.linalg.det(found.rotation) == pytest.approx(-1.0)
    assert found.rmsd == pytest.approx(0.0, abs=1e-9)


def test_a_mirror_is_not_used_where_it_is_allowed_but_not_better():
    found = align(POINTS, POINTS @ ROTATION.T, mirror=True)
    assert not found.mirrored
    assert np.linalg.det(found.rotation) == pytest.approx(1.0)


def test_without_a_mirror_the_rotation_stays_proper_for_flat_sets():
    flat = POINTS * [1, 1, 0]
    found = align(flat, flat @ ROTATION.T)
    assert np.linalg.det(found.rotation) == pytest.approx(1.0)
    assert found.rmsd == pytest.approx(0.0, abs=1e-9)


def test_no_rotation_nearby_fits_better():
    rng = np.random.default_rng(2)
    targets = POINTS @ ROTATION.T + SHIFT + rng.normal(scale=0.5, size=POINTS.shape)
    found = align(POINTS, targets)
    for other in random_quaternions(200, rng):
        mixed = matrices_from_quaternions(0.99 * np.array([1.0, 0, 0, 0]) + 0.01 * other)
        moved = POINTS @ (mixed @ found.rotation).T
        moved += targets.mean(axis=0) - moved.mean(axis=0)
        assert np.sqrt(np.mean(np.sum((moved - targets) ** 2, axis=1))) >= found.rmsd - 1e-12
    # three coordinates per point, less the six of the motion
    assert found.rmsd == pytest.approx(0.5 * np.sqrt(3 - 6 / 20), rel=0.2)


def test_points_of_weight_zero_do_not_count():
    targets = POINTS @ ROTATION.T
    targets[:5] += 100.0
    weights = np.ones(20)
    weights[:5] = 0.0
    assert align(POINTS, targets, weights=weights).rmsd == pytest.approx(0.0, abs=1e-9)
    assert align(POINTS, targets).rmsd > 10
