"""Which directions images have seen: against areas of caps and bands, and against walks of known diffusion."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from atomotion.data import InputError
from atomotion.geometry.rotations import (
    compose,
    quaternions_from_vectors,
    random_quaternions,
    rotation_onto,
    small_random_quaternions,
)
from atomotion.tomography.coverage import coverage_of, even_directions, view_directions, worst_errors

ONE = np.array([[1.0, 0.0, 0.0, 0.0]])
GRID = 0.004  # error of an area on the grid of 10,000 directions


def turned(vectors: np.ndarray) -> np.ndarray:
    return quaternions_from_vectors(vectors)


def test_even_directions_are_even():
    directions = even_directions(10_000)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(directions.T @ directions / len(directions), np.eye(3) / 3.0, atol=1e-3)


def test_the_view_is_the_beam_in_the_particles_frame():
    # a turn by +90° about x carries y to z: the beam comes along the particle's y
    np.testing.assert_allclose(view_directions(turned(np.array([[90.0, 0.0, 0.0]]))), [[0.0, 1.0, 0.0]], atol=1e-12)


@pytest.mark.parametrize("within", [5.0, 10.0, 30.0])
def test_one_direction_sees_a_cap_and_a_plane(within: float):
    poses = turned(np.array([[0.0, 0.0, 40.0 * i] for i in range(9)]))
    found = coverage_of(poses, within_deg=within)
    assert found.unseen_directions_fraction == pytest.approx(np.cos(np.deg2rad(within)), abs=GRID)
    assert found.missing_frequencies_fraction == pytest.approx(1.0 - np.sin(np.deg2rad(3.0)), abs=GRID)
    assert found.distinct_views == pytest.approx(1.0)
    np.testing.assert_allclose(found.view_spread, [0.0, 1.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(np.abs(found.axes[0]), [0.0, 0.0, 1.0], atol=1e-12)
    assert found.stretch > 20.0


def test_a_turn_about_one_axis_misses_directions_but_no_frequency():
    poses = turned(np.array([[0.0, 2.0 * i, 0.0] for i in range(90)]))
    found = coverage_of(poses)
    assert found.unseen_directions_fraction == pytest.approx(1.0 - np.sin(np.deg2rad(10.0)), abs=GRID)
    assert found.missing_frequencies_fraction < 1e-3
    # each view has five neighbours to each side within 10°, on a circle closed by the opposite views
    assert found.distinct_views == pytest.approx(90.0 / 11.0)
    np.testing.assert_allclose(found.view_spread, [0.5, 0.5, 1.0], atol=1e-9)


@pytest.mark.parametrize("reach", [15.0, 40.0])
def test_a_cone_of_views_misses_a_cone_of_frequencies(reach: float):
    # what is nearer than 90° - reach to the middle of the cone is perpendicular to no view
    rng = np.random.default_rng(0)
    z = rng.uniform(np.cos(np.deg2rad(reach)), 1.0, 3000)
    angle = rng.uniform(0.0, 2.0 * np.pi, 3000)
    views = np.stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z], axis=1)
    poses = np.array([rotation_onto(view, (0.0, 0.0, 1.0)) for view in views])
    found = coverage_of(poses, ordered=False)
    assert found.missing_frequencies_fraction == pytest.approx(1.0 - np.sin(np.deg2rad(reach + 3.0)), abs=0.01)
    assert found.unseen_directions_fraction == pytest.approx(np.cos(np.deg2rad(reach + 10.0)), abs=0.01)
    mean_square = np.mean(z**2)
    np.testing.assert_allclose(found.view_spread[0], 1.0 - mean_square, atol=2e-3)


def test_views_far_apart_count_each_and_opposite_ones_once():
    three = turned(np.array([[0.0, 0.0, 0.0], [90.0, 0.0, 0.0], [0.0, 90.0, 0.0]]))
    opposite = turned(np.array([[180.0, 0.0, 0.0]]))
    assert coverage_of(three).distinct_views == pytest.approx(3.0)
    repeated = np.concatenate([np.repeat(three, (1, 5, 9), axis=0), opposite])
    assert coverage_of(repeated, ordered=False).distinct_views == pytest.approx(3.0)


@pytest.mark.parametrize("seed", [0, 1])
def test_even_orientations_see_everything(seed: int):
    found = coverage_of(random_quaternions(2000, np.random.default_rng(seed)), ordered=False)
    assert found.unseen_directions_fraction == 0.0
    assert found.missing_frequencies_fraction == 0.0
    np.testing.assert_allclose(found.view_spread, 2.0 / 3.0, atol=0.03)
    assert found.stretch == pytest.approx(1.0, abs=0.03)
    assert np.isnan(found.step_deg)
    assert np.isnan(found.diffusion)


def test_the_unseen_part_of_random_views_is_that_of_a_poisson_process():
    # n views leave a direction unseen with the probability (cos 10°)^n
    rng = np.random.default_rng(3)
    found = [coverage_of(random_quaternions(80, rng), ordered=False).unseen_directions_fraction for _ in range(8)]
    assert np.mean(found) == pytest.approx(np.cos(np.deg2rad(10.0)) ** 80, abs=0.03)


def test_the_frame_of_the_particle_and_turns_of_images_do_not_matter():
    rng = np.random.default_rng(1)
    poses = random_quaternions(40, rng)
    frame = random_quaternions(1, rng)[0]
    turns = turned(np.stack([np.zeros(40), np.zeros(40), rng.uniform(0, 360, 40)], axis=1))
    first, second = coverage_of(poses, ordered=False), coverage_of(compose(turns, compose(poses, frame)), ordered=False)
    assert second.unseen_directions_fraction == pytest.approx(first.unseen_directions_fraction, abs=0.01)
    assert second.missing_frequencies_fraction == pytest.approx(first.missing_frequencies_fraction, abs=0.01)
    assert second.distinct_views == pytest.approx(first.distinct_views)
    np.testing.assert_allclose(second.view_spread, first.view_spread, atol=1e-9)


def walk(n: int, rms_deg: float, rng: np.random.Generator) -> np.ndarray:
    turned = Rotation.random(random_state=rng)
    poses = [turned]
    for vector in rng.normal(scale=np.deg2rad(rms_deg) / np.sqrt(3.0), size=(n - 1, 3)):
        turned = Rotation.from_rotvec(vector) * turned
        poses.append(turned)
    return np.roll(Rotation.concatenate(poses).as_quat(canonical=True), 1, axis=1)


def test_steps_of_one_size():
    found = coverage_of(turned(np.array([[0.0, 7.0 * i, 0.0] for i in range(30)])))
    assert found.step_deg == pytest.approx(7.0)
    assert found.jumps == 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_diffusion_is_found_under_errors_of_the_poses_and_jumps(seed: int):
    rng = np.random.default_rng(seed)
    frame_time = 2.5e-3
    true = walk(3000, 6.0, rng)
    poses = compose(small_random_quaternions(3000, 2.0, rng), true)
    poses[[500, 1500, 2500]] = random_quaternions(3, rng)
    found = coverage_of(poses, times=np.arange(3000) * frame_time)
    # <θ²> = 6 D t; the poses' own errors are in the steps, not in D
    assert found.diffusion == pytest.approx(np.deg2rad(6.0) ** 2 / (6.0 * frame_time), rel=0.12)
    assert found.step_deg == pytest.approx(np.sqrt(36.0 + 2 * 4.0), rel=0.03)
    assert 4 <= found.jumps <= 6


def test_gaps_in_time_count():
    # one walk of this length tells the coefficient to 5.5 % (12 seeds), four of them to 2.8 %
    ratios = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        true = walk(4000, 3.0, rng)
        kept = np.sort(rng.choice(4000, 1500, replace=False))
        found = coverage_of(true[kept], times=kept.astype(float))
        assert found.jumps <= 2
        ratios.append(found.diffusion / (np.deg2rad(3.0) ** 2 / 6.0))
    assert np.mean(ratios) == pytest.approx(1.0, abs=3 * 0.028)


def test_the_direction_of_the_largest_error():
    turn = Rotation.from_rotvec([0.3, -0.2, 0.9]).as_matrix()
    covariances = np.stack([np.diag([0.04, 0.01, 0.01]), turn @ np.diag([0.01, 0.09, 0.02]) @ turn.T])
    errors, axes = worst_errors(covariances)
    np.testing.assert_allclose(errors, [0.2, 0.3])
    np.testing.assert_allclose(np.abs(axes), np.abs([[1.0, 0.0, 0.0], turn[:, 1]]), atol=1e-9)


def test_images_that_are_not_used_have_shown_nothing():
    rng = np.random.default_rng(4)
    good, wrong = turned(np.array([[0.0, 0.0, 40.0 * i] for i in range(9)])), random_quaternions(200, rng)
    used = np.arange(209) < 9
    found = coverage_of(np.concatenate([good, wrong]), used=used, ordered=False)
    assert found.unseen_directions_fraction == pytest.approx(np.cos(np.deg2rad(10.0)), abs=GRID)
    np.testing.assert_allclose(found.view_spread, [0.0, 1.0, 1.0], atol=1e-12)
    # the rotation is that of all images
    steps = turned(np.array([[0.0, 7.0 * i, 0.0] for i in range(30)]))
    assert coverage_of(steps, used=np.arange(30) % 2 == 0).step_deg == pytest.approx(7.0)


@pytest.mark.parametrize("reach", [65.0, 45.0])
def test_few_views_in_a_cone_leave_what_chance_says(reach: float):
    # 300 views leave a direction unseen with the probability (1 - p)^300, with p the part of the cone within 10° of it
    even = even_directions(20_000)
    cone = even[even[:, 2] > np.cos(np.deg2rad(reach))]
    near = [np.mean(np.abs(part @ cone.T) > np.cos(np.deg2rad(10.0)), axis=1) for part in np.split(even[::10], 10)]
    expected = np.mean((1.0 - np.concatenate(near)) ** 300)
    found = []
    for seed in range(4):
        poses = random_quaternions(12_000, np.random.default_rng(seed))
        poses = poses[np.abs(view_directions(poses)[:, 2]) > np.cos(np.deg2rad(reach))][:300]
        coverage = coverage_of(poses, ordered=False)
        found.append(coverage.unseen_directions_fraction)
        assert abs(coverage.axes[0, 2]) > np.cos(np.deg2rad(10.0))
        assert coverage.stretch > 1.1
    assert np.mean(found) == pytest.approx(expected, abs=0.01)


def test_one_image_and_what_does_not_fit():
    alone = coverage_of(ONE)
    assert alone.distinct_views == 1.0
    assert np.isnan(alone.step_deg)
    with pytest.raises(InputError, match="quaternions"):
        coverage_of(np.zeros((0, 4)))
    with pytest.raises(InputError, match="none of the images is used"):
        coverage_of(np.repeat(ONE, 3, axis=0), used=[False, False, False])
    with pytest.raises(InputError, match="2 times for 3 images"):
        coverage_of(np.repeat(ONE, 3, axis=0), times=[0.0, 1.0])
    with pytest.raises(InputError, match="ascend"):
        coverage_of(np.repeat(ONE, 3, axis=0), times=[0.0, 2.0, 1.0])
