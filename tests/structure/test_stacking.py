import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from atomotion.geometry import random_quaternions, rotate
from atomotion.neighbours import first_minimum, neighbour_pairs
from atomotion.particles import decahedron, disordered, fcc_sphere, icosahedron, truncated_octahedron
from atomotion.structure import PlanarDefect, find_surface, local_structure, planar_defects
from atomotion.structure.arrangements import KINDS, LocalStructure, arrangement

SPACING = 2.775


def stacked(sequence: str, radius: float) -> NDArray:
    """Close-packed layers in a given order, normal to z, cut to a sphere."""
    height = SPACING * np.sqrt(2 / 3)
    i, j = np.meshgrid(np.arange(-30, 31), np.arange(-30, 31))
    plane = np.stack([(i + 0.5 * j) * SPACING, j * SPACING * np.sqrt(0.75)], axis=-1).reshape(-1, 2)
    hollow = np.array([0.5, 0.5 / np.sqrt(3.0)]) * SPACING
    layers = []
    for number, letter in enumerate(sequence):
        z = (number - (len(sequence) - 1) / 2) * height
        layers.append(np.column_stack([plane + "ABC".index(letter) * hollow, np.full(len(plane), z)]))
    points = np.concatenate(layers)
    return points[np.linalg.norm(points - [0.1, 0.2, 0.0], axis=1) < radius]


def measured(points: NDArray) -> tuple[LocalStructure, tuple[PlanarDefect, ...]]:
    minimum = first_minimum(points)
    neighbours = neighbour_pairs(points, minimum.r)
    surface = find_surface(points, neighbours, ball=0.95 * minimum.peak)
    kinds = local_structure(points, asked=~surface.exposed)
    return kinds, planar_defects(points, neighbours, kinds, spacing=minimum.peak)


SEQUENCES = {
    "ABCABCABCABC": [],
    "ABCABCBACBA": ["twin"],
    "ABCABCBCABCA": ["intrinsic fault"],
    "ABCABACABCAB": ["extrinsic fault"],
    "ABCACBABCABC": ["twin", "twin"],
    "ABCABABABCAB": ["hcp layers"],
}


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.12])
def test_planted_stacking_is_named_and_none_is_invented(sequence, noise):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        points = rotate(random_quaternions(1, rng)[0], stacked(sequence, 12.5))
        points = points + rng.normal(scale=noise, size=points.shape)
        _, found = measured(points)
        assert [each.name for each in found] == SEQUENCES[sequence]


def test_normal_and_place_of_a_twin_plane():
    turn = random_quaternions(1, np.random.default_rng(5))[0]
    points = rotate(turn, stacked("ABCABCBACBA", 12.5)) + np.array([3.0, -2.0, 1.0])
    _, (twin,) = measured(points)
    axis = rotate(turn, np.array([[0.0, 0.0, 1.0]]))[0]
    assert abs(twin.normal @ axis) > 1 - 1e-6
    assert (twin.centre - [3.0, -2.0, 1.0]) @ axis == pytest.approx(0.0, abs=1e-6)


def test_an_outermost_layer_on_the_wrong_hollows_is_a_surface_fault():
    points = truncated_octahedron("Pt", 9, 2).positions
    normal = np.ones(3) / np.sqrt(3.0)
    height = points @ normal
    top = height > height.max() - 0.5
    aside = np.array([1.0, 1.0, -2.0]) / np.sqrt(6.0) * SPACING / np.sqrt(3.0)
    moved = points.copy()
    moved[top] -= aside
    overlapping = neighbour_pairs(moved, 2.5)
    if len(overlapping.first):
        moved = points.copy()
        moved[top] += aside
    _, found = measured(moved)
    assert [each.name for each in found] == ["surface fault"]


@pytest.mark.parametrize("seed", range(5))
def test_noisy_crystals_have_no_defects(seed):
    """0.15 Å per coordinate, as coarse as measured coordinates are."""
    rng = np.random.default_rng(seed)
    points = fcc_sphere("Pt", 24.0).positions
    kinds, found = measured(points + rng.normal(scale=0.15, size=points.shape))
    assert found == ()
    inner = kinds.kind != "surface"
    assert (kinds.kind[inner] == "fcc").mean() > 0.85
    assert np.isin(kinds.kind, ["hcp", "icosahedral"]).sum() <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_arrangements_are_told_apart_under_noise(kind, seed):
    """Noise of a tenth of the distance; below that all 60 are right."""
    rng = np.random.default_rng(seed)
    right = 0
    for _ in range(20):
        shell = rng.permutation(rotate(random_quaternions(1, rng)[0], arrangement(kind)))
        points = 2.8 * np.concatenate([[[0.0, 0, 0]], shell + rng.normal(scale=0.055, size=shell.shape)])
        found = local_structure(points, asked=np.arange(13) == 0)
        right += found.kind[0] == kind
        assert found.misfit[0] < 0.18
        assert (found.kind[1:] == "surface").all()
    assert right == 20


def test_arrangements_have_unit_length_and_differ():
    for kind in KINDS:
        np.testing.assert_allclose(np.linalg.norm(arrangement(kind), axis=1), 1.0)
        exact = local_structure(np.concatenate([[[0.0, 0, 0]], 2.8 * arrangement(kind)]), asked=np.arange(13) == 0)
        assert exact.kind[0] == kind and exact.misfit[0] < 1e-9
    for one, other in itertools.combinations(KINDS, 2):
        points = np.concatenate([[[0.0, 0, 0]], 2.8 * arrangement(one)])
        assert local_structure(points, asked=np.arange(13) == 0).kind[0] != other


def test_axis_of_five_and_stacking_direction_of_hcp():
    for kind in ("hcp", "fivefold"):
        turn = random_quaternions(1, np.random.default_rng(7))[0]
        points = np.concatenate([[[0.0, 0, 0]], 2.8 * rotate(turn, arrangement(kind))])
        axis = rotate(turn, np.array([[0.0, 0.0, 1.0]]))[0]
        assert abs(local_structure(points, asked=np.arange(13) == 0).normal[0] @ axis) > 1 - 1e-6


def test_liquids_are_none_of_them():
    wrong = total = 0
    for seed in range(3):
        atoms = disordered(fcc_sphere("Pt", 24.0), 1.0, np.random.default_rng(seed))
        kinds, found = measured(atoms.positions)
        assert found == ()
        inner = kinds.kind != "surface"
        wrong, total = wrong + (kinds.kind[inner] != "other").sum(), total + inner.sum()
    assert wrong / total < 0.03


def test_icosahedra_and_decahedra():
    """Exact: 309 atoms have 1 centre, 36 on the axes, 30 twin planes of 3, 20 tetrahedra of one inner atom each."""
    kinds, found = measured(icosahedron("Pt", 4).positions)
    assert [int((kinds.kind == kind).sum()) for kind in KINDS] == [20, 90, 1, 36]
    assert [(each.name, len(each.atoms)) for each in found] == [("twin", 3)] * 30
    kinds, found = measured(decahedron("Pt", 4, 3, 2).positions)
    assert [(each.name, len(each.atoms)) for each in found] == [("twin", 22)] * 5
    assert (kinds.kind == "other").sum() == 0


def test_few_atoms():
    found = local_structure(np.eye(3) * 2.8)
    assert (found.kind == "other").all() and np.isnan(found.misfit).all()
