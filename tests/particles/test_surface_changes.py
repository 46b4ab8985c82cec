import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from atomotion.data import UsageError
from atomotion.particles import displaced, etched, faulted_sphere, fcc_sphere, grown, particle, successive_states
from atomotion.particles.surface_changes import coordination

PT = particle("truncated_octahedron", "Pt", 20.8)
BOND = 3.92 / np.sqrt(2.0)


def above_each_other(atoms, lower: int, upper: int) -> bool:
    """Whether the (111) layers of these numbers, 0 through the fault's lower plane, have equal places in the plane."""
    z = atoms.positions[:, 2]
    step = 3.92 / np.sqrt(3.0)
    origin = z[np.argmin(np.linalg.norm(atoms.positions, axis=1))]
    layer = np.rint((z - origin) / step)
    below, above = (atoms.positions[layer == number][:, :2] for number in (lower, upper))
    inner = below[np.linalg.norm(below - below.mean(axis=0), axis=1) < 5.0]
    return bool((cKDTree(above).query(inner)[0] < 0.01).all())


def test_a_stacking_fault_has_two_hexagonal_planes():
    atoms = faulted_sphere("Pt", 26.0)
    assert pdist(atoms.positions).min() == pytest.approx(BOND)
    assert coordination(atoms.positions).max() == 12
    assert abs(len(atoms) - len(fcc_sphere("Pt", 26.0))) < 0.05 * len(atoms)
    # a plane is hexagonal where its neighbours lie above each other
    hexagonal = [above_each_other(atoms, number - 1, number + 1) for number in (-2, -1, 0, 1, 2, 3)]
    assert hexagonal == [False, False, True, True, False, False]
    assert len(particle("stacking_fault", "Pt", 26.0)) == len(atoms)


def test_etching_takes_atoms_with_few_neighbours():
    before = coordination(PT.positions)
    left = etched(PT, 24, np.random.default_rng(0))
    assert len(left) == len(PT) - 24
    gone = cKDTree(left.positions).query(PT.positions)[0] > 1e-6
    assert gone.sum() == 24
    assert before[gone].mean() < before[before < 12].mean() - 0.5
    assert (before[gone] < 12).all()
    with pytest.raises(UsageError, match="cannot leave"):
        etched(PT, 313, np.random.default_rng(0))


def test_growth_stays_on_the_lattice():
    more = grown(PT, 40, np.random.default_rng(1))
    assert len(more) == len(PT) + 40
    steps = (more.positions - PT.positions[0]) / (3.92 / 2.0)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
    assert pdist(more.positions).min() == pytest.approx(BOND)
    # places with many neighbours come first
    assert coordination(more.positions)[len(PT) :].min() >= 3
    assert len(grown(PT, 0, np.random.default_rng(1))) == len(PT)


def test_states_follow_each_other():
    def sizes(change: str) -> list[int]:
        return [len(each) for each in successive_states(PT, change, states=4, changed=7, rng=np.random.default_rng(2))]

    assert sizes("etching") == [314, 307, 300, 293]
    assert sizes("growth") == [314, 321, 328, 335]
    assert sizes("fluctuation") == [314] * 4
    assert sizes("none") == [314]
    second, third = successive_states(PT, "fluctuation", states=3, changed=7, rng=np.random.default_rng(3))[1:]
    moved = cKDTree(second.positions).query(third.positions)[0] > 1e-6
    assert 1 <= moved.sum() <= 7
    with pytest.raises(UsageError, match="known are none, etching"):
        sizes("melting")


def test_the_surface_is_more_disordered_than_the_inside():
    moved = displaced(PT, surface=0.3, inner=0.1, rng=np.random.default_rng(4)).positions - PT.positions
    length = np.sum(moved**2, axis=1)
    surface = coordination(PT.positions) < 12
    assert np.sqrt(length[surface].mean()) == pytest.approx(0.3, rel=0.08)
    assert np.sqrt(length[~surface].mean()) == pytest.approx(0.1, rel=0.08)
