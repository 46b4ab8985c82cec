import numpy as np
import pytest
import torch

from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.particles import fcc_sphere
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.fourier_shells import shell_correlation
from atomotion.tomography.half_plane import half_plane
from atomotion.tomography.peaks import atoms_of_density, density_peaks
from atomotion.tomography.pose_refinement import correlation
from atomotion.tomography.response import Optics, atomic_response, form_factor_table
from atomotion.tomography.slices import model_slicer, slicer
from atomotion.tomography.volume import accumulate, density_spectrum, grid_of, volume_of

PLANE = half_plane(64, 0.358, lowest=1 / 3.5, highest=1 / 1.2)
RESPONSE = atomic_response(PLANE, "Pt", Optics(), torch.ones(len(PLANE)))
ATOMS = torch.tensor([[3.0, -2.0, 1.0], [-4.0, 1.5, 5.0], [0.5, 6.0, -3.0], [1.0, 0.3, -6.0]])


def model_of(positions: torch.Tensor) -> AtomModel:
    return AtomModel(positions=positions, occupancies=torch.ones(len(positions)), b_factor=4.0)


def poses(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    rotations = matrices_from_quaternions(random_quaternions(n, rng))
    return torch.from_numpy(rotations).float(), torch.from_numpy(rng.normal(scale=0.5, size=(n, 2))).float()


@pytest.fixture(scope="module")
def sums():
    rotations, shifts = poses(600, 0)
    values = predicted(model_of(ATOMS), RESPONSE, rotations, shifts)
    sets = torch.arange(600) % 3
    return accumulate(PLANE, values, RESPONSE.lens, rotations, shifts, sets=sets, count=3)


def test_off_centre_atoms_come_out_where_they_are(sums):
    both = sums.without(2)
    density = volume_of(both, precision=0.05 * both.mean_weight, positive=False)
    found, heights = density_peaks(density, sums.grid.voxel_size, separation=2.0)
    found, heights = found[:4], heights[:5]
    distance = np.linalg.norm(found[:, None] - ATOMS.numpy(), axis=2)
    # a third of a voxel of 0.55 Å: interpolation at the insertion, and parabolas
    assert distance.min(axis=0).max() < 0.12
    assert heights[3] > 3.0 * heights[4]
    assert density.dtype == torch.float32


def test_folds_add_up(sums):
    whole = sums.data.sum(0)
    torch.testing.assert_close(sums.without(1).data[0] + sums.only(1).data[0], whole)
    assert float((sums.weight - sums.weight.flip(1)).abs().max()) < 1e-3


def test_a_density_projects_like_its_atoms(sums):
    density = volume_of(sums.without(0), precision=0.01 * sums.mean_weight, positive=False)
    rotations, _ = poses(20, 1)
    exact = predicted(model_of(ATOMS), RESPONSE, rotations, torch.zeros(20, 2))
    slices = slicer(density)(PLANE, rotations) * RESPONSE.lens
    assert float((correlation(exact, slices) / exact.norm(dim=1)).min()) > 0.97


def test_a_model_projects_like_its_atoms():
    rotations, _ = poses(20, 2)
    exact = predicted(model_of(ATOMS), RESPONSE, rotations, torch.zeros(20, 2))
    slices = model_slicer(model_of(ATOMS), form_factor_table(RESPONSE), PLANE)(PLANE, rotations) * RESPONSE.lens
    assert float((correlation(exact, slices) / exact.norm(dim=1)).min()) > 0.99
    assert float((slices.norm(dim=1) / exact.norm(dim=1)).min()) > 0.9


def test_compiled_slices_are_those_of_torch(sums):
    project = slicer(volume_of(sums.without(0), precision=0.01 * sums.mean_weight))
    rotations, _ = poses(20, 4)
    plain = project.sampled(PLANE, rotations)
    torch.testing.assert_close(project(PLANE, rotations), plain, atol=1e-4 * float(plain.abs().max()), rtol=0)


def test_without_data_the_prior_comes_out(sums):
    prior = density_spectrum(model_of(ATOMS), form_factor_table(RESPONSE), grid_of(PLANE))
    empty = accumulate(
        PLANE, torch.zeros((1, len(PLANE)), dtype=torch.complex64), torch.zeros(len(PLANE)), *poses(1, 3)
    )
    density = volume_of(empty, prior=prior, precision=1.0, positive=False)
    found, _ = density_peaks(density, empty.grid.voxel_size, separation=2.0)
    assert np.linalg.norm(found[:4, None] - ATOMS.numpy(), axis=2).min(axis=0).max() < 0.1


def test_lone_and_low_peaks_are_no_atoms():
    size, voxel_size = 61, 0.4
    axis = (np.arange(size) - size // 2) * voxel_size
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    cluster = fcc_sphere("Pt", 9.0).positions + np.array([0.13, -0.07, 0.21])
    peaks = [(*place, 1.0) for place in cluster] + [
        (9.0, 0.0, 0.0, 1.0),
        (*(cluster[0] + np.array([0.0, 0.0, 1.39])), 0.2),
    ]
    density = sum(h * np.exp(-((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) / (2 * 0.5**2)) for a, b, c, h in peaks)
    positions, heights = atoms_of_density(
        torch.from_numpy(density).float(), voxel_size, spacing=2.77, threshold=0.35, fewest_neighbours=3
    )
    assert len(positions) == len(cluster)
    assert np.linalg.norm(positions[:, None] - cluster, axis=2).min(axis=0).max() < 0.05
    np.testing.assert_allclose(heights, 1.0, atol=0.1)


def test_shells_of_known_correlation():
    rng = np.random.default_rng(0)
    common, one, other = rng.normal(size=(3, 33, 33, 33))
    shells = shell_correlation(common + one, common + other, 0.5, highest=0.9)
    assert shells.correlation[4:].mean() == pytest.approx(0.5, abs=0.02)
    same = shell_correlation(common, common, 0.5, highest=0.9)
    np.testing.assert_allclose(same.correlation, 1.0)
    assert same.resolution() == pytest.approx(1 / 0.9, rel=0.05)
    assert shell_correlation(one, other, 0.5, highest=0.9, lowest=0.2).resolution() == pytest.approx(5.0, rel=0.2)
