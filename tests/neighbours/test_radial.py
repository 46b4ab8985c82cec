import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.io.atoms import read_atoms
from atomotion.neighbours import first_minimum, radial_distribution
from atomotion.particles import disordered, fcc_sphere, particle


def test_measured_particle_has_its_printed_first_minimum(data_dir):
    """Paper 002: 3.41 Å for particle 1, structure I; no pair lies between 3.28 and 3.56 Å."""
    found = first_minimum(read_atoms(data_dir / "pt_nanocrystal_stage1" / "stage1.pdb").positions)
    assert found.r == pytest.approx(3.41, abs=0.05)
    assert found.basis == "empty stretch"
    assert found.low < 3.28 and found.high > 3.56


def test_perfect_crystal_is_split_half_way():
    atoms = fcc_sphere("Pt", 20.0, lattice=4.0)
    found = first_minimum(atoms.positions)
    assert found.r == pytest.approx(2.0 * (1 + 1 / np.sqrt(2.0)))
    assert found.peak == pytest.approx(4.0 / np.sqrt(2.0), rel=0.005)


@pytest.mark.parametrize("seed", range(3))
def test_hot_and_molten_particles_have_one_between_the_shells(seed):
    rng = np.random.default_rng(seed)
    hot = particle("sphere", "Pt", 30.0)
    hot.positions += rng.normal(scale=0.18, size=hot.positions.shape)
    found = first_minimum(hot.positions)
    assert found.basis == "lowest density"
    assert found.r == pytest.approx(2.77 * (1 + np.sqrt(2.0)) / 2, rel=0.05)
    liquid = first_minimum(disordered(particle("sphere", "Pt", 26.0), 1.0, rng).positions)
    assert 1.2 * liquid.peak < liquid.r < 1.45 * liquid.peak


def test_distribution_counts_every_pair_and_tends_to_one():
    atoms = fcc_sphere("Pt", 24.0)
    found = radial_distribution(atoms.positions)
    assert found.pairs.sum() == len(atoms) * (len(atoms) - 1) // 2
    filled = np.flatnonzero(found.pairs)
    np.testing.assert_allclose(found.r[filled[:3]], 3.92 * np.sqrt([0.5, 1.0, 1.5]), atol=0.011)
    # points without order fill their sphere evenly: 1 at all distances
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3000, 3))
    points *= (20.0 * np.cbrt(rng.uniform(size=3000)) / np.linalg.norm(points, axis=1))[:, None]
    even = radial_distribution(points, step=1.0, shape="sphere")
    near = (even.r > 3) & (even.r < 25)
    np.testing.assert_allclose(even.g[near], 1.0, atol=0.06)
    plain = radial_distribution(points, step=1.0)
    assert plain.g[24] < 0.3


def test_short_reach_gives_the_same_bins():
    points = fcc_sphere("Pt", 20.0).positions
    whole, part = radial_distribution(points, step=0.05), radial_distribution(points, step=0.05, r_max=6.0)
    np.testing.assert_allclose(part.g, whole.g[: len(part.g)])


def test_too_few_atoms_are_refused():
    with pytest.raises(InputError, match="at least 2"):
        radial_distribution([[0, 0, 0]])
    with pytest.raises(InputError, match="at least 3"):
        first_minimum([[0, 0, 0], [0, 0, 2.7]])
