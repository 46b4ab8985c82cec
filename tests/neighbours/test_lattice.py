import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.geometry import (
    angle_between,
    matrices_from_quaternions,
    quaternions_from_matrices,
    random_quaternions,
    rotate,
)
from atomotion.io.atoms import read_atoms
from atomotion.neighbours import cubic_rotations, find_grains, fit_lattice, nearest_sites
from atomotion.particles import decahedron, disordered, fcc_sphere, icosahedron, truncated_octahedron, twinned_sphere


def test_nearest_site_is_the_nearest_of_all():
    rng = np.random.default_rng(0)
    points = rng.uniform(-3, 3, (500, 3))
    grid = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    sites = grid[grid.sum(axis=1) % 2 == 0]
    best = np.linalg.norm(points[:, None] - sites[None], axis=2).min(axis=1)
    np.testing.assert_allclose(np.linalg.norm(points - nearest_sites(points), axis=1), best)
    assert (nearest_sites(points).sum(axis=1) % 2 == 0).all()


def test_rotations_of_the_cube_form_a_group():
    turns = cubic_rotations()
    keys = {turn.tobytes() for turn in turns}
    assert len(keys) == 24
    assert all((one @ other).tobytes() in keys for one in turns for other in turns)


@pytest.mark.parametrize("seed", range(20))
def test_cell_and_orientation_are_found_in_any_orientation(seed):
    rng = np.random.default_rng(seed)
    stretch = np.diag([1.0, 1.01, 0.99])
    turn = random_quaternions(1, rng)[0]
    ideal = truncated_octahedron("Pt", 7, 2, lattice=3.95).positions @ stretch
    points = rotate(turn, ideal) + rng.uniform(-30, 30, 3)
    fit = fit_lattice(points)
    np.testing.assert_allclose(np.sort(fit.edges), 3.95 * np.array([0.99, 1.0, 1.01]), atol=1e-9)
    np.testing.assert_allclose(fit.angles_deg, 90.0, atol=1e-6)
    assert fit.share == 1.0 and fit.rms < 1e-9
    assert np.linalg.det(fit.cell) > 0
    np.testing.assert_allclose(fit.origin + fit.indices @ fit.cell / 2.0, points, atol=1e-8)
    # up to the rotations of the cube
    apart = angle_between(
        quaternions_from_matrices(fit.rotation),
        quaternions_from_matrices(matrices_from_quaternions(turn) @ cubic_rotations()),
    )
    assert apart.min() < 1e-5
    # of the 24 names the axes nearest to x, y, z: never farther than 62.8°
    assert fit.rotation.trace() > 0.5 + np.sqrt(2.0) - 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_edges_and_their_errors_under_noise(seed):
    """Errors of 0.15 Å per coordinate: edges are off by about their stated errors."""
    rng = np.random.default_rng(seed)
    off, stated = [], []
    for _ in range(10):
        points = rotate(random_quaternions(1, rng)[0], fcc_sphere("Pt", 22.0, lattice=3.924).positions)
        fit = fit_lattice(points + rng.normal(scale=0.15, size=points.shape))
        off.append(fit.edges - 3.924)
        stated.append(fit.edge_errors)
    assert np.sqrt(np.mean(np.square(off))) < 1.4 * np.mean(stated)
    assert np.mean(stated) < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_stray_atoms_do_not_pull(seed):
    rng = np.random.default_rng(seed)
    points = rotate(random_quaternions(1, rng)[0], fcc_sphere("Pt", 20.0, lattice=3.924).positions)
    stray = rng.normal(size=(60, 3))
    stray *= (rng.uniform(9.0, 14.0, 60) / np.linalg.norm(stray, axis=1))[:, None]
    fit = fit_lattice(np.concatenate([points, stray]))
    assert fit.constant == pytest.approx(3.924, abs=0.003)
    assert fit.on_site[: len(points)].mean() > 0.98
    assert fit.on_site[len(points) :].mean() < 0.25


def test_a_melted_surface_leaves_the_core():
    atoms = disordered(fcc_sphere("Pt", 24.0, lattice=3.924), 0.4, np.random.default_rng(0))
    assert fit_lattice(atoms.positions).constant == pytest.approx(3.924, abs=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_a_twin_is_fitted_on_one_side(seed):
    rng = np.random.default_rng(seed)
    points = rotate(random_quaternions(1, rng)[0], twinned_sphere("Pt", 26.0, lattice=3.924).positions)
    fit = fit_lattice(points + rng.normal(scale=0.05, size=points.shape))
    assert fit.constant == pytest.approx(3.924, abs=0.01)
    assert fit.rms < 0.05 * np.sqrt(3.0) * 1.2
    grains = find_grains(points)
    assert len(grains.lattices) == 2
    assert (grains.grain >= 0).all()
    side = twinned_sphere("Pt", 26.0).positions[:, 2]
    assert len(set(grains.grain[side > 1.0])) == 1 and len(set(grains.grain[side < -1.0])) == 1
    assert set(grains.grain[side > 1.0]) != set(grains.grain[side < -1.0])


def test_a_decahedron_has_five_grains():
    grains = find_grains(decahedron("Pt", 4, 3, 2).positions)
    assert len(grains.lattices) == 5
    assert (grains.grain >= 0).mean() > 0.95


def test_same_atoms_same_fit():
    points = icosahedron("Pt", 4).positions
    np.testing.assert_array_equal(fit_lattice(points).cell, fit_lattice(points.copy()).cell)


def test_measured_particles(data_dir):
    fit = fit_lattice(read_atoms(data_dir / "pt_nanocrystal_stage1" / "stage1.pdb").positions)
    np.testing.assert_allclose(fit.edges, 3.986, atol=0.01)  # a plain least-squares fit of its aligned axes
    assert fit.share == 1.0
    ideal = read_atoms(data_dir / "pt_nanocrystal_stage1" / "ideal_truncated_octahedron.pdb", element="Pt")
    np.testing.assert_allclose(fit_lattice(ideal.positions).edges, 3.912, atol=1e-6)


def test_what_has_no_lattice_is_refused():
    with pytest.raises(InputError, match="at least 6"):
        fit_lattice(np.eye(3) * 2.8)
    chain = np.arange(20)[:, None] * [2.77, 0.0, 0.0]
    with pytest.raises(InputError, match="no common order"):
        fit_lattice(chain)
