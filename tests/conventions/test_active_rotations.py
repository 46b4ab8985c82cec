"""Rotations are active on x y z column vectors: x_lab = R(q) x, with q = (w, x, y, z)."""

import numpy as np

from atomotion.data import Poses
from atomotion.geometry import matrices_from_quaternions, quaternions_from_vectors, random_quaternions, rotate
from atomotion.scattering import density_of_atoms, gaussian_atoms, project_atoms, project_density
from atomotion.simulate import MovieConfig, simulate_movie


def test_the_quaternion_of_a_quarter_turn_about_z_moves_x_to_y():
    quaternion = np.array([np.cos(np.pi / 4), 0.0, 0.0, np.sin(np.pi / 4)])
    np.testing.assert_allclose(rotate(quaternion, [[1.0, 0, 0]]), [[0, 1, 0]], atol=1e-15)
    np.testing.assert_allclose(quaternions_from_vectors([0, 0, 90.0]), quaternion)


def test_points_are_columns():
    quaternion = random_quaternions(1, np.random.default_rng(0))[0]
    point = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(rotate(quaternion, point[None])[0], matrices_from_quaternions(quaternion) @ point)


def test_a_map_turns_with_its_atoms():
    quaternion = quaternions_from_vectors([0, 0, 90.0])
    density = density_of_atoms([[4.0, 0, 0]], gaussian_atoms(1, sigma=0.8), shape=(25, 25, 25), voxel_size=0.5)
    image = project_density(density, quaternion)
    # the atom at +x comes to +y: row 12 + 8, column 12
    assert np.unravel_index(np.argmax(image), image.shape) == (20, 12)


def test_poses_lead_from_the_particle_to_the_laboratory():
    movie = simulate_movie(MovieConfig(diameter=8.0, frames=3, noise="none"), np.random.default_rng(0))
    assert isinstance(movie.poses, Poses)
    matrix = matrices_from_quaternions(movie.poses.quaternions[2])
    expected = (matrix @ movie.atoms.positions.T).T
    np.testing.assert_allclose(movie.positions(2)[:, 2], expected[:, 2], atol=1e-12)
    np.testing.assert_allclose(movie.positions(2)[:, :2] - movie.poses.shifts[2], expected[:, :2], atol=1e-12)
    # and the image shows them there
    alone = project_atoms(
        movie.positions(2), gaussian_atoms(len(expected), sigma=0.55), shape=(128, 128), pixel_size=0.2
    )
    assert np.corrcoef(alone.ravel(), -movie.clean[2].ravel())[0, 1] > 0.7
