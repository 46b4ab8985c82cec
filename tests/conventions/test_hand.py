"""The hand of a structure is not determined by its projections; comparisons are up to a mirror and say so."""

import numpy as np
import pytest

from atomotion.geometry import align, matrices_from_quaternions, quaternions_from_matrices, random_quaternions, rotate
from atomotion.scattering import gaussian_atoms, project_atoms

RNG = np.random.default_rng(0)
ATOMS = RNG.normal(scale=3.0, size=(12, 3))
MIRROR = np.diag([1.0, 1.0, -1.0])


def test_the_mirror_image_has_the_same_projections_with_other_poses():
    for quaternion in random_quaternions(4, RNG):
        matrix = matrices_from_quaternions(quaternion)
        # R' = M R M is a rotation, and R' M x = M R x differs from R x only along the beam
        other = quaternions_from_matrices(MIRROR @ matrix @ MIRROR)
        first = project_atoms(rotate(quaternion, ATOMS), gaussian_atoms(12, sigma=0.5), shape=(60, 60), pixel_size=0.4)
        second = project_atoms(
            rotate(other, ATOMS @ MIRROR), gaussian_atoms(12, sigma=0.5), shape=(60, 60), pixel_size=0.4
        )
        np.testing.assert_allclose(first, second, atol=1e-12)


def test_a_comparison_up_to_a_mirror_says_whether_it_used_one():
    turned = rotate(random_quaternions(1, RNG)[0], ATOMS)
    same = align(ATOMS, turned, mirror=True)
    opposite = align(ATOMS, turned @ MIRROR, mirror=True)
    assert (same.mirrored, opposite.mirrored) == (False, True)
    assert same.rmsd == pytest.approx(0.0, abs=1e-9)
    assert opposite.rmsd == pytest.approx(0.0, abs=1e-9)
    assert align(ATOMS, turned @ MIRROR).rmsd > 1.0
