import numpy as np
import pytest
from numpy.typing import NDArray

from atomotion.geometry import random_quaternions, rotate
from atomotion.neighbours import Grains, find_grains
from atomotion.particles import fcc_sphere, truncated_octahedron, twinned_sphere
from atomotion.structure import kernel_strain, leave_one_out_sigma, linear_strain

BULK = 3.924
PLANTED = np.array([[0.01, 0.004, -0.002], [0.004, -0.003, 0.001], [-0.002, 0.001, 0.006]])


def octahedron() -> NDArray:
    return truncated_octahedron("Pt", 8, 2, lattice=BULK).positions


def grains_of(points: NDArray) -> Grains:
    return find_grains(points)


@pytest.mark.parametrize("seed", range(20))
def test_ideal_particles_have_none_in_any_orientation(seed):
    points = rotate(random_quaternions(1, np.random.default_rng(seed))[0], octahedron())
    found = linear_strain(points, grains_of(points), bulk=BULK)
    assert np.abs(found.tensor).max() < 2e-4
    assert np.abs(found.radial).max() < 2e-4


@pytest.mark.parametrize("seed", range(5))
def test_planted_strain_is_found_at_every_atom_in_the_laboratory_and_the_crystal(seed):
    """Every component within 0.05 %, surface included; a rotation of the particle is not taken for strain."""
    turn = random_quaternions(1, np.random.default_rng(seed))[0]
    turned = rotate(turn, octahedron())
    points = turned @ (np.eye(3) + PLANTED).T
    grains = grains_of(points)
    found = linear_strain(points, grains, bulk=BULK)
    assert np.abs(found.tensor - PLANTED).max() < 5e-4
    direction = points / np.linalg.norm(points, axis=1)[:, None]
    assert np.abs(found.radial - np.einsum("ni,ij,nj->n", direction, PLANTED, direction)).max() < 5e-4
    crystal = linear_strain(points, grains, bulk=BULK, axes="crystal")
    axes = grains.lattices[0].rotation
    assert np.abs(crystal.tensor - axes.T @ PLANTED @ axes).max() < 5e-4
    np.testing.assert_allclose(crystal.radial, found.radial, atol=1e-9)


def test_one_percent_that_grows_linearly_from_one_side_to_the_other():
    """Stretch of 0 to 1 % along x: the fit averages it over about 2 Å, and atoms at both ends are off by as much."""
    points = octahedron()
    span = np.ptp(points[:, 0])
    slope = 0.01 / span
    x = points[:, 0] - points[:, 0].min()
    moved = points + np.column_stack([slope * x**2 / 2, np.zeros((len(x), 2))])
    found = linear_strain(moved, grains_of(moved), bulk=BULK)
    assert np.abs(found.tensor[:, 0, 0] - slope * x).max() < 1.2e-3
    assert np.median(np.abs(found.tensor[:, 0, 0] - slope * x)) < 5e-4
    assert np.abs(found.tensor[:, 1, 1]).max() < 5e-4


def test_a_turned_grain_is_not_strained():
    """Both sides of a twin, each in its own lattice; the kernel of one lattice calls the other side strained."""
    points = twinned_sphere("Pt", 24.0, lattice=BULK).positions * 1.01
    grains = grains_of(points)
    found = linear_strain(points, grains, bulk=BULK)
    assert np.abs(found.tensor - 0.01 * np.eye(3)).max() < 5e-4
    kernel = kernel_strain(points, grains.lattices[0], bulk=BULK)
    assert np.abs(kernel.tensor - 0.01 * np.eye(3)).max() > 0.05


def test_noise_makes_no_strain_in_the_mean():
    """0.1 Å per coordinate: 1.3 % at an atom; over 10 particles of 314 atoms the mean is right to 0.1 %."""
    points = octahedron() * 1.01
    spread, mean, radial = [], [], []
    for seed in range(10):
        noisy = points + np.random.default_rng(seed).normal(scale=0.1, size=points.shape)
        found = linear_strain(noisy, grains_of(noisy), bulk=BULK)
        error = np.diagonal(found.tensor, axis1=1, axis2=2) - 0.01
        spread.append(error.std())
        mean.append(error.mean())
        radial.append(found.radial.mean() - 0.01)
    assert np.mean(spread) < 0.015
    assert abs(np.mean(mean)) < 0.0008
    assert abs(np.mean(radial)) < 0.003


def test_the_published_kernel_shows_what_it_says_it_retains():
    """An even dilation of 1 %: the surface shows six tenths of it, and radially the whole particle 0.56."""
    points = octahedron() * 1.01
    found = kernel_strain(points, grains_of(points).lattices[0], bulk=BULK)
    trace = np.trace(found.tensor, axis1=1, axis2=2) / 3.0
    np.testing.assert_allclose(trace, 0.01 * found.retained / 1.01, atol=1e-4)
    np.testing.assert_allclose(found.radial, 0.01 * found.retained_radial / 1.01, atol=1e-4)
    assert 0.75 < found.retained.mean() < 0.87
    assert found.retained.min() < 0.65 and found.retained.max() > 0.98
    assert 0.5 < found.retained_radial.mean() < 0.6


def test_kernel_does_not_depend_on_orientation():
    points = octahedron() @ (np.eye(3) + PLANTED).T
    turn = random_quaternions(1, np.random.default_rng(3))[0]
    one, other = (
        kernel_strain(each, grains_of(each).lattices[0], bulk=BULK) for each in (points, rotate(turn, points))
    )
    np.testing.assert_allclose(other.radial, one.radial, atol=1e-5)
    np.testing.assert_allclose(np.linalg.eigvalsh(other.tensor), np.linalg.eigvalsh(one.tensor), atol=1e-5)


@pytest.mark.parametrize("seed", range(2))
def test_leave_one_out_takes_wide_kernels_for_noise_and_narrow_ones_for_structure(seed):
    rng = np.random.default_rng(seed)
    points = fcc_sphere("Pt", 18.0).positions
    noise = rng.normal(size=(len(points), 3))
    waves = np.sin(points / 2.5)
    assert leave_one_out_sigma(points, noise) > 4.0
    assert leave_one_out_sigma(points, waves + 0.01 * noise) < 2.0
    # a linear field is exact for a linear fit of any width, and a mean wants it narrow
    assert leave_one_out_sigma(points, 0.01 * points + 1e-3 * noise, linear=True) > 4.0
    assert leave_one_out_sigma(points, 0.01 * points + 1e-5 * noise) < 2.0


def test_atoms_without_a_lattice_have_none():
    points = octahedron()
    stray = np.array([[40.0, 0.0, 0.0]])
    found = linear_strain(np.concatenate([points, stray]), grains_of(np.concatenate([points, stray])), bulk=BULK)
    assert np.isnan(found.radial[-1]) and np.isnan(found.tensor[-1]).all()
    assert np.isfinite(found.tensor[:-1]).all()
