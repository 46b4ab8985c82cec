import numpy as np
import pytest

from atomotion.data import UsageError
from atomotion.geometry.rotations import compose, quaternions_from_vectors, random_quaternions, rotate
from atomotion.geometry.symmetry import (
    HALF_TURN_ABOUT_BEAM,
    angle_to_nearest_copy,
    consistent_part,
    lattice_copies,
    rotation_group,
)
from atomotion.particles import fcc_sphere


@pytest.mark.parametrize(("name", "members"), [("O", 24), ("T", 12), ("I", 60), ("C4", 4), ("D5", 10)])
def test_groups_are_closed(name: str, members: int):
    group = rotation_group(name)
    assert len(group) == members
    np.testing.assert_allclose(group[0], [1, 0, 0, 0], atol=1e-12)
    products = np.concatenate([compose(member, group) for member in group])
    assert np.abs(products @ group.T).max(axis=1).min() > 1.0 - 1e-9


def test_an_unknown_group_is_refused():
    with pytest.raises(UsageError, match="unknown rotation group 'X'"):
        rotation_group("X")


def test_all_copies_of_a_sphere_have_the_same_projection():
    sphere = fcc_sphere("Pt", 9.0).positions
    pose = random_quaternions(1, np.random.default_rng(0))
    copies = lattice_copies(pose, rotation_group("O"))[0]
    assert len(copies) == 48

    def projection(quaternion: np.ndarray) -> np.ndarray:
        flat = np.round(rotate(quaternion, sphere)[:, :2], 6) + 0.0
        return flat[np.lexsort(flat.T)]

    for copy in copies:
        np.testing.assert_allclose(projection(copy), projection(pose[0]), atol=2e-6)
    pairs = np.abs(copies @ copies.T) - np.eye(48)
    assert pairs.max() < 1.0 - 1e-6


def test_the_angle_is_to_the_nearest_copy():
    rng = np.random.default_rng(1)
    group = rotation_group("O")
    poses = random_quaternions(20, rng)
    turned = compose(quaternions_from_vectors([0.0, 3.0, 0.0]), poses)
    hidden = np.array([copies[rng.integers(48)] for copies in lattice_copies(turned, group)])
    np.testing.assert_allclose(angle_to_nearest_copy(hidden, poses, group), 3.0, atol=1e-5)


def test_the_consistent_part_counts_one_frame_of_either_hand():
    rng = np.random.default_rng(2)
    true = random_quaternions(100, rng)
    common = compose(true, random_quaternions(1, rng)[0])
    assert consistent_part(common, true) == 1.0
    assert consistent_part(compose(HALF_TURN_ABOUT_BEAM, common), true) == 1.0
    mixed = common.copy()
    mixed[:40] = compose(mixed[:40], rotation_group("O")[7])
    assert consistent_part(mixed, true) == pytest.approx(0.6)
