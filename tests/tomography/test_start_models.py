"""Starts, what looks alike in them, and their images."""

import numpy as np
import pytest
import torch

from atomotion.data import InputError, UsageError
from atomotion.geometry.rotation_grid import grid_size
from atomotion.geometry.rotations import (
    compose,
    matrices_from_quaternions,
    quaternions_from_matrices,
    quaternions_from_vectors,
    random_quaternions,
)
from atomotion.geometry.symmetry import angle_to_nearest_copy, lattice_copies
from atomotion.neighbours import neighbour_pairs
from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.forward import predicted
from atomotion.tomography.half_plane import half_plane
from atomotion.tomography.lattice_symmetry import symmetry_of
from atomotion.tomography.matching import amplitude_match, sparse_likelihood, zone_likelihood
from atomotion.tomography.response import Optics, atomic_response
from atomotion.tomography.start_models import LATTICES, given_start, resized, start_model
from atomotion.tomography.templates import start_templates

PLANE = half_plane(56, 0.358, lowest=1 / 3.5, highest=1 / 1.3)
RESPONSE = atomic_response(PLANE, "Pt", Optics(), torch.ones(len(PLANE)))
ORDERS = {"fcc": 48, "twin": 12, "icosahedron": 120, "decahedron": 20, "none": 1}


def images_of(model, rotations: torch.Tensor) -> torch.Tensor:
    values = predicted(model, RESPONSE, rotations, torch.zeros(len(rotations), 2))
    return values / values.norm(dim=1, keepdim=True)


@pytest.mark.parametrize("kind", ORDERS)
def test_a_start_looks_the_same_in_all_its_copies(kind: str):
    start = start_model(kind, "Pt", 14.0, lattice=3.92)
    turned = torch.from_numpy(matrices_from_quaternions(random_quaternions(2, np.random.default_rng(0)))).float()
    copies = start.symmetry.copies(turned)
    assert copies.shape[1] == start.symmetry.order == ORDERS[kind]
    torch.testing.assert_close(copies[:, 0], turned)
    for each, alike in zip(images_of(start.model, turned), copies):
        assert float((images_of(start.model, alike) - each).norm(dim=1).max()) < 1e-3
    # half-turns are tried separately where there is an inversion centre
    candidates, half_turns = start.symmetry.candidates(turned)
    assert candidates.shape[1] * (2 if half_turns else 1) == ORDERS[kind]
    assert half_turns == (kind in {"fcc", "icosahedron"})


def test_other_orientations_look_different():
    start = start_model("twin", "Pt", 14.0, lattice=3.92)
    turned = torch.from_numpy(matrices_from_quaternions(random_quaternions(1, np.random.default_rng(1)))).float()
    half_turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))
    # a twin has no inversion centre
    assert float((images_of(start.model, turned) - images_of(start.model, half_turn @ turned)).norm()) > 0.5


@pytest.mark.parametrize("kind", ORDERS)
def test_a_zone_holds_one_of_each_class(kind: str):
    symmetry, step = symmetry_of(kind), 12.0
    zone = symmetry.zone(step)
    assert len(zone) == pytest.approx(grid_size(step) / symmetry.order, rel=0.08, abs=4)
    mirror = (1.0, 0.0, 0.0, 0.0) if symmetry.mirror is None else symmetry.mirror
    alike = {"half_turn": symmetry.mirror is not None, "mirror": mirror}
    for each in random_quaternions(20, np.random.default_rng(2)):
        copies = lattice_copies(zone, symmetry.group, **alike)
        angle = np.rad2deg(2.0 * np.arccos(np.minimum(np.abs(copies @ each), 1.0))).min(axis=1)
        # the nearest node of an even grid is never far, and neighbours are about a step apart
        assert angle.min() < 1.1 * step
        assert (angle < 0.45 * step).sum() <= 2


