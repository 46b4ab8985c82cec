"""The beam runs along +z: a projection is a sum over z and does not know where along z an atom lies."""

import numpy as np

from atomotion.scattering import density_of_atoms, gaussian_atoms, project_atoms, project_density

ATOM = gaussian_atoms(1, sigma=0.6)


def test_an_atom_may_move_along_z():
    images = [project_atoms([[1.0, -0.5, z]], ATOM, shape=(32, 32), pixel_size=0.4) for z in (-50.0, 0.0, 7.0)]
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_array_equal(images[0], images[2])
    aside = project_atoms([[1.4, -0.5, 0.0]], ATOM, shape=(32, 32), pixel_size=0.4)
    assert np.abs(aside - images[0]).max() > 0.1 * images[0].max()


def test_the_projection_of_a_map_is_its_sum_over_z():
    density = density_of_atoms([[1.0, -0.5, 2.0]], ATOM, shape=(32, 32, 32), voxel_size=0.4)
    np.testing.assert_allclose(project_density(density), density.values.sum(axis=0) * 0.4)


def test_atoms_in_a_row_along_z_are_one_column():
    row = project_atoms(
        [[0, 0, z] for z in range(-6, 7)], gaussian_atoms(13, sigma=0.6), shape=(32, 32), pixel_size=0.4
    )
    one = project_atoms([[0, 0, 0]], ATOM, shape=(32, 32), pixel_size=0.4)
    np.testing.assert_allclose(row, 13 * one, rtol=1e-12)
