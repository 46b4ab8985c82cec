import numpy as np

from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.particles import fcc_sphere
from atomotion.structure.series_comparison import compare_series


def test_a_trajectory_is_compared_as_a_whole():
    rng = np.random.default_rng(0)
    sites = fcc_sphere("Pt", 20.0, centre=(0.1, 0.3, 0.4)).positions
    sites = sites + rng.normal(scale=0.06, size=sites.shape)
    order = np.argsort(np.linalg.norm(sites, axis=1))
    whose = [rng.permutation(order[: len(order) - 20 * number]) for number in range(4)]
    states = []
    for atoms in whose:
        turn = matrices_from_quaternions(random_quaternions(1, rng)[0])
        states.append((sites[atoms] + rng.normal(scale=0.04, size=(len(atoms), 3))) @ turn.T + rng.uniform(-9, 9, 3))
    elements = [np.where(atoms % 3 == 0, "Pd", "Pt") for atoms in whose]
    found = compare_series(states, species=elements)
    assert [len(each.removed) for each in found.changes] == [20, 20, 20]
    assert [len(each.added) for each in found.changes] == [0, 0, 0]
    np.testing.assert_array_equal(found.positions[0], states[0])
    # every row of atoms is one site for as long as it lasts
    assert len(found.atoms) == len(sites)
    for row in found.atoms:
        seen = [atoms[index] for atoms, index in zip(whose, row, strict=True) if index >= 0]
        assert len(set(seen)) == 1
    assert found.core.indices.shape == (4, len(whose[-1]))
    np.testing.assert_array_equal(np.sort(whose[0][found.core.indices[0]]), np.sort(whose[-1]))
    assert all(len(each.pairs) == len(atoms) for each, atoms in zip(found.alignments, whose[1:], strict=True))


def test_one_state_has_no_changes():
    found = compare_series([fcc_sphere("Pt", 12.0).positions])
    assert found.changes == found.alignments == []
    assert found.atoms.shape == (len(found.positions[0]), 1)
