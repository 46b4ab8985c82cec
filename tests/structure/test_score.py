import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.geometry import random_quaternions, rotate
from atomotion.io.atoms import read_atoms
from atomotion.particles import disordered, fcc_sphere
from atomotion.structure import crystallinity_score


def test_ideal_spheres_score_one_in_any_orientation():
    points = fcc_sphere("Pt", 20.0, lattice=3.912).positions
    for seed in range(3):
        turned = rotate(random_quaternions(1, np.random.default_rng(seed))[0], points)
        found = crystallinity_score(turned, bulk=3.912)
        assert found.program == pytest.approx(1.0) and found.text == pytest.approx(1.0)
        assert found.text_distance == pytest.approx(0.0, abs=1e-12)


# per coordinate [Å]; the probabilities that steps of 1/26 between two lists of 26 heights can have: 0, 3, 5 and 6
@pytest.mark.parametrize(
    ("noise", "score"), [(0.05, 0.99999669), (0.1, 0.99187806), (0.2, 0.67383092), (0.3, 0.44018711)]
)
def test_program_version_falls_with_noise(noise, score):
    points = fcc_sphere("Pt", 20.0, lattice=3.912).positions
    found = crystallinity_score(points + np.random.default_rng(0).normal(scale=noise, size=points.shape), bulk=3.912)
    assert found.shells == 26
    assert found.program == pytest.approx(score, abs=1e-6)
    assert found.text < 1e-30 and 0.03 < found.text_distance < 0.05


def test_measured_particle(data_dir):
    """0.698 from an independent implementation of the program's score; it does not hang on the lattice constant."""
    points = read_atoms(data_dir / "pt_nanocrystal_stage1" / "stage1.pdb").positions
    for bulk in (3.912, 3.924):
        assert crystallinity_score(points, bulk=bulk).program == pytest.approx(0.698, abs=0.001)


def test_liquids_score_as_low_as_hot_crystals():
    """A liquid's score is that of a crystal with 0.3 Å of noise: the program's score does not know a lattice."""
    scores = []
    for seed in range(3):
        atoms = disordered(fcc_sphere("Pt", 20.0, lattice=3.912), 1.0, np.random.default_rng(seed))
        scores.append(crystallinity_score(atoms.positions, bulk=3.912).program)
    assert 0.05 < np.median(scores) < 0.6


def test_few_atoms_are_refused():
    with pytest.raises(InputError, match="at least 13"):
        crystallinity_score(np.eye(3), bulk=3.924)
