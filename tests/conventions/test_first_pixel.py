"""Index 0 is the centre of the first pixel or voxel; the particle's origin lies at index n // 2 plus its shift."""

import numpy as np
import pytest

from atomotion.data import DensityMap
from atomotion.scattering import density_of_atoms, gaussian_atoms, project_atoms


@pytest.mark.parametrize("n", [16, 17])
def test_the_origin_is_the_centre_of_pixel_n_over_2(n: int):
    image = project_atoms([[0.0, 0, 0]], gaussian_atoms(1, sigma=0.7), shape=(n, n), pixel_size=0.5)
    assert np.argmax(image) == (n // 2) * n + n // 2
    # symmetric about the centre of that pixel, not about its edge
    np.testing.assert_allclose(image[n // 2, n // 2 - 3], image[n // 2, n // 2 + 3], rtol=1e-12)


@pytest.mark.parametrize("n", [16, 17])
def test_a_map_knows_the_centre_of_its_first_voxel(n: int):
    density = density_of_atoms([[0.0, 0, 0]], gaussian_atoms(1, sigma=0.7), shape=(n, n, n), voxel_size=0.5)
    assert density.first_voxel == (-(n // 2) * 0.5,) * 3
    np.testing.assert_allclose(density.values[n // 2, n // 2, n // 2 - 2], density.values[n // 2, n // 2, n // 2 + 2])
    given = DensityMap(values=density.values, voxel_size=0.5, origin=(1.0, 2.0, 3.0))
    assert given.first_voxel == (1.0, 2.0, 3.0)


def test_an_atom_at_the_first_voxel_fills_it():
    density = density_of_atoms([[-4.0, -4.0, -4.0]], gaussian_atoms(1, sigma=0.3), shape=(16, 16, 16), voxel_size=0.5)
    assert np.argmax(density.values) == 0
