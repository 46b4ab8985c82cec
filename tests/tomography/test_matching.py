import numpy as np
import pytest
import torch

from atomotion.geometry.rotations import compose, matrices_from_quaternions, quaternions_from_vectors
from atomotion.geometry.symmetry import angle_to_nearest_copy, rotation_group
from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.forward import predicted
from atomotion.tomography.half_plane import half_plane
from atomotion.tomography.lattice_symmetry import symmetry_of
from atomotion.tomography.matching import (
    amplitude_match,
    evidence_slope,
    expected_amplitude,
    sparse_likelihood,
    zone_likelihood,
)
from atomotion.tomography.response import Optics, atomic_response
from atomotion.tomography.shifts import best_shifts, shift_grid, shift_penalty
from atomotion.tomography.start_models import start_model
from atomotion.tomography.templates import sphere_templates

PLANE = half_plane(56, 0.358, lowest=1 / 3.5, highest=1 / 1.2)
RESPONSE = atomic_response(PLANE, "Pt", Optics(), torch.ones(len(PLANE)))
SPHERE = start_model("fcc", "Pt", 14.0, lattice=3.92).model
ZONE = symmetry_of("fcc").zone(6.0)


def images_of_the_sphere(n: int, amplitude: float, seed: int) -> tuple[Coefficients, np.ndarray]:
    """The sphere at zone nodes turned by 1.5° and displaced, with unit noise; the nodes."""
    rng = np.random.default_rng(seed)
    nodes = rng.integers(len(ZONE), size=n)
    turned = compose(quaternions_from_vectors([0.9, -0.9, 0.8]), ZONE[nodes])
    rotations = torch.from_numpy(matrices_from_quaternions(turned)).float()
    shifts = torch.from_numpy(rng.normal(scale=0.5, size=(n, 2))).float()
    clean = predicted(SPHERE, RESPONSE, rotations, shifts)
    noise = torch.from_numpy(rng.normal(size=(n, len(PLANE), 2))).float()
    values = amplitude * clean / clean.norm(dim=1, keepdim=True) + torch.view_as_complex(noise)
    return Coefficients(plane=PLANE, values=values, gain=torch.ones(len(PLANE)), filled=1.0, radius=9.0), turned


@pytest.fixture(scope="module")
def templates():
    return sphere_templates(SPHERE, RESPONSE, ZONE)


def test_templates_are_what_the_model_predicts(templates):
    some = torch.from_numpy(matrices_from_quaternions(ZONE[:5])).float()
    whole = predicted(SPHERE, RESPONSE, some, torch.zeros(5, 2))
    assert float((whole.imag / whole.norm(dim=1, keepdim=True)).abs().max()) < 1e-4
    torch.testing.assert_close(templates.values[:5] * templates.norms[:5, None], whole.real, rtol=1e-3, atol=0.5)


def test_the_sphere_is_found_in_noise(templates):
    images, true = images_of_the_sphere(60, amplitude=20.0, seed=0)
    likelihood = zone_likelihood(images, templates, reach=1.8, step=0.25, slope=6.0)
    angle = angle_to_nearest_copy(ZONE[likelihood.argmax(1)], true, rotation_group("O"))
    assert np.mean(angle < 6.0) > 0.95


def test_displacements_are_summed_not_only_the_best_taken(templates):
    images, _ = images_of_the_sphere(3, amplitude=8.0, seed=1)
    reach, step, slope = 1.6, 0.4, 3.0
    shifts = shift_grid(reach, step)
    moved = images.values[:, None] * PLANE.phases(-shifts)
    z = torch.einsum("nsm,tm->nts", moved.real, templates.values[:40])
    prior = torch.log_softmax(-shifts.square().sum(1) / (2 * (reach / 2) ** 2), 0)
    plain = torch.logsumexp(slope * z + prior, dim=2)
    result = zone_likelihood(images, templates, reach=reach, step=step, slope=slope)[:, :40]
    torch.testing.assert_close(result, plain, atol=2e-3, rtol=0)


def test_clean_images_are_found_by_amplitudes(templates):
    images, true = images_of_the_sphere(40, amplitude=80.0, seed=2)
    chosen = amplitude_match(images, templates, 16)
    likelihood = sparse_likelihood(images, templates, chosen, reach=1.8, step=0.25, slope=4.0)
    angle = angle_to_nearest_copy(ZONE[likelihood.argmax(1)], true, rotation_group("O"))
    assert np.mean(angle < 6.0) > 0.95


def test_shifts_are_found_to_half_a_step():
    images, _ = images_of_the_sphere(20, amplitude=60.0, seed=3)
    still = predicted(SPHERE, RESPONSE, torch.eye(3)[None].expand(20, 3, 3), torch.zeros(20, 2))
    true = torch.rand((20, 2), generator=torch.Generator().manual_seed(0)) - 0.5
    moved = still * PLANE.phases(true)
    z, found = best_shifts(PLANE, moved, still, shift_grid(1.0, 0.1))
    assert float((found - true).abs().max()) <= 0.051
    assert float((z / moved.norm(dim=1)).min()) > 0.97
    assert len(images) == 20


def test_a_penalty_keeps_a_lattice_row_from_being_jumped():
    # along [110] of a large crystal a displacement by one row looks nearly the same
    sphere = start_model("fcc", "Pt", 18.0, lattice=3.92).model
    pose = torch.eye(3)[None]
    image = predicted(sphere, RESPONSE, pose, torch.tensor([[1.96, 0.0]]))
    model = predicted(sphere, RESPONSE, pose, torch.zeros(1, 2))
    shifts = shift_grid(2.4, 0.196)
    z = 10.0 * image / image.norm()
    _, free = best_shifts(PLANE, z, model, shifts)
    _, held = best_shifts(PLANE, z, model, shifts, penalty=shift_penalty(shifts, 0.2, 10.0))
    assert float(free.norm()) > 1.8
    assert float(held.norm()) < 0.4


def test_the_expected_amplitude_is_that_of_the_images():
    images, _ = images_of_the_sphere(400, amplitude=12.0, seed=4)
    assert expected_amplitude(images, mismatch=0.0, resemblance=1.0) == pytest.approx(12.0, rel=0.1)


def test_clean_images_are_not_believed_too_much():
    assert evidence_slope(3.0, resemblance=0.7) == pytest.approx(3.0, rel=0.15)
    assert evidence_slope(5.0, resemblance=1.0) == 5.0
    assert evidence_slope(60.0, resemblance=0.7) < 4.0
