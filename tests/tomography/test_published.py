"""The published reconstruction: its parts, and that it mixes lattice copies where the truth is known."""

import numpy as np
import pytest
import torch

from atomotion.data import InputError
from atomotion.geometry.rotations import matrices_from_quaternions, quaternions_from_vectors, random_quaternions
from atomotion.geometry.symmetry import angle_to_nearest_copy, consistent_part, rotation_group
from atomotion.structure import null_score, score_model
from atomotion.tomography import Optics, ReconstructionConfig
from atomotion.tomography.polar import polar_grid, polar_transform
from atomotion.tomography.published import PublishedRound, reconstruct_published, start_positions
from atomotion.tomography.published_config import PublishedConfig
from atomotion.tomography.published_directions import projection_directions, spiral
from atomotion.tomography.published_images import masked_images
from atomotion.tomography.published_round import coarser, simulated_start
from atomotion.tomography.published_search import Choice, normalised, refined_shifts, search, searched_shifts
from atomotion.tomography.shifts import shift_grid

PIXEL = 0.358
GRID = polar_grid(64, PIXEL, lowest=1 / 3.0, highest=1 / 1.5, radius=10.0)
ATOMS = np.array([[3.0, -2.0, 1.0], [-4.0, 1.5, 5.0], [0.5, 6.0, -3.0], [1.0, 0.3, -6.0], [5.0, 3.0, 2.0]])


def published(diameter: float, **parameters) -> ReconstructionConfig:
    return ReconstructionConfig(diameter=diameter, published=PublishedConfig(**parameters))


def waves(points: np.ndarray) -> torch.Tensor:
    """Exact coefficients on the grid of points (n, 2 or 3) x y."""
    k = torch.stack([GRID.plane.kx, GRID.plane.ky]).double().numpy()
    return torch.from_numpy(np.exp(-2j * np.pi * points[:, :2] @ k).sum(0)).to(torch.complex64)[None]


def in_plane(points: np.ndarray, steps: float) -> np.ndarray:
    turn = matrices_from_quaternions(quaternions_from_vectors([0.0, 0.0, np.rad2deg(steps * GRID.turn)]))
    return points @ turn.T


