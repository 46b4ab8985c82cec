"""Errors that are stated against errors that are made, and what halves say of the resolution."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from atomotion.geometry.rotations import (
    matrices_from_quaternions,
    random_quaternions,
    small_random_quaternions,
)
from atomotion.structure import score_model
from atomotion.tomography import Reconstruction, ReconstructionConfig, ShellCorrelation, reconstruct
from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.coverage import worst_errors
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.half_plane import half_plane
from atomotion.tomography.joint import refine_atoms
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.position_covariance import position_covariances
from atomotion.tomography.response import Optics, atomic_response


def test_the_empty_beginning_of_a_band_is_no_resolution():
    k = np.array([0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7])
    fallen = ShellCorrelation(k=k, correlation=np.array([0.02, -0.1, 0.5, 0.9, 0.8, 0.243, 0.043]))
    # between 0.6 and 0.7 it falls by 0.2, and to 0.143 half-way
    assert fallen.resolution() == pytest.approx(1.0 / 0.65)
    never = ShellCorrelation(k=k, correlation=np.array([np.nan, 0.0, 0.5, 0.9, 0.8, 0.5, 0.4]))
    assert never.resolution() == pytest.approx(1.0 / 0.7)
    nothing = ShellCorrelation(k=k, correlation=np.full(7, 0.05))
    assert nothing.resolution() == pytest.approx(1.0 / 0.3)
    empty_shell = ShellCorrelation(k=k, correlation=np.array([0.5, 0.9, 0.9, np.nan, 0.1, 0.0, 0.0]))
    assert empty_shell.resolution() == pytest.approx(1.0 / 0.5)


@dataclass
class Fitted:
    """Errors (n, 3) of atoms that were fitted at known poses, and the covariances that are stated."""

    errors: NDArray[np.float64]
    covariances: NDArray[np.float64]


def fitted(phantom, quaternions: NDArray[np.float64], *, noise: float, power: float = 1.0, seed: int = 0) -> Fitted:
    """`noise` in units of an image's root mean square; `power` of it in the units of the coefficients."""
    rng = np.random.default_rng(seed)
    plane = half_plane(60, 0.358, lowest=1 / 3.5, highest=1 / 1.2)
    response = atomic_response(plane, "Pt", Optics(), torch.ones(len(plane)))
    positions = phantom.irregular_particle(70, rng, removed=4, surface=0.12)
    truth = AtomModel(
        positions=torch.from_numpy(positions).float(), occupancies=torch.ones(len(positions)), b_factor=4.0
    )
    rotations = torch.from_numpy(matrices_from_quaternions(quaternions)).float()
    shifts = torch.zeros((len(rotations), 2))
    clean = predicted(truth, response, rotations, shifts)
    scale = float(clean.abs().square().mean() / 2) ** 0.5 * noise
    response = replace(response, lens=response.lens / scale)
    random = torch.view_as_complex(torch.from_numpy(rng.normal(size=(*clean.shape, 2))).float())
    values = clean / scale + power**0.5 * random
    coefficients = Coefficients(plane=plane, values=values, gain=torch.ones(len(plane)), filled=1.0, radius=10.0)
    weights = torch.ones(len(rotations))
    placed = Placed(rotations=rotations, shifts=shifts, z=weights)
    model, descent = truth, None
    for _ in range(12):
        model, descent = refine_atoms(coefficients, model, response, placed, weights, closest=1.0, before=descent)
    covariances = position_covariances(
        model,
        response,
        rotations,
        weights,
        noise=torch.full((len(plane),), power),
        spacing=2.775,
        generator=torch.Generator().manual_seed(0),
    )
    return Fitted((model.positions - truth.positions).double().numpy(), covariances)


def pulls(given: Fitted) -> NDArray[np.float64]:
    """(n, 3) errors along each atom's own main axes in units of those that are stated, the best known axis first."""
    variances, axes = np.linalg.eigh(given.covariances)
    return np.einsum("nji,nj->ni", axes, given.errors) / np.sqrt(variances)


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_stated_errors_are_those_that_noise_makes(phantom, power: float):
    quaternions = random_quaternions(80, np.random.default_rng(1))
    given = fitted(phantom, quaternions, noise=1.5, power=power)
    # 210 coordinates tell their scatter to 5 %
    assert np.sqrt(np.mean(pulls(given) ** 2)) == pytest.approx(1.0, abs=0.15)