def test_copies_of_quaternions_and_of_matrices_are_the_same():
    symmetry = symmetry_of("decahedron")
    turned = random_quaternions(3, np.random.default_rng(3))
    matrices = torch.from_numpy(matrices_from_quaternions(turned))
    for each, copies in zip(
        lattice_copies(turned, symmetry.group, mirror=symmetry.mirror), symmetry.copies(matrices).numpy()
    ):
        np.testing.assert_allclose(np.abs(each @ quaternions_from_matrices(copies).T).max(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("kind", LATTICES)
def test_bonds_have_the_length_of_the_lattice(kind: str):
    model = start_model(kind, "Pt", 18.0, lattice=3.92).model
    bonds = neighbour_pairs(model.positions.numpy(), 1.2 * 3.92 / np.sqrt(2.0)).distances
    assert bonds.mean() == pytest.approx(3.92 / np.sqrt(2.0), rel=0.006)
    # as many atoms as a sphere of the lattice has
    assert float(model.occupancies.sum()) == pytest.approx(4.0 / 3.92**3 * np.pi / 6.0 * 18.0**3, rel=0.15)


def test_the_images_of_a_twin_are_complex_and_come_in_pairs():
    start = start_model("twin", "Pt", 14.0, lattice=3.92)
    templates = start_templates(start, RESPONSE, 20.0)
    rotations = torch.from_numpy(matrices_from_quaternions(templates.quaternions)).float()
    nodes = torch.tensor([0, 3, len(templates) // 2, len(templates) - 1])
    torch.testing.assert_close(templates.of(nodes), images_of(start.model, rotations[nodes]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("by_amplitudes", [False, True])
def test_a_twin_is_found_in_noise(by_amplitudes: bool):
    rng = np.random.default_rng(4)
    start = start_model("twin", "Pt", 14.0, lattice=3.92)
    templates = start_templates(start, RESPONSE, 7.0)
    nodes = rng.integers(len(templates), size=24)
    near = compose(quaternions_from_vectors([0.9, -0.9, 0.8]), templates.quaternions[nodes])
    alike = lattice_copies(near, start.symmetry.group, mirror=start.symmetry.mirror)
    true = np.array([copies[rng.integers(start.symmetry.order)] for copies in alike])
    rotations = torch.from_numpy(matrices_from_quaternions(true)).float()
    shifts = torch.from_numpy(rng.normal(scale=0.4, size=(24, 2))).float()
    clean = predicted(start.model, RESPONSE, rotations, shifts)
    noise = torch.view_as_complex(torch.from_numpy(rng.normal(size=(24, len(PLANE), 2))).float())
    values = (80.0 if by_amplitudes else 25.0) * clean / clean.norm(dim=1, keepdim=True) + noise
    images = Coefficients(plane=PLANE, values=values, gain=torch.ones(len(PLANE)), filled=1.0, radius=9.0)
    if by_amplitudes:
        chosen = amplitude_match(images, templates, 16)
        likelihood = sparse_likelihood(images, templates, chosen, reach=1.2, step=0.4, slope=4.0)
    else:
        likelihood = zone_likelihood(images, templates, reach=1.2, step=0.4, slope=6.0)
    found = templates.quaternions[likelihood.argmax(1)]
    alike = lattice_copies(found, start.symmetry.group, mirror=start.symmetry.mirror)
    cosine = np.abs(np.einsum("ni,nci->nc", true, alike)).max(axis=1)
    assert np.mean(np.rad2deg(2.0 * np.arccos(np.minimum(cosine, 1.0))) < 7.0) > 0.9
    # half of them are found only since the mirror plane is known of
    assert np.mean(angle_to_nearest_copy(found, true, start.symmetry.group, half_turn=False) < 7.0) < 0.7


def test_atoms_without_order_keep_their_distance():
    positions = start_model("none", "Pt", 14.0, lattice=3.92).model.positions.numpy()
    assert neighbour_pairs(positions, 3.92).distances.min() > 0.8 * 3.92 / np.sqrt(2.0)
    # they do not all have twelve neighbours at one distance
    assert np.std(neighbour_pairs(positions, 1.2 * 3.92 / np.sqrt(2.0)).distances) > 0.15


def test_given_atoms_have_no_symmetry_and_one_size():
    rng = np.random.default_rng(5)
    start = given_start(rng.normal(size=(30, 3)) + 7.0)
    assert start.symmetry.order == 1
    assert float(start.model.positions.mean(dim=0).abs().max()) < 1e-5
    assert resized(start, "Pt", 40.0, lattice=4.0) is start


@pytest.mark.parametrize("atoms", [np.zeros((4, 3)), np.zeros((30, 2)), np.full((30, 3), np.nan)])
def test_what_are_no_atoms_is_refused(atoms: np.ndarray):
    with pytest.raises(InputError, match="to start from"):
        given_start(atoms)


def test_an_unknown_start_names_the_known_ones():
    with pytest.raises(UsageError, match=r"unknown start 'bcc'; known are auto, fcc, twin, icosahedron, decahedron"):
        start_model("bcc", "Pt", 14.0, lattice=3.92)
