import numpy as np
import pytest

from atomotion.data import DensityMap
from atomotion.geometry import random_quaternions, rotate
from atomotion.scattering.atom_gaussians import gaussian_atoms, peng_atoms
from atomotion.scattering.densities import density_of_atoms, project_density
from atomotion.scattering.projections import project_atoms

VOXEL = 0.4
POSITIONS = np.array([[1.0, 2.0, -3.0], [-2.2, 0.3, 1.1], [0.0, -2.5, 2.0]])


def test_the_integral_is_the_weight_and_the_centre_is_the_atom():
    density = density_of_atoms(POSITIONS[:1], peng_atoms(["Pt"]), shape=(40, 44, 48), voxel_size=VOXEL)
    values = density.values
    assert values.sum() * VOXEL**3 == pytest.approx(47.878 * 10.8084, rel=1e-4)
    x0, y0, z0 = density.first_voxel
    z, y, x = np.indices(values.shape)
    for index, first, wanted in ((x, x0, 1.0), (y, y0, 2.0), (z, z0, -3.0)):
        assert ((index * VOXEL + first) * values).sum() / values.sum() == pytest.approx(wanted, abs=1e-6)


def test_the_map_projects_to_the_projection_of_the_atoms():
    atoms = peng_atoms(["Pt", "Au", "C"], u_iso=0.01)
    density = density_of_atoms(POSITIONS, atoms, shape=(60, 40, 50), voxel_size=VOXEL)
    expected = project_atoms(POSITIONS, atoms, shape=(40, 50), pixel_size=VOXEL)
    np.testing.assert_allclose(project_density(density), expected, atol=1e-6 * expected.max())


@pytest.mark.parametrize("seed", range(3))
def test_a_rotated_map_projects_to_the_rotated_atoms(seed: int):
    quaternion = random_quaternions(1, np.random.default_rng(seed))[0]
    atoms = gaussian_atoms(3, sigma=0.8)
    density = density_of_atoms(POSITIONS, atoms, shape=(41, 41, 41), voxel_size=VOXEL)
    expected = project_atoms(rotate(quaternion, POSITIONS), atoms, shape=(41, 41), pixel_size=VOXEL)
    # cubic splines on voxels of half a standard deviation
    assert np.abs(project_density(density, quaternion) - expected).max() < 0.01 * expected.max()


def test_the_rotation_is_about_the_origin_wherever_it_lies_in_the_map():
    quaternion = random_quaternions(1, np.random.default_rng(5))[0]
    atoms = gaussian_atoms(3, sigma=0.8)
    whole = density_of_atoms(POSITIONS, atoms, shape=(48, 48, 48), voxel_size=VOXEL)
    first = tuple(value + 4 * VOXEL for value in whole.first_voxel)
    part = DensityMap(values=whole.values[4:, 4:, 4:], voxel_size=VOXEL, origin=first)
    np.testing.assert_allclose(
        project_density(part, quaternion), project_density(whole, quaternion)[4:, 4:], atol=1e-6 * whole.values.max()
    )


def test_float32_in_float32_out():
    density = density_of_atoms(
        POSITIONS.astype(np.float32), gaussian_atoms(3, sigma=0.5), shape=(32,) * 3, voxel_size=VOXEL
    )
    assert density.values.dtype == np.float32
    assert project_density(density).dtype == np.float32
