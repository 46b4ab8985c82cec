import numpy as np
import pytest
import torch

from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions, rotate
from atomotion.scattering.atom_gaussians import peng_atoms
from atomotion.scattering.projections import project_atoms
from atomotion.scattering.transfer import weak_phase_contrast
from atomotion.tomography.forward import (
    AtomModel,
    phase_tables,
    predicted,
    predicted_with_slopes,
    projected,
    structure_factors,
    turned_by,
)
from atomotion.tomography.half_plane import half_plane
from atomotion.tomography.pose_refinement import correlation
from atomotion.tomography.response import Optics, atomic_response

PIXEL = 0.3
LENS = {"voltage": 300e3, "cs": -1.1e5, "defocus": -80.0, "focal_spread": 10.0}


def particle(n: int = 30, seed: int = 0) -> tuple[AtomModel, torch.Tensor, torch.Tensor, np.ndarray]:
    rng = np.random.default_rng(seed)
    model = AtomModel(
        positions=torch.from_numpy(rng.uniform(-6, 6, size=(n, 3))).float(),
        occupancies=torch.from_numpy(rng.uniform(0.5, 1.5, size=n)).float(),
        b_factor=3.0,
    )
    quaternions = random_quaternions(4, rng)
    rotations = torch.from_numpy(matrices_from_quaternions(quaternions)).float()
    return model, rotations, torch.from_numpy(rng.uniform(-1, 1, size=(4, 2))).float(), quaternions


def test_structure_factors_are_the_plain_sum():
    model, rotations, shifts, _ = particle()
    plane = half_plane(64, PIXEL, lowest=0.1, highest=0.9)
    at = torch.einsum("bij,nj->bni", rotations, model.positions)[..., :2] + shifts[:, None]
    angle = at[..., :1] * plane.kx + at[..., 1:] * plane.ky
    plain = (model.occupancies[:, None] * torch.exp(-2j * torch.pi * angle)).sum(1)
    result = structure_factors(plane, model.positions, model.occupancies, rotations, shifts)
    torch.testing.assert_close(result, plain, atol=3e-4, rtol=0)


@pytest.mark.parametrize("highest", [0.6, 0.75, 0.9])
def test_products_are_the_transpose_of_sums(highest: float):
    model, rotations, shifts, _ = particle()
    plane = half_plane(64, PIXEL, lowest=0.1, highest=highest)
    x, y, _ = projected(model.positions.double(), rotations.double(), shifts.double())
    tables = phase_tables(plane, x, y)
    rng = np.random.default_rng(2)
    weights = torch.from_numpy(rng.normal(size=(4, 3, 30)))
    values = torch.view_as_complex(torch.from_numpy(rng.normal(size=(4, 3, len(plane), 2))))
    one, other = tables.sums(weights), tables.products(values)
    torch.testing.assert_close((values.conj() * one).real.sum(2), (weights * other).sum(2))


@pytest.mark.parametrize("lens", [False, True])
def test_predictions_agree_with_images_of_the_scattering_room(lens: bool):
    model, rotations, shifts, quaternions = particle()
    size = 96
    gaussians = peng_atoms(["Pt"] * 30, u_iso=3.0 / (8 * np.pi**2))
    images = []
    for q, s in zip(quaternions, shifts.numpy()):
        turned = rotate(q, model.positions.double().numpy())
        image = project_atoms(turned, gaussians, shape=(size, size), pixel_size=PIXEL, shift=s)
        images.append(weak_phase_contrast(image, pixel_size=PIXEL, **LENS) if lens else image)
    plane = half_plane(size, PIXEL, lowest=0.3, highest=0.85)
    seen = plane.transform(torch.from_numpy(np.array(images)).float())
    optics = Optics(**LENS) if lens else Optics()
    response = atomic_response(plane, "Pt", optics, torch.ones(len(plane)))
    equal = AtomModel(positions=model.positions, occupancies=torch.ones(30), b_factor=3.0)
    result = predicted(equal, response, rotations, shifts)
    # the images are averages over pixels, of which the predictions know nothing: a factor sinc(kx p) sinc(ky p)
    pixel = torch.sinc(plane.kx * PIXEL) * torch.sinc(plane.ky * PIXEL)
    z = correlation(seen, result * pixel) / seen.norm(dim=1)
    assert float(z.min()) > 0.9999


def test_slopes_agree_with_finite_differences():
    model, rotations, shifts, _ = particle(seed=1)
    double = AtomModel(positions=model.positions.double(), occupancies=model.occupancies.double(), b_factor=2.0)
    plane = half_plane(64, PIXEL, lowest=0.3, highest=0.9)
    response = atomic_response(plane, "Pt", Optics(**LENS), torch.ones(len(plane)))
    # polar decomposition: float32 matrices are orthogonal to 1e-7 only
    u, _, vt = torch.linalg.svd(rotations.double())
    rotations, shifts = u @ vt, shifts.double()
    value, slopes = predicted_with_slopes(double, response, rotations, shifts)
    torch.testing.assert_close(value, predicted(double, response, rotations, shifts), atol=1e-4, rtol=0)
    step = 1e-4
    for each in range(5):
        sides = []
        for sign in (1.0, -1.0):
            change = torch.zeros((4, 5), dtype=torch.double)
            change[:, each] = sign * step
            sides.append(predicted(double, response, turned_by(change[:, :3], rotations), shifts + change[:, 3:]))
        difference = (sides[0] - sides[1]) / (2 * step)
        assert float((slopes[:, each] - difference).norm() / difference.norm()) < 1e-4


def test_rotation_vectors_turn_actively():
    turned = turned_by(torch.tensor([[0.0, 0.0, torch.pi / 2]]), torch.eye(3)[None])[0]
    torch.testing.assert_close(turned @ torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1.0, 0]), atol=1e-6, rtol=0)


def test_the_first_zero_of_the_transfer():
    optics = Optics(**LENS)
    zero = optics.first_zero(0.3)
    k = torch.tensor([zero - 1e-3, zero + 1e-3])
    before, after = optics.transfer(k, PIXEL).tolist()
    assert before * after < 0
    inside = optics.transfer(torch.linspace(0.3, zero - 1e-3, 50), PIXEL)
    assert (inside > 0).all() or (inside < 0).all()
    assert Optics().first_zero(0.3) == float("inf")


def test_the_detector_damps():
    table = np.array([[0.0, 1.0], [0.5, 0.2]])
    damped = Optics(modulation=table).transfer(torch.tensor([0.0, 0.5 / PIXEL]), PIXEL)
    torch.testing.assert_close(damped, torch.tensor([1.0, 0.2]))
    assert float(Optics(bright=False).transfer(torch.tensor([0.4]), PIXEL)) == -1.0