def test_circles_hold_the_coefficients_of_the_image():
    axis = (np.arange(64) - 32) * PIXEL
    y, x = np.meshgrid(axis, axis, indexing="ij")
    image = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 0.6**2)) for a, b, _ in ATOMS)
    values = polar_transform(torch.from_numpy(image).float()[None], GRID)
    envelope = (2 * np.pi * 0.6**2 / PIXEL**2) * torch.exp(-2 * np.pi**2 * 0.6**2 * GRID.plane.k**2)
    torch.testing.assert_close(values, waves(ATOMS) * envelope, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("steps", [0, 3, 40, GRID.angles - 5])
def test_a_rotation_is_found_along_the_circles(steps: int):
    reference, image = normalised(waves(ATOMS)), normalised(waves(in_plane(ATOMS, steps)))
    torch.testing.assert_close(GRID.turned(reference, torch.tensor([steps])), image, atol=1e-5, rtol=1e-4)
    found = GRID.correlations((GRID.spectra(image) * GRID.spectra(reference).conj()).sum(dim=1))[0]
    assert int(found.argmax()) == steps
    direct = [float((image * GRID.turned(reference, torch.tensor([each])).conj()).real.sum()) for each in (0, 7, steps)]
    np.testing.assert_allclose(found[[0, 7, steps]], direct, atol=1e-5)
    assert direct[2] == pytest.approx(1.0, abs=1e-5)


def test_directions_cover_the_sphere():
    directions = projection_directions(2500, coarse=500, neighbourhood_deg=10.0)
    axes = spiral(2500)
    rotations = directions.rotations.double().numpy()
    np.testing.assert_allclose(np.einsum("nij,nj->ni", rotations, axes), np.tile([0, 0, 1], (2500, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0, atol=1e-6)
    rng = np.random.default_rng(0)
    anywhere = rng.normal(size=(4000, 3))
    anywhere /= np.linalg.norm(anywhere, axis=1)[:, None]
    # 2,500 directions are 4° apart, so that none is farther than 3° from the next
    assert np.rad2deg(np.arccos((anywhere @ axes.T).max(axis=1))).max() < 3.2
    assert np.rad2deg(np.arccos((anywhere @ axes[directions.coarse].T).max(axis=1))).max() < 8.0
    for each in (0, 17, 1250):
        near = np.flatnonzero(axes @ axes[each] >= np.cos(np.deg2rad(10.0)))
        assert set(directions.near[each].tolist()) == set(near.tolist())


def test_shifts_are_refined_to_the_highest_correlation():
    true = torch.tensor([[0.21, -0.13], [-0.3, 0.24]])
    models = waves(ATOMS).expand(2, -1)
    found = refined_shifts(GRID.plane, models * GRID.plane.phases(true), models, torch.zeros(2, 2), 1.0)
    torch.testing.assert_close(found, true, atol=2e-3, rtol=0.0)
    held = refined_shifts(GRID.plane, models * GRID.plane.phases(true), models, torch.zeros(2, 2), 0.1)
    assert float(held.abs().max()) <= 0.1 + 1e-6


@pytest.fixture(scope="module")
def lone_cluster():
    """Exact projections of five atoms at random poses, and what they are matched with."""
    directions = projection_directions(1000, coarse=200, neighbourhood_deg=10.0)
    rng = np.random.default_rng(1)
    true, shifts = random_quaternions(12, rng), rng.uniform(-0.5, 0.5, (12, 2))
    images = torch.cat([waves(ATOMS @ r.T + [*s, 0]) for r, s in zip(matrices_from_quaternions(true), shifts)])
    references = torch.cat([waves(ATOMS @ each.T) for each in directions.rotations.double().numpy()])
    return directions, true, shifts, normalised(images), normalised(references)


def angles_apart(choice: Choice, directions, true: np.ndarray) -> np.ndarray:
    relative = np.einsum(
        "nij,nij->n", choice.rotations(directions, GRID).double().numpy(), matrices_from_quaternions(true)
    )
    return np.rad2deg(np.arccos(np.clip((relative - 1.0) / 2.0, -1.0, 1.0)))


def test_poses_are_found_to_the_spacing_of_the_directions(lone_cluster):
    directions, true, shifts, images, references = lone_cluster
    table = shift_grid(0.9, 0.3)
    first = searched_shifts(images, references, GRID, directions, table)
    assert np.median(np.linalg.norm(first.numpy() - shifts, axis=1)) < 0.3
    choice = search(images, references, GRID, directions, before=None, shifts=table, first=first)
    again = search(images, references, GRID, directions, before=choice, shifts=table)
    # 1,000 directions are 6.4° apart
    assert np.median(angles_apart(again, directions, true)) < 4.0
    assert (angles_apart(again, directions, true) < 6.0).mean() > 0.9
    assert np.sqrt(np.mean((again.shifts.numpy() - shifts) ** 2)) < 0.2
    assert bool((again.scores >= choice.scores - 1e-5).all())


def test_the_orientation_of_before_is_not_lost(lone_cluster):
    directions, true, shifts, images, references = lone_cluster
    table = shift_grid(0.9, 0.3)
    good = search(
        images, references, GRID, directions, before=None, shifts=table, first=torch.from_numpy(shifts).float()
    )
    few = projection_directions(1000, coarse=20, neighbourhood_deg=7.0)
    kept = search(images, references, GRID, few, before=good, shifts=table)
    lost = search(images, references, GRID, few, before=None, shifts=table)
    assert angles_apart(kept, few, true).max() < 8.0
    assert angles_apart(lost, few, true).max() > 15.0


def test_boxes_are_normalised_by_their_background():
    rng = np.random.default_rng(2)
    boxes = rng.normal(size=(3, 70, 64)).astype(np.float32)
    given = {"pixel_size": PIXEL, "diameter": 10.0, "mask_diameter": 14.0}
    masked = masked_images(boxes, **given, optics=Optics())
    other = masked_images(5.0 - 3.0 * boxes, **given, optics=Optics(bright=False))
    one, same = (each.on_circles(lowest=1 / 3, highest=1 / 1.5)[1] for each in (masked, other))
    torch.testing.assert_close(one, same, atol=1e-4, rtol=1e-3)
    (_, one), (_, same) = (each.on_plane(highest=1.0) for each in (masked, other))
    torch.testing.assert_close(one, same, atol=1e-3, rtol=1e-3)
    assert float(masked.pixels.std()) < 1.0
    assert masked.pixels.shape[-1] * PIXEL == pytest.approx(16.0, abs=1.5)


def test_a_box_without_noise_around_is_taken():
    boxes = np.zeros((2, 64, 64), dtype=np.float32)
    boxes[:, 28:36, 30:34] = 1.0
    masked = masked_images(boxes, pixel_size=PIXEL, diameter=10.0, mask_diameter=14.0, optics=Optics())
    assert bool(torch.isfinite(masked.pixels).all())
    assert float(masked.pixels.abs().max()) < 50.0


def test_a_coarser_grid_keeps_low_frequencies():
    axis = torch.arange(41) - 20
    smooth = torch.exp(-(axis[:, None, None] ** 2 + axis[:, None] ** 2 + (axis - 4) ** 2).float() / (2 * 4.0**2))
    small = coarser(smooth, 21)
    assert small.shape == (21, 21, 21)
    # voxels are 41/21 times as large; the middle stays the origin
    assert float(small[10, 10, 12]) == pytest.approx(float(smooth[20, 20, 24]), abs=0.02)
    assert coarser(smooth, 51) is smooth


def test_the_start_is_a_sphere_about_its_mean():
    config = published(15.0)
    points = start_positions(config, 0)
    assert np.abs(points.mean(axis=0)).max() < 1e-9
    assert 90 < len(points) < 150
    # about an atom it is its own inverse, elsewhere it is not
    assert np.linalg.norm(points[:, None] + points, axis=2).min(axis=1).max() < 1e-6
    moved = start_positions(published(15.0, on_atom=False), 1)
    assert np.linalg.norm(moved[:, None] + moved, axis=2).min(axis=1).max() > 0.5
    one = simulated_start("Pt", points, GRID.plane)(GRID.plane, torch.eye(3)[None])[0]
    wide = torch.exp(-0.25 * (8.0 * PIXEL) ** 2 * GRID.plane.k**2)
    exact = waves(points)[0] * wide
    assert float((one * exact.conj()).real.sum() / one.norm() / exact.norm()) > 0.98


def test_the_atoms_settle():
    known = {"number": 2, "iterations": 3, "overlap": 1.0, "score": 0.7, "atoms": 120}
    assert PublishedRound(**known, changed=0.005, moved=0.05).settled
    assert not PublishedRound(**known, changed=0.05, moved=0.05).settled
    assert not PublishedRound(**known, changed=0.005, moved=0.3).settled
    assert not PublishedRound(**known, changed=float("nan"), moved=float("nan")).settled


FEW = published(15.0, directions=400, coarse=200, rounds=2, iterations=2, finest=0.9)


def test_the_result_says_what_it_has(tumbling):
    steps, rounds = [], []
    result = reconstruct_published(
        tumbling.images, FEW, pixel_size=PIXEL, on_step=lambda *each: steps.append(each), on_round=rounds.append
    )
    n = len(result)
    assert [each.number for each in rounds] == [1, 2]
    assert np.isnan(rounds[0].changed) and 0.0 <= rounds[1].changed < 0.5
    assert steps[-1] == (4, 4) and [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert np.isnan(result.sigmas).all() and np.isnan(result.copy_margins).all() and np.isnan(result.held_out_z)
    assert result.halves is not None and np.isnan(result.halves.rms) and len(result.halves.distances) == n
    assert np.median(result.occupancies) == pytest.approx(1.0)
    assert np.abs(result.positions.mean(axis=0)).max() < 1e-9
    density = result.density
    at = np.rint((result.positions - density.first_voxel) / density.voxel_size).astype(int)[:, ::-1]
    assert np.median(density.values[tuple(at.T)]) > 3.0 * density.values.std()
    np.testing.assert_allclose(density.values, 0.5 * (density.half1 + density.half2), atol=1e-5)
    assert 0.4 < result.poses.score.mean() <= 1.0
    # the lattice is seen, but not which of its copies an image lies on
    copies = angle_to_nearest_copy(result.poses.quaternions, tumbling.poses.quaternions, rotation_group("O"))
    assert (copies < 12.0).mean() > 2.0 * consistent_part(
        result.poses.quaternions, tumbling.poses.quaternions, within_deg=12.0
    )


def test_from_the_truth_it_keeps_the_truth(tumbling, monkeypatch):
    monkeypatch.setattr("atomotion.tomography.published.start_positions", lambda config, seed: tumbling.positions)
    config = published(15.0, directions=1000, coarse=300, rounds=1, iterations=2, finest=0.9)
    result = reconstruct_published(tumbling.images, config, pixel_size=PIXEL)
    score = score_model(result.positions, tumbling.positions)
    assert score.found > 0.95
    assert score.false <= 0.01
    assert score.rms < 0.18


@pytest.mark.parametrize(
    ("images", "config", "message"),
    [
        (np.ones((5, 64, 64)), published(15.0), "5 images are too few"),
        (np.zeros((40, 64, 64)), published(15.0), "a box is empty"),
        (np.ones((40, 64, 64)), published(30.0), "does not hold a mask"),
        (np.ones((40, 64, 64)), published(15.0, mask_diameter=24.0), "does not hold a mask"),
        (np.ones((40, 64)), published(15.0), r"are \(n, y, x\)"),
    ],
)
def test_what_does_not_fit_is_refused(images: np.ndarray, config: PublishedConfig, message: str):
    with pytest.raises(InputError, match=message):
        reconstruct_published(images, config, pixel_size=PIXEL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
def test_copies_mix_and_do_not_unmix(phantom, seed: int):
    simulated = phantom.simulate(150, snr_db=10.0, seed=seed)
    config = published(20.0, directions=500, iterations=5, rounds=3, finest=0.9)
    result = reconstruct_published(simulated.images, config, pixel_size=simulated.pixel_size)
    truth, found = simulated.poses.quaternions, result.poses.quaternions
    assert (angle_to_nearest_copy(found, truth, rotation_group("O")) < 8.0).mean() > 0.3
    assert consistent_part(found, truth) < 0.3
    null = null_score(simulated.positions, 3.93)
    assert score_model(result.positions, simulated.positions).skill(null) < 0.2


@pytest.mark.slow
def test_mixed_copies_look_well_resolved(phantom):
    """With displacements searched the lattice is found in many images, its copies are not, and shells do not say so."""
    finest = []
    for seed in (11, 12, 13, 14):
        simulated = phantom.simulate(150, snr_db=10.0, seed=seed)
        config = published(20.0, directions=500, iterations=5, rounds=2, first_shifts="searched")
        result = reconstruct_published(simulated.images, config, pixel_size=simulated.pixel_size)
        truth, found = simulated.poses.quaternions, result.poses.quaternions
        # 0.41 to 0.91; by chance 0.004
        assert (angle_to_nearest_copy(found, truth, rotation_group("O")) < 8.0).mean() > 0.3
        assert consistent_part(found, truth) < 0.3
        null = null_score(simulated.positions, 3.93)
        assert score_model(result.positions, simulated.positions).skill(null) < 0.3
        assert result.halves is not None
        finest.append(result.halves.shells.resolution(0.143))
    # finer than 1.17 Å, which `reconstruct` states for these images with every atom right; each run for itself ends
    # somewhere between 0.7 and 1.5 Å, since rounding alone sends the greedy search another way
    assert np.median(finest) < 1.17, finest