def test_errors_along_unseen_directions_are_known(phantom):
    rng = np.random.default_rng(2)
    # views within about 20° of the particle's z
    given = fitted(phantom, small_random_quaternions(80, 12.0, rng), noise=1.0)
    largest, axes = worst_errors(given.covariances)
    assert np.median(np.abs(axes[:, 2])) > 0.95
    smallest = np.sqrt(np.linalg.eigvalsh(given.covariances)[:, 0])
    assert (largest > 2.0 * smallest).all()
    scatter = np.sqrt(np.mean(pulls(given) ** 2, axis=0))
    # 70 coordinates for each axis: 8.5 %
    np.testing.assert_allclose(scatter, 1.0, atol=0.26)


def test_covariances_are_those_of_the_whole_normal_matrix():
    # two atoms behind each other in nearly all views, and one that stands alone
    narrow = small_random_quaternions(60, 6.0, np.random.default_rng(3))
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.0], [9.0, 0.0, 0.0]])
    model = AtomModel(positions=torch.from_numpy(positions).float(), occupancies=torch.ones(3), b_factor=4.0)
    plane = half_plane(60, 0.358, lowest=1 / 3.5, highest=1 / 1.2)
    response = atomic_response(plane, "Pt", Optics(), torch.ones(len(plane)))
    rotations = matrices_from_quaternions(narrow)
    covariances = position_covariances(
        model,
        response,
        torch.from_numpy(rotations).float(),
        torch.ones(60),
        noise=torch.full((len(plane),), 2.0),
        spacing=2.775,
        generator=torch.Generator().manual_seed(0),
    )
    flat = np.stack([plane.kx.numpy(), plane.ky.numpy(), 0.0 * plane.kx.numpy()], axis=1)
    waves = np.einsum("nji,kj->nki", rotations, flat)
    atom = response.atom(4.0).numpy()
    phases = np.exp(-2j * np.pi * np.einsum("nka,ia->nki", waves, positions))
    slopes = (2.0 * np.pi * atom[:, None, None] * waves[:, :, None, :] * phases[..., None]).reshape(-1, 9)
    exact = 2.0 * np.linalg.inv((slopes.conj().T @ slopes).real).reshape(3, 3, 3, 3)
    for each in range(3):
        np.testing.assert_allclose(
            np.sqrt(np.diag(covariances[each])), np.sqrt(np.diag(exact[each, :, each])), rtol=0.06
        )
    assert covariances[0, 2, 2] > 1.4 * covariances[2, 2, 2]


def held(result: Reconstruction, truth: NDArray[np.float64]) -> float:
    """Part of the coordinates that lie within their stated error of the truth."""
    score = score_model(result.positions, truth)
    error = score.motion.apply(result.positions)[score.pairs[:, 0]] - truth[score.pairs[:, 1]]
    back = error @ score.motion.rotation
    assert result.covariances is not None
    each = np.sqrt(np.einsum("nii->ni", result.covariances))[score.pairs[:, 0]]
    np.testing.assert_allclose(result.sigmas**2, np.einsum("nii->n", result.covariances) / 3.0)
    return float(np.mean(np.abs(back) < each))


@pytest.mark.slow
@pytest.mark.parametrize("snr_db", [10.0, 3.0])
@pytest.mark.parametrize("seed", [41, 42])
def test_two_of_three_positions_lie_within_their_errors(phantom, seed: int, snr_db: float):
    simulated = phantom.simulate(300, snr_db=snr_db, seed=seed)
    config = ReconstructionConfig(diameter=20.0, resolution=1.15, start="fcc", scan=False)
    result = reconstruct(simulated.images, config, pixel_size=simulated.pixel_size)
    assert 0.60 < held(result, simulated.positions) < 0.75


@pytest.mark.slow
@pytest.mark.parametrize("dose", [50.0, 15.0])
def test_two_of_three_positions_lie_within_their_errors_from_raw_frames(phantom, raw_boxes, dose: float):
    raw = raw_boxes(phantom.irregular_particle(314, np.random.default_rng(43)), dose=dose, seed=43)
    config = ReconstructionConfig(diameter=20.8, rounds=4, start="fcc", scan=False)
    result = reconstruct(
        raw.images,
        config,
        pixel_size=raw.pixel_size,
        background=raw.background,
        box_centres=raw.box_centres,
        optics=raw.optics,
    )
    assert 0.60 < held(result, raw.positions) < 0.75
