"""Published widths, validation correlation, intensities, principal axes, and the rule for lonely atoms."""

import numpy as np
import pytest

from atomotion.atoms import (
    Grid,
    density_on_grid,
    maximum_intensities,
    occupancies,
    passes_validation,
    principal_axes,
    published_widths,
    remove_lonely,
    simulated_density,
    tensors,
    validation_correlations,
)
from atomotion.data import UsageError
from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.particles import cuboctahedron
from atomotion.scattering import density_of_atoms, peng_atoms

SIZE, SHAPE = 0.3, (40, 44, 42)
GRID = Grid(shape=SHAPE, voxel_size=SIZE, first=-(np.array(SHAPE[::-1]) // 2) * SIZE)


def ellipsoid(seed):
    rng = np.random.default_rng(seed)
    axes = matrices_from_quaternions(random_quaternions(1, rng)[0])
    return axes @ np.diag([0.20, 0.12, 0.08]) @ axes.T, axes


def gaussian(tensor, place=(0.1, -0.2, 0.15)):
    components = np.array([[tensor[a, b] for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]])
    return density_on_grid(
        GRID, np.array([place]), np.ones(1), components, weights=np.array([3.0]), variances=np.array([0.0])
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_published_fit_of_a_gaussian_is_exact(seed):
    tensor, axes = ellipsoid(seed)
    found = published_widths(gaussian(tensor), GRID, [[0.1, -0.2, 0.15]], radius=1.0)
    np.testing.assert_allclose(found.tensors[0], tensor, atol=2e-5)
    assert found.tensor_correlation[0] == pytest.approx(1.0, abs=1e-6)
    principal = principal_axes(found.tensors)
    np.testing.assert_allclose(principal.values[0], [0.20, 0.12, 0.08], rtol=1e-3)
    assert np.abs(principal.axes[0, 0] @ axes[:, 0]) == pytest.approx(1.0, abs=1e-4)
    assert principal.degree_of_isotropy[0] == pytest.approx(0.4, rel=1e-3)
    round_ = published_widths(gaussian(0.13 * np.eye(3)), GRID, [[0.1, -0.2, 0.15]], radius=1.0)
    assert round_.isotropic[0] == pytest.approx(0.13, rel=1e-4)


def test_what_is_no_peak_has_no_width():
    hole = 1.0 - gaussian(0.1 * np.eye(3)) / 10.0
    found = published_widths(hole, GRID, [[0.1, -0.2, 0.15]], radius=1.0)
    assert np.isnan(found.isotropic[0]) and np.isnan(found.tensors[0]).all()
    # wider than 4 squared radii counts as none, as in the paper
    wide = published_widths(gaussian(5.0 * np.eye(3)), GRID, [[0.1, -0.2, 0.15]], radius=1.0)
    assert np.isnan(wide.tensors[0]).all() and wide.isotropic[0] == pytest.approx(5.0, rel=1e-3)
    assert np.isnan(principal_axes(wide.tensors).degree_of_isotropy[0])
    outside = published_widths(gaussian(0.1 * np.eye(3)), GRID, [[500.0, 0.0, 0.0]], radius=1.0)
    assert np.isnan(outside.isotropic[0])


def test_the_grid_of_anisotropic_atoms_agrees_with_the_exact_projection():
    positions = cuboctahedron("Pt", 1).positions + np.array([0.13, -0.31, 0.22])
    exact = density_of_atoms(positions, peng_atoms(["Pt"] * 13, u_iso=0.1), shape=SHAPE, voxel_size=SIZE).values
    # the mean over a voxel is nearly a Gaussian of variance size² / 12
    ours = simulated_density(GRID, positions, "Pt", u_iso=0.1)
    assert np.abs(ours - exact).max() < 0.01 * exact.max()
    assert ours.sum() == pytest.approx(exact.sum(), rel=2e-3)


def test_validation_is_one_for_itself_and_falls_for_the_wrong_atom():
    positions = cuboctahedron("Pt", 1).positions
    truth = simulated_density(GRID, positions, "Pt", u_iso=0.1, resolution=1.0)
    for window in ("sphere", "cube"):
        same = validation_correlations(5.0 * truth + 3.0, truth, GRID, positions, atom_radius=1.1, window=window)
        np.testing.assert_allclose(same, 1.0, atol=1e-5)
    missing = np.delete(positions, 3, axis=0)
    wrong = simulated_density(GRID, missing, "Pt", u_iso=0.1, resolution=1.0)
    low = validation_correlations(truth, wrong, GRID, positions, atom_radius=1.1)
    assert low[3] < 0.2 and np.delete(low, 3).min() > 0.8
    outside = validation_correlations(truth, truth, GRID, [[900.0, 0.0, 0.0]], atom_radius=1.1)
    assert np.isnan(outside[0])


def test_the_cut_of_two_deviations():
    values = np.array([0.9] * 20 + [0.3, np.nan])
    kept = passes_validation(values, 2.0)
    assert kept[:20].all() and not kept[20] and kept[21]
    assert passes_validation(np.full(5, np.nan)).all()


def test_maximum_intensity_against_the_atom_and_the_particle():
    density = np.zeros((3, 3, 4))
    density[1, 1] = [1.0, 3.0, 2.0, 6.0]
    labels = np.zeros((3, 3, 4), dtype=int)
    labels[1, 1, :2], labels[1, 1, 2:] = 4, 7
    region = labels > 0
    highest, atom, particle = maximum_intensities(density, labels, [4, 7, 9], region)
    np.testing.assert_allclose(highest[:2], [3.0, 6.0])
    np.testing.assert_allclose(atom[:2], [1.0, 1.0])
    np.testing.assert_allclose(particle[:2], (np.array([3.0, 6.0]) - 3.0) / np.std([1, 3, 2, 6]))
    assert np.isnan([highest[2], atom[2], particle[2]]).all()
    # the first is blind to height, the second is not
    doubled = maximum_intensities(np.where(labels == 4, 2.0 * density, density), labels, [4, 7], region)
    assert doubled[1][0] == pytest.approx(1.0) and doubled[2][0] > particle[0]


def test_principal_axes_of_odd_tensors():
    found = principal_axes(np.stack([np.diag([0.1, 0.3, -0.02]), np.full((3, 3), np.nan), -np.eye(3)]))
    np.testing.assert_allclose(found.values[0], [0.3, 0.1, -0.02])
    np.testing.assert_allclose(np.abs(found.axes[0]), [[0, 1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)
    assert found.degree_of_isotropy[0] == 0.0 and np.isnan(found.degree_of_isotropy[1:]).all()
    assert np.isnan(found.values[1]).all()
    np.testing.assert_allclose(tensors(np.array([[1.0, 2, 3, 4, 5, 6]]))[0], [[1, 4, 5], [4, 2, 6], [5, 6, 3]])


def test_occupancy_is_against_the_inner_half():
    positions = cuboctahedron("Pt", 2).positions
    amplitudes = np.where(np.linalg.norm(positions, axis=1) > 5.0, 2.0, 4.0)
    found, whole = occupancies(positions, amplitudes)
    assert whole == 4.0 and set(found) == {0.5, 1.0}


CONTACT, RADIUS = 3.35, 1.109


def lonely(positions, rule, radii=None, **options):
    radii = np.full(len(positions), 1.0) if radii is None else radii
    return remove_lonely(positions, radii, rule=rule, neighbour_radius=CONTACT, atom_radius=RADIUS, **options)


def test_the_published_rule_takes_the_corners_of_a_perfect_particle_and_the_capped_one_does_not():
    positions = cuboctahedron("Pt", 4).positions
    published, capped = lonely(positions, "published"), lonely(positions, "capped")
    assert published.threshold == 7 and capped.threshold == 6
    assert (~published.kept).sum() == 12 and (published.coordination_number[~published.kept] == 5).all()
    assert capped.kept.all()
    assert lonely(positions, "none").kept.all() and lonely(positions, "single").kept.all()


def test_a_far_atom_goes_and_a_weak_low_one_too():
    particle = cuboctahedron("Pt", 4).positions
    top = particle[:, 2].max()
    facet = particle[np.abs(particle[:, 2] - top) < 0.1]
    # a hollow of the facet, near its edge: the facet's middle is not far enough out
    hollow = facet[np.argsort(np.linalg.norm(facet[:, :2] - [0.0, 3.92], axis=1))[:1]] + [1.96, 0.0, 1.96]
    positions = np.concatenate([particle, [[0.0, 0.0, top + 6.0]], hollow])
    radii = np.full(len(positions), 1.0)
    assert (~lonely(positions, "single", radii).kept).nonzero()[0].tolist() == [309]
    cut = lonely(positions, "capped", radii)
    # the adatom has 4 neighbours, one less than T - 1 allows
    assert cut.coordination_number[-1] == 4 and (~cut.kept).nonzero()[0].tolist() == [309, 310]
    # an atom below the threshold by one goes only if its density is small
    corner = int(np.flatnonzero(cut.coordination_number[:309] == 5)[0])
    radii[corner] = 0.4
    assert (~lonely(positions, "capped", radii).kept).nonzero()[0].tolist() == [corner, 309, 310]


def test_neighbours_are_counted_anew_after_each_removal():
    # a row on top of the particle's corner: its end has 1 neighbour, and the next loses one when that goes
    particle = cuboctahedron("Pt", 4).positions
    corner = particle[np.argmax(particle @ np.array([1.0, 0.2, 0.1]))]
    along = corner / np.linalg.norm(corner)
    positions = np.concatenate([particle, [corner + 2.77 * step * along for step in (1, 2, 3)]])
    radii = np.where(np.arange(312) >= 309, 0.3, 1.0)
    cut = lonely(positions, "capped", radii)
    assert cut.coordination_number[309:].tolist() == [2, 2, 1]
    assert not cut.kept[309:].any() and cut.kept[:309].all()
    # paper 004 removes what has fewer than three neighbours, once and wherever it is
    fewer = lonely(positions, "none", radii, least_neighbours=2)
    assert np.flatnonzero(~fewer.kept).tolist() == [311]
    assert np.flatnonzero(~lonely(positions, "none", radii, least_neighbours=3).kept).tolist() == [309, 310, 311]


def test_only_outer_atoms_can_go_so_that_the_rule_ends():
    chain = np.stack([3.0 * np.arange(40.0), np.zeros(40), np.zeros(40)], axis=1)
    small = np.full(40, 0.1)
    cut = lonely(chain, "published", small)
    assert cut.threshold == 1 + int((cut.coordination_number == 1).sum() <= 2)
    assert (~cut.kept).sum() <= 6
    assert lonely(chain[:1], "published").kept.tolist() == [True]
    with pytest.raises(UsageError, match="unknown rule"):
        lonely(chain, "both")
