import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.io.atoms import read_atoms
from atomotion.particles import fcc_sphere, icosahedron
from atomotion.structure.comparison_config import ScoreConfig
from atomotion.structure.model_score import null_score, score_model


def truth(seed=0):
    rng = np.random.default_rng(seed)
    positions = fcc_sphere("Pt", 20.0, centre=(0.2, 0.3, 0.1)).positions
    return positions + rng.normal(scale=0.08, size=positions.shape)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
@pytest.mark.parametrize("seed", range(3))
def test_planted_errors_are_counted_exactly(seed, mirror):
    rng = np.random.default_rng(seed)
    true = truth(seed)
    surface = np.argsort(-np.linalg.norm(true - true.mean(axis=0), axis=1))[:120]
    missed = rng.choice(surface, size=10, replace=False)
    model = np.delete(true, missed, axis=0) + rng.normal(scale=0.1, size=(len(true) - 10, 3))
    false = true[surface[:6]] * 1.25
    turn = mirror * matrices_from_quaternions(random_quaternions(1, rng)[0])
    score = score_model(np.concatenate([model, false]) @ turn.T + 7.0, true)
    assert score.found == pytest.approx(1 - 10 / len(true))
    assert score.false == pytest.approx(6 / len(true))
    assert score.rms == pytest.approx(0.1 * np.sqrt(3), rel=0.1)
    assert score.motion.mirrored == (mirror < 0)
    assert set(np.setdiff1d(np.arange(len(true)), score.pairs[:, 1])) == set(missed)


def test_surface_atoms_are_those_with_few_neighbours():
    true = truth()
    model = true[np.linalg.norm(true, axis=1) < 8.0]
    score = score_model(model, true)
    few = np.array([np.count_nonzero(np.linalg.norm(true - each, axis=1) < 3.35) - 1 for each in true]) <= 9
    assert score.surface_found == pytest.approx((few & (np.linalg.norm(true, axis=1) < 8.0)).sum() / few.sum())
    assert score.surface_found < score.found
    given = score_model(model, true, coordination=np.where(np.arange(len(true)) == 0, 9, 12))
    assert given.surface_found in (0.0, 1.0)
    with pytest.raises(InputError, match="one for each"):
        score_model(model, true, coordination=[1, 2])


def test_a_sphere_without_data_finds_a_sphere():
    perfect = fcc_sphere("Pt", 20.0, centre=(0.2, 0.3, 0.1)).positions
    turn = matrices_from_quaternions(random_quaternions(1, np.random.default_rng(3))[0])
    null = null_score(perfect @ turn.T + 4.0, 3.92)
    assert null.model_atoms == len(perfect)
    assert null.found > 0.98
    assert null.rms < 0.01


def test_the_null_fails_on_what_is_no_crystal_of_one_orientation():
    assert null_score(icosahedron("Pt", 4).positions, 3.92).found < 0.5


def test_a_measured_particle_is_nearly_all_found_without_data(data_dir):
    """314 atoms measured by paper 002: a score of 0.95 says nothing there."""
    true = read_atoms(data_dir / "pt_nanocrystal_stage1" / "stage1.pdb").positions
    null = null_score(true, 3.92)
    assert null.true_atoms == null.model_atoms == 314
    assert 0.91 <= null.found <= 0.97
    assert null.false == pytest.approx(1 - null.found)
    assert null.rms == pytest.approx(0.19, abs=0.01)
    assert null.surface_found < null.found
    model = true + np.random.default_rng(0).normal(scale=0.05, size=true.shape)
    assert score_model(model, true).skill(null) == pytest.approx(1.0)
    assert null.skill(null) == pytest.approx(0.0)


def test_the_limit_is_the_configs():
    true = truth()
    model = true.copy()
    model[:20] += [0.7, 0.0, 0.0]
    assert score_model(model, true).found == 1.0
    assert score_model(model, true, ScoreConfig(limit=0.5)).found == pytest.approx(1 - 20 / len(true))
    with pytest.raises(InputError, match="lattice constant"):
        null_score(true, 0.0)
