import numpy as np
import pytest

from atomotion.geometry.rotations import (
    angle_between,
    compose,
    inverse,
    matrices_from_quaternions,
    quaternions_from_matrices,
    quaternions_from_vectors,
    random_quaternions,
    rotate,
    rotation_onto,
    small_random_quaternions,
)

QUARTER_ABOUT_Z = [np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]


def test_a_quarter_turn_about_z_takes_x_to_y():
    np.testing.assert_allclose(
        rotate(QUARTER_ABOUT_Z, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), [[0, 1, 0], [-1, 0, 0]], atol=1e-15
    )
    np.testing.assert_allclose(
        matrices_from_quaternions(QUARTER_ABOUT_Z), [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-15
    )
    np.testing.assert_allclose(quaternions_from_vectors([0.0, 0.0, 90.0]), QUARTER_ABOUT_Z)


def test_matrices_and_back():
    quaternions = random_quaternions(50, np.random.default_rng(0))
    matrices = matrices_from_quaternions(quaternions)
    np.testing.assert_allclose(quaternions_from_matrices(matrices), quaternions, atol=1e-12)
    np.testing.assert_allclose(
        matrices @ matrices.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (50, 3, 3)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1.0)


def test_compose_is_the_matrix_product_second_times_first():
    a, b = random_quaternions(2, np.random.default_rng(1))
    product = matrices_from_quaternions(a) @ matrices_from_quaternions(b)
    np.testing.assert_allclose(matrices_from_quaternions(compose(a, b)), product, atol=1e-12)
    np.testing.assert_allclose(compose(a, inverse(a)), [1, 0, 0, 0], atol=1e-12)


def test_rotate_many_keeps_type_and_distances():
    quaternions = random_quaternions(4, np.random.default_rng(2))
    points = np.random.default_rng(3).normal(size=(7, 3)).astype(np.float32)
    turned = rotate(quaternions, points)
    assert turned.shape == (4, 7, 3)
    assert turned.dtype == np.float32
    np.testing.assert_allclose(
        np.linalg.norm(turned, axis=-1), np.broadcast_to(np.linalg.norm(points, axis=1), (4, 7)), rtol=1e-5
    )
    np.testing.assert_allclose(turned[2], rotate(quaternions[2], points), atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 1e-4, 30.0, 179.5, 180.0])
def test_angle_between(angle: float):
    start = random_quaternions(1, np.random.default_rng(4))[0]
    axis = np.array([1.0, -2.0, 0.5]) / np.linalg.norm([1.0, -2.0, 0.5])
    end = compose(quaternions_from_vectors(angle * axis), start)
    assert angle_between(start, end) == pytest.approx(angle, abs=1e-6)
    assert angle_between(start, -end) == pytest.approx(angle, abs=1e-6)  # q and -q are one rotation


def test_random_rotations_are_even():
    n = 20_000
    quaternions = random_quaternions(n, np.random.default_rng(5))
    # columns of even rotations are even on the sphere (mean 0, second moment 1/3), and the mean angle is pi/2 + 2/pi
    z = matrices_from_quaternions(quaternions)[:, :, 2]
    np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=4 / np.sqrt(3 * n))
    np.testing.assert_allclose((z**2).mean(axis=0), 1 / 3, atol=4 * 0.3 / np.sqrt(n))
    angles = angle_between(np.broadcast_to([1.0, 0, 0, 0], (n, 4)), quaternions)
    assert angles.mean() == pytest.approx(np.rad2deg(np.pi / 2 + 2 / np.pi), abs=4 * 37 / np.sqrt(n))


def test_small_rotations_have_the_wanted_size_and_no_preferred_axis():
    n = 5000
    steps = small_random_quaternions(n, 2.0, np.random.default_rng(6))
    angles = angle_between(np.broadcast_to([1.0, 0, 0, 0], (n, 4)), steps)
    assert np.sqrt(np.mean(angles**2)) == pytest.approx(2.0, rel=0.03)
    axes = steps[:, 1:] / np.linalg.norm(steps[:, 1:], axis=1)[:, None]
    np.testing.assert_allclose((axes**2).mean(axis=0), 1 / 3, atol=0.02)


def test_the_same_seed_gives_the_same_rotations():
    first, second = (random_quaternions(3, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("direction", [(1, 1, 0), (0, 0, 1), (0, 0, -1), (0.3, -2, 5)])
def test_rotation_onto(direction: tuple[float, float, float]):
    turned = rotate(rotation_onto(direction, [0, 0, 2.0]), [np.array(direction, dtype=float)])[0]
    np.testing.assert_allclose(turned, [0, 0, np.linalg.norm(direction)], atol=1e-9)
