import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from atomotion.geometry import random_quaternions, rotate
from atomotion.neighbours import first_minimum, neighbour_pairs
from atomotion.particles import icosahedron, truncated_octahedron
from atomotion.structure import bond_order, bond_similarity, crystalline_atoms
from atomotion.structure.arrangements import arrangement

CUBE = np.array(list(itertools.product((1.0, -1.0), repeat=3)))
AXES = np.concatenate([np.eye(3), -np.eye(3)])
SHELLS = {
    "fcc": arrangement("fcc"),
    "hcp": arrangement("hcp"),
    "icosahedral": arrangement("icosahedral"),
    "bcc 8": CUBE / np.sqrt(3.0),
    "bcc 14": np.concatenate([CUBE / 2.0, AXES]) / 1.0001,
    "sc": AXES,
}
# freud 3.4.0, printed to 6 digits: Q4, Q6, w4 and w6, the last two normalised
REFERENCE = {
    "fcc": (0.190941, 0.574524, -0.159317, -0.013161),
    "hcp": (0.097222, 0.484762, 0.134097, -0.012442),
    "icosahedral": (0.0, 0.663325, np.nan, -0.169754),
    "bcc 8": (0.509175, 0.628539, -0.159317, 0.013161),
    "bcc 14": (0.036370, 0.510688, 0.159317, 0.013161),
    "sc": (0.763763, 0.353553, 0.159317, 0.013161),
}


@pytest.mark.parametrize("kind", SHELLS)
@pytest.mark.parametrize("seed", [None, 0, 1])
def test_perfect_shells_in_any_orientation(kind, seed):
    shell = SHELLS[kind]
    if seed is not None:
        shell = rotate(random_quaternions(1, np.random.default_rng(seed))[0], shell)
    # only the bonds of the atom in the centre, whatever the distances within the shell
    whole = neighbour_pairs(np.concatenate([[[0.0, 0, 0]], shell]), 1.06)
    q4, q6 = bond_order(whole, 4), bond_order(whole, 6)
    assert len(whole.of(0)) == len(shell)
    values = (q4.q[0], q6.q[0], q4.w_normalised[0], q6.w_normalised[0])
    np.testing.assert_allclose(values, REFERENCE[kind], atol=1e-6)


def test_exact_values():
    """q4 of FCC is sqrt(7/192), q6 of an icosahedron sqrt(11)/5, w6 of it -11/sqrt(4199)."""
    fcc = neighbour_pairs(np.concatenate([[[0.0, 0, 0]], SHELLS["fcc"]]), 1.06)
    ico = neighbour_pairs(np.concatenate([[[0.0, 0, 0]], SHELLS["icosahedral"]]), 1.02)
    assert bond_order(fcc, 4).q[0] == pytest.approx(np.sqrt(7 / 192), abs=1e-12)
    assert bond_order(ico, 6).q[0] == pytest.approx(np.sqrt(11) / 5, abs=1e-12)
    assert bond_order(ico, 6).w_normalised[0] == pytest.approx(-11 / np.sqrt(4199), abs=1e-12)
    assert np.isnan(bond_order(ico, 4).w_normalised[0])  # there is no order of this degree to normalise


def disordered_cluster(size: float, amount: float) -> NDArray:
    """FCC sites within a sphere, displaced by sines: the same on every machine."""
    cells = np.array(list(itertools.product(range(-4, 5), repeat=3)), dtype=float)
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    points = 3.92 * (cells[:, None] + basis).reshape(-1, 3)
    points = points[np.linalg.norm(points - [0.3, 0.5, 0.7], axis=1) < size]
    points = points[np.lexsort(points.round(6).T)]
    number = np.arange(len(points))[:, None] * 3 + np.arange(3)
    return points + amount * np.sin(12.9898 * number + 0.5 * number**2)


# pyscal3 4.1.0 (double precision) on these clusters: q4, q6, their averages, normalised w4 and w6; of atoms 0, 50 and
# 100, the mean and the standard deviation. freud 3.4.0 (single precision) agrees with it and with us to 1.2e-5.
PYSCAL = {
    (10.0, 0.35, 3.45): (
        280,
        [
            [0.237908058, 0.53147434, 0.18670043, 0.444004847, -0.024222423, -0.042599034],
            [0.201992933, 0.484249226, 0.096559062, 0.323636574, -0.018379719, -0.02562604],
            [0.247953356, 0.456115419, 0.137147071, 0.403501675, 0.086296356, 0.00040199],
            [0.220986216, 0.447593, 0.140633062, 0.391237853, -0.010604187, -0.01510027],
            [0.059555539, 0.060344905, 0.026509912, 0.028658368, 0.068329225, 0.019995853],
        ],
    ),
    (8.0, 0.6, 3.5): (
        142,
        [
            [0.292707406, 0.486084517, 0.107025547, 0.27506288, -0.083154906, -0.038402941],
            [0.451030658, 0.397720735, 0.1452294, 0.294639758, 0.073717677, -0.005873731],
            [0.352494691, 0.626496843, 0.219979828, 0.367265382, 0.072357937, -0.058730603],
            [0.297013149, 0.391480064, 0.119359192, 0.222549784, 0.012505514, -0.018119741],
            [0.098760193, 0.104995532, 0.044925005, 0.065246607, 0.059271072, 0.037550959],
        ],
    ),
}


@pytest.mark.parametrize("case", PYSCAL)
def test_disordered_clusters_agree_with_another_program(case):
    size, amount, radius = case
    atoms, expected = PYSCAL[case]
    points = disordered_cluster(size, amount)
    assert len(points) == atoms
    neighbours = neighbour_pairs(points, radius)
    four, six = bond_order(neighbours, 4), bond_order(neighbours, 6)
    columns = (four.q, six.q, four.q_averaged, six.q_averaged, four.w_normalised, six.w_normalised)
    table = np.column_stack(columns)
    found = np.concatenate([table[[0, 50, 100]], [table.mean(axis=0)], [table.std(axis=0)]])
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_thirteen_atoms_of_an_icosahedron_have_its_order():
    points = icosahedron("Pt", 4).positions
    order = bond_order(neighbour_pairs(points, first_minimum(points).r), 6)
    icosahedral = np.flatnonzero(order.w_normalised < -0.15)
    distance = np.sort(np.linalg.norm(points, axis=1)[icosahedral])
    assert len(icosahedral) == 13
    assert distance[0] < 0.01 and np.ptp(distance[1:]) < 0.01  # the centre and the twelve vertices


def test_every_bond_of_a_perfect_octahedron_is_crystalline():
    points = truncated_octahedron("Pt", 10, 3).positions
    neighbours = neighbour_pairs(points, first_minimum(points).r)
    similarity = bond_similarity(neighbours, bond_order(neighbours, 6).vectors)
    assert similarity.min() > 0.8 and similarity.max() < 1.0 + 1e-12
    assert crystalline_atoms(neighbours, similarity).all()


def test_half_of_the_bonds_is_not_more_than_half():
    star = neighbour_pairs([[0.0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], 1.1)
    similarity = np.where(star.first + star.second <= 2, 0.9, 0.1)  # the bonds of the centre to atoms 1 and 2
    assert not crystalline_atoms(star, similarity)[0]
    similarity[(star.first == 0) & (star.second == 3)] = 0.9
    assert crystalline_atoms(star, similarity)[0]


def test_atoms_without_neighbours_have_no_order():
    order = bond_order(neighbour_pairs([[0.0, 0, 0], [9, 9, 9]], 3.0), 6)
    assert np.isnan(order.q).all() and np.isnan(order.w_normalised).all()
