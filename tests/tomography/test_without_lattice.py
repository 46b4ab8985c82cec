"""Orientations from the order in time alone: what a map predicts, and paths against the truth."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from atomotion.data import InputError
from atomotion.geometry.rotations import matrices_from_quaternions, quaternions_from_matrices
from atomotion.geometry.symmetry import consistent_part
from atomotion.structure import score_model
from atomotion.tomography import ReconstructionConfig, reconstruct
from atomotion.tomography.frequency_map import FrequencyMap
from atomotion.tomography.growing_path import grown_path, rotation_grid, turned_about
from atomotion.tomography.half_plane import half_plane
from atomotion.tomography.observations import Observations
from atomotion.tomography.preparation import prepare
from atomotion.tomography.verdict import judge_reconstruction
from atomotion.tomography.without_lattice import orientations_without_lattice

SMALL = ReconstructionConfig(diameter=15.0, resolution=1.15, start="none", starts=1)
STILL = torch.zeros((1, 2))
AS_IT_IS = torch.eye(3)[None]
HALF_TURN = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))


def observed(simulated, config: ReconstructionConfig = SMALL) -> Observations:
    generator = torch.Generator().manual_seed(0)
    return prepare(simulated.images, config, pixel_size=simulated.pixel_size, generator=generator)[0]


def true_poses(simulated) -> tuple[torch.Tensor, torch.Tensor]:
    rotations = torch.from_numpy(matrices_from_quaternions(simulated.poses.quaternions)).float()
    return rotations, torch.from_numpy(simulated.poses.shifts).float()


def part_in_one_frame(rotations: torch.Tensor, simulated, within_deg: float) -> float:
    found = quaternions_from_matrices(rotations.double().numpy())
    return consistent_part(found, simulated.poses.quaternions[: len(found)], within_deg=within_deg)


def without_order(atoms: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) a dense ball of atoms, none nearer to another than 2.6 Å, at random but for that."""
    radius = 1.03 * (atoms * 0.75 / np.pi * 3.93**3 / 4.0) ** (1.0 / 3.0)
    places = rng.normal(size=(atoms, 3))
    places *= (radius * rng.uniform(size=atoms) ** (1.0 / 3.0) / np.linalg.norm(places, axis=1))[:, None]
    for _ in range(3000):
        first, second = cKDTree(places).query_pairs(2.7, output_type="ndarray").T
        apart = places[first] - places[second]
        length = np.linalg.norm(apart, axis=1)
        if len(length) == 0 or length.min() > 2.6:
            break
        push = 0.4 * (2.72 / length - 1.0)[:, None] * apart
        np.add.at(places, first, push)
        np.add.at(places, second, -push)
        r = np.linalg.norm(places, axis=1)
        places *= np.where(r > radius, 0.7 + 0.3 * radius / r, 1.0)[:, None]
    return places - places.mean(axis=0)


def test_a_map_of_one_image_knows_that_image_and_nothing_else():
    plane = half_plane(40, 0.5, lowest=0.3, highest=0.6)
    amplitude = torch.full((len(plane),), 2.0)
    image = torch.randn((1, len(plane)), dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    known = FrequencyMap(plane, amplitude)
    mean, unknown = known.predicted(AS_IT_IS)
    torch.testing.assert_close(unknown, torch.ones_like(unknown))
    known.add(image, AS_IT_IS, STILL)
    mean, unknown = known.predicted(AS_IT_IS)
    weight = 4.0 / (1.0 + 0.6 * 4.0)
    torch.testing.assert_close(unknown, torch.full_like(unknown, 1.0 / (1.0 + weight)))
    torch.testing.assert_close(mean, image * 0.5 * weight / (1.0 + weight), atol=1e-5, rtol=1e-4)
    # the same image upside down is its complex conjugate
    torch.testing.assert_close(known.predicted(HALF_TURN[None])[0], mean.conj(), atol=1e-5, rtol=1e-4)
    # turned by 90° about y the plane is another, but for the line along y
    across = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]])
    _, unknown = known.predicted(across)
    line = plane.kx.abs() < 0.5 * plane.step
    torch.testing.assert_close(unknown[0, line], torch.full_like(unknown[0, line], 1.0 / (1.0 + weight)))
    assert unknown[0, plane.kx > 1.5 * plane.step].min() > 0.999
    known.add(image, AS_IT_IS, STILL, -1.0)
    torch.testing.assert_close(known.predicted(AS_IT_IS)[1], torch.ones_like(mean.real))


def test_the_log_likelihood_is_that_of_a_normal_distribution():
    plane = half_plane(40, 0.5, lowest=0.3, highest=0.5)
    generator = torch.Generator().manual_seed(1)
    amplitude = torch.rand(len(plane), generator=generator) * 3.0
    images = torch.randn((2, len(plane)), dtype=torch.complex64, generator=generator)
    known = FrequencyMap(plane, amplitude)
    turned = turned_about(rotation_grid(8.0, 4.0), torch.eye(3))
    known.add(images[:1], turned[3:4], STILL)
    shifts = torch.tensor([[0.0, 0.0], [0.3, -0.2]])
    found = known.log_likelihood(images[1], turned, shifts)
    mean, unknown = known.predicted(turned)
    variance = 1.0 + amplitude**2 * unknown
    for column, shift in enumerate(shifts):
        apart = images[1] - amplitude * mean * plane.phases(shift[None])
        both = torch.stack([apart.real, apart.imag])
        normal = torch.distributions.Normal(0.0, variance.sqrt())
        expected = normal.log_prob(both).sum((0, 2)) + np.log(2.0 * np.pi) * len(plane)
        torch.testing.assert_close(found[:, column], expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(("reach", "spacing"), [(15.0, 3.0), (9.0, 4.0)])
def test_a_grid_of_rotations_is_even(reach: float, spacing: float):
    grid = np.rad2deg(rotation_grid(reach, spacing).numpy())
    assert np.linalg.norm(grid[0]) == 0.0
    assert np.linalg.norm(grid, axis=1).max() <= reach + 1e-4
    assert len(grid) == pytest.approx(4.0 / 3.0 * np.pi * (reach / spacing) ** 3, rel=0.25)
    inner = np.random.default_rng(0).uniform(-0.4 * reach, 0.4 * reach, (2000, 3))
    # the covering radius of a body-centred lattice is sqrt(5) / 4 of its edge
    assert cKDTree(grid).query(inner)[0].max() <= np.sqrt(5.0) / 4.0 * 2.0 ** (1.0 / 3.0) * spacing + 1e-4


def test_images_before_tell_where_the_next_one_lies(tumbling):
    observations = observed(tumbling)
    used, _ = observations.at(mismatch=0.0, resolution=1.5)
    rotations, shifts = true_poses(tumbling)
    known = FrequencyMap(used.plane, used.signal_power().sqrt())
    images = used.values / used.filled**0.5
    grid = rotation_grid(14.0, 4.0)
    errors = []
    for i in range(30):
        if i >= 10:
            trials = torch.cat([turned_about(grid, rotations[i - 1]), rotations[i : i + 1]])
            fit = known.log_likelihood(images[i], trials, shifts[i : i + 1])[:, 0]
            trace = torch.einsum("ij,cij->c", rotations[i], trials)
            errors.append(float(torch.rad2deg(torch.arccos((0.5 * (trace[fit.argmax()] - 1.0)).clamp(-1.0, 1.0)))))
        known.add(images[i : i + 1], rotations[i : i + 1], shifts[i : i + 1])
    # two of 14° chosen at random are 17° apart
    assert np.median(errors) < 4.0


def test_a_path_grows_without_any_lattice(tumbling):
    observations = observed(replace(tumbling, images=tumbling.images[:40]))
    used, _ = observations.at(mismatch=0.0, resolution=1.5)
    path = grown_path(
        used,
        used.signal_power().sqrt(),
        observations.time,
        centre_error=observations.centre_error,
        first=5,
        generator=torch.Generator().manual_seed(0),
    )
    assert part_in_one_frame(path.rotations, tumbling, 12.0) >= 0.9


def test_images_without_order_are_refused(tumbling):
    config = replace(SMALL, ordered=False)
    with pytest.raises(InputError, match="order of the images in time"):
        orientations_without_lattice(observed(tumbling, config), config, generator=torch.Generator())


@pytest.mark.slow
def test_a_path_that_leads_nowhere_is_refused(tumbling):
    # without order in time, but said to have one
    mixed = np.random.default_rng(0).permutation(len(tumbling.images))
    observations = observed(replace(tumbling, images=tumbling.images[mixed]))
    with pytest.raises(InputError, match="the path of the rotation was lost"):
        orientations_without_lattice(observations, SMALL, generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fcc", "icosahedron", "without order"])
def test_atoms_without_any_lattice(phantom: ModuleType, lattices: ModuleType, kind: str):
    rng = np.random.default_rng(0)
    if kind == "without order":
        positions = without_order(200, rng)
    elif kind == "fcc":
        positions = phantom.irregular_particle(200, rng)
    else:
        positions = lattices.irregular_particle_of(kind, 200, rng)
    simulated = phantom.simulate(200, positions=positions, size=80, seed=0)
    diameter = 2.0 * float(np.linalg.norm(positions, axis=1).max()) - 1.5
    config = ReconstructionConfig(diameter=diameter, resolution=1.15, start="none")
    result = reconstruct(simulated.images, config, pixel_size=simulated.pixel_size)
    score = score_model(result.positions, positions)
    assert result.start == "none"
    assert score.found >= 0.99
    assert score.false <= 0.01
    assert score.rms <= 0.05
    assert judge_reconstruction(result).is_trusted
