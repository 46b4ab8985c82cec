"""Boundaries of windows from the atoms in the images, on particles whose changes are known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest
import torch
from scipy import fft

from atomotion.data import Poses
from atomotion.geometry.alignment import Alignment
from atomotion.geometry.rotations import (
    compose,
    matrices_from_quaternions,
    random_quaternions,
    rotate,
    small_random_quaternions,
)
from atomotion.geometry.symmetry import rotation_group
from atomotion.particles import fcc_sphere
from atomotion.scattering.atom_gaussians import peng_atoms
from atomotion.scattering.projections import project_atoms
from atomotion.tomography import BoundariesConfig, ReconstructionConfig, WindowModel, settle_windows
from atomotion.tomography.common_frame import lattice_continued, moved_model, tied_models
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.observations import Observations
from atomotion.tomography.occupancy_evidence import at_strength_of, log_ratio, occupancy_evidence
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.poses_at_boundaries import with_poses_at_boundaries
from atomotion.tomography.preparation import prepare
from atomotion.tomography.settled_windows import SettledWindows

SIZE, PIXEL, SPACING = 64, 0.358, 2.78
CONFIG = BoundariesConfig(min_frames=40)
# images fit 120 atoms by about 11.7 and 7.1 noise sigmas, as much for each atom as the 19 and 11.5 of 314 atoms in a
# simulated liquid cell at 50 and 15 e/Å² per frame
CLEAR, NOISY = -2.5, -7.0


@dataclass(frozen=True, kw_only=True)
class Changing:
    """Images of a particle that changes, with their truth."""

    observations: Observations
    poses: Poses
    states: list[np.ndarray]
    state: np.ndarray


def changing(
    phantom: ModuleType, states: Sequence[np.ndarray], lengths: Sequence[int], *, snr_db: float, seed: int = 0
) -> Changing:
    rng = np.random.default_rng(seed)
    state = np.repeat(np.arange(len(states)), lengths)
    poses = phantom.walk(len(state), 6.0, rng)
    shifts = rng.uniform(-0.5, 0.5, (len(state), 2))
    images = np.stack(
        [
            project_atoms(
                rotate(q, states[which]).astype(np.float32), peng_atoms(["Pt"] * len(states[which]), u_iso=0.04),
                shape=(SIZE, SIZE), pixel_size=PIXEL, shift=s,
            )
            for q, s, which in zip(poses, shifts, state, strict=True)
        ]
    )  # fmt: skip
    frequency = fft.fftfreq(SIZE)
    blur = np.exp(-2.0 * np.pi**2 * (frequency[:, None] ** 2 + frequency**2))
    noise = fft.ifft2(fft.fft2(rng.normal(size=images.shape)) * blur).real
    axis = (np.arange(SIZE) - SIZE // 2) * PIXEL
    inside = np.hypot(axis[:, None], axis) < 9.0
    noise *= np.sqrt(images[:, inside].var() / 10.0 ** (snr_db / 10.0)) / noise.std()
    observations, _ = prepare(
        (images + noise).astype(np.float32),
        ReconstructionConfig(diameter=15.0, resolution=1.15),
        pixel_size=PIXEL,
        generator=torch.Generator().manual_seed(0),
    )
    return Changing(
        observations=observations,
        poses=Poses(quaternions=poses, shifts=shifts),
        states=list(states),
        state=state,
    )


def model_of(made: Changing, start: int, stop: int, rng: np.random.Generator, *, pose_deg: float = 2.0) -> WindowModel:
    """As a good reconstruction gives it: the atoms that most images have, with errors, on any lattice copy and hand."""
    every = np.unique(np.round(np.concatenate(made.states), 6), axis=0)
    there = np.array([np.linalg.norm(each[:, None] - every, axis=2).min(axis=0) < 1e-3 for each in made.states])
    positions = every[there[made.state[start:stop]].mean(axis=0) > 0.45]
    count = stop - start
    model = WindowModel(
        start=start,
        stop=stop,
        images=np.arange(start, stop),
        positions=positions + rng.normal(scale=0.1, size=positions.shape),
        occupancies=np.ones(len(positions)),
        sigmas=np.full(len(positions), 0.1),
        b_factor=4.0,
        quaternions=compose(small_random_quaternions(count, pose_deg, rng), made.poses.quaternions[start:stop]),
        shifts=made.poses.shifts[start:stop] + rng.normal(scale=0.1, size=(count, 2)),
        z=np.full(count, 15.0),
    )
    turn = matrices_from_quaternions(rotation_group("O")[rng.integers(24)]) * rng.choice([-1.0, 1.0])
    motion = Alignment(rotation=turn, translation=-turn @ model.positions.mean(axis=0), rmsd=0.0, mirrored=False)
    return moved_model(model, motion)


def settled(made: Changing, edges: Sequence[int], config: BoundariesConfig = CONFIG, seed: int = 0) -> SettledWindows:
    rng = np.random.default_rng(seed)
    models = [model_of(made, a, b, rng) for a, b in pairwise(edges)]
    return settle_windows(made.observations, models, config)


def edges_of(found: SettledWindows) -> list[int]:
    return [each.start for each in found.windows] + [found.windows[-1].stop]


@pytest.fixture(scope="module")
def particle(phantom: ModuleType) -> np.ndarray:
    return phantom.irregular_particle(120, np.random.default_rng(4), removed=8)


@pytest.fixture(scope="module")
def etched(particle: np.ndarray) -> np.ndarray:
    """The particle without the 18 atoms farthest along one direction: 15 %, all from one side."""
    return particle[np.sort(np.argsort(particle @ np.array([0.4, 0.5, -0.77]))[:-18])]


@pytest.fixture(scope="module")
def series(phantom: ModuleType, particle: np.ndarray, etched: np.ndarray) -> Callable[[float], Changing]:
    """Images of which 95 show the whole particle and 105 the etched one, at some noise."""
    made: dict[float, Changing] = {}

    def of(snr_db: float) -> Changing:
        if snr_db not in made:
            made[snr_db] = changing(phantom, [particle, etched], [95, 105], snr_db=snr_db)
        return made[snr_db]

    return of


@pytest.fixture(scope="module")
def still(phantom: ModuleType, particle: np.ndarray) -> Changing:
    return changing(phantom, [particle], [200], snr_db=NOISY, seed=1)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_a_moved_model_shows_the_same_images(series, mirror: float):
    made, rng = series(CLEAR), np.random.default_rng(2)
    model = model_of(made, 0, 20, rng)
    turn = mirror * matrices_from_quaternions(random_quaternions(1, rng)[0])
    moved = moved_model(model, Alignment(rotation=turn, translation=rng.normal(size=3), rmsd=0.0, mirrored=mirror < 0))
    _, response = made.observations.at(mismatch=0.05)
    before, after = (
        predicted(
            AtomModel(
                positions=torch.from_numpy(each.positions).float(),
                occupancies=torch.ones(len(each.positions)),
                b_factor=4.0,
            ),
            response,
            torch.from_numpy(matrices_from_quaternions(each.quaternions)).float(),
            torch.from_numpy(each.shifts).float(),
        )
        for each in (model, moved)
    )
    assert float((before - after).abs().max()) < 2e-3 * float(before.abs().max())


def test_the_lattice_goes_on_where_an_atom_is_missing():
    sphere = fcc_sphere("Pt", 16.0, lattice=3.92).positions
    hole = int(np.linalg.norm(sphere, axis=1).argmax())
    free = lattice_continued(np.delete(sphere, hole, axis=0), 2.77)
    assert np.linalg.norm(free - sphere[hole], axis=1).min() < 0.01
    larger = fcc_sphere("Pt", 26.0, lattice=3.92).positions
    assert max(np.linalg.norm(larger - each, axis=1).min() for each in free) < 0.01
    assert min(np.linalg.norm(np.delete(sphere, hole, axis=0) - each, axis=1).min() for each in free) > 2.7


def test_the_evidence_is_the_log_likelihood(series):
    made = series(CLEAR)
    used, response = made.observations.at(mismatch=0.05)
    part = slice(0, 12)
    placed = Placed(
        rotations=torch.from_numpy(matrices_from_quaternions(made.poses.quaternions[part])).float(),
        shifts=torch.from_numpy(made.poses.shifts[part]).float(),
        z=torch.zeros(12),
    )
    sites = made.states[0]
    evidence = occupancy_evidence(
        used.of(torch.arange(12)), response, sites, placed, b_factor=4.0, weights=torch.ones(12)
    )
    left, right = np.ones(len(sites)), np.where(np.arange(len(sites)) < 20, 0.0, 1.0)
    likelihood = []
    for each in (left, right):
        model = AtomModel(
            positions=torch.from_numpy(sites).float(), occupancies=torch.from_numpy(each).float(), b_factor=4.0
        )
        fitted = predicted(model, response, placed.rotations, placed.shifts)
        likelihood.append(-0.5 * (used.values[part] - fitted).abs().square().sum(dim=1).numpy())
    exact = likelihood[0] - likelihood[1]
    # overlaps as a mean over directions: right to a per cent of the energies
    np.testing.assert_allclose(log_ratio(evidence, 0, 12, left, right), exact, atol=0.02 * np.abs(exact).max())
    total, energy = evidence.between(0, 12)
    assert total @ left - 0.5 * left @ energy @ left == pytest.approx(
        float((likelihood[0] + 0.5 * used.values[part].abs().square().sum(dim=1).numpy()).sum()), rel=0.02
    )


def test_the_strength_follows_the_core_and_not_the_atoms_that_leave(series):
    made = series(CLEAR)
    used, response = made.observations.at(mismatch=0.05)
    placed = Placed(
        rotations=torch.from_numpy(matrices_from_quaternions(made.poses.quaternions)).float(),
        shifts=torch.from_numpy(made.poses.shifts).float(),
        z=torch.zeros(200),
    )
    # the second half of the images weakened by a fifth
    factor = torch.where(torch.arange(200) < 100, 1.0, 0.8)
    weakened = replace(used, values=used.values * factor[:, None])
    core = np.linalg.norm(made.states[0], axis=1) < 4.0
    evidence = occupancy_evidence(weakened, response, made.states[0], placed, b_factor=3.2, weights=torch.ones(200))
    strength = at_strength_of(evidence, core).strength
    assert strength[140:].mean() / strength[:60].mean() == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(
    ("snr_db", "edges"),
    [(NOISY, [0, 60, 200]), (CLEAR, [0, 135, 200]), (NOISY, [0, 200])],
    ids=["early", "late", "mixed"],
)
def test_boundaries_go_to_where_atoms_leave_one_side(series, snr_db: float, edges: list[int]):
    found = settled(series(snr_db), edges)
    assert len(found.windows) == 2
    assert abs(found.windows[1].start - 95) <= 3
    change = found.windows[1].change
    assert change is not None
    assert change.gained <= 1
    assert 15 <= change.lost <= 19
    assert not found.notes


def test_atoms_that_come_are_seen_too(phantom, particle, etched):
    made = changing(phantom, [etched, particle], [120, 80], snr_db=CLEAR, seed=5)
    # the model of the whole series has 40 % of the new atoms only, so that they are not among its atoms
    found = settled(made, [0, 200])
    assert [each.start for each in found.windows] == pytest.approx([0, 120], abs=3)
    change = found.windows[1].change
    assert change is not None
    # places of the lattice, not those that the atoms relax to: some atoms are seen too weakly to count
    assert change.gained >= 9
    assert change.lost <= 1


@pytest.mark.parametrize("edges", [[0, 200], [0, 80, 200], [0, 70, 130, 200]])
def test_a_particle_that_does_not_change_is_one_window(still, edges: list[int]):
    found = settled(still, edges)
    assert edges_of(found) == [0, 200]
    assert found.windows[0].kept == (len(edges) == 2)


def test_few_atoms_make_no_window(phantom, particle):
    made = changing(phantom, [particle, particle[:-2]], [100, 100], snr_db=CLEAR, seed=6)
    assert edges_of(settled(made, [0, 200])) == [0, 200]


def test_what_is_switched_off_is_not_done(series, still):
    made = series(CLEAR)
    assert edges_of(settled(made, [0, 60, 200], replace(CONFIG, move=False, split=False))) == [0, 60, 200]
    assert edges_of(settled(made, [0, 200], replace(CONFIG, split=False))) == [0, 200]
    assert edges_of(settled(still, [0, 80, 200], replace(CONFIG, merge=False))) == [0, 80, 200]
    assert edges_of(settled(still, [0, 80, 200], replace(CONFIG, max_frames=150))) == [0, 80, 200]


def test_images_say_which_atoms_they_want(series):
    found = settled(series(CLEAR), [0, 95, 200])
    assert edges_of(found) == [0, 95, 200]
    assert all(each.kept for each in found.windows)
    assert np.mean(found.ratio_after[:95] < 0) > 0.9
    assert np.mean(found.ratio_before[95:] < 0) > 0.9
    assert np.isnan(found.ratio_before[:95]).all()
    assert np.isnan(found.ratio_after[95:]).all()
    assert np.nanmean(found.z) > 8.0
    assert 0.1 < np.nanmean(found.correlation) < 1.0
    assert np.nanmedian(found.strength) == pytest.approx(1.0, abs=0.05)


def test_models_that_cannot_be_tied_are_left_alone(phantom, particle):
    rng = np.random.default_rng(8)
    made = changing(phantom, [particle], [200], snr_db=CLEAR, seed=8)
    first, second = model_of(made, 0, 100, rng), model_of(made, 100, 200, rng)
    amorphous = replace(second, positions=rng.uniform(-7.0, 7.0, second.positions.shape))
    groups, notes = tied_models([first, amorphous])
    assert [len(each.models) for each in groups] == [1, 1]
    assert "in common only" in notes[0]


def test_images_on_another_lattice_copy_do_not_split_a_window(still):
    rng = np.random.default_rng(9)
    model = model_of(still, 0, 200, rng)
    # the last 80 images turned by a rotation of the lattice: its axes are those of the phantom, in the model's frame
    whole = settle_windows(still.observations, [model], CONFIG)
    assert len(whole.windows) == 1
    turn = compose(true_frame(model, still), compose(rotation_group("O")[9], inverse_of(true_frame(model, still))))
    poses = model.quaternions.copy()
    poses[120:] = compose(poses[120:], turn)
    found = settle_windows(still.observations, [replace(model, quaternions=poses)], CONFIG)
    assert len(found.windows) == 1
    assert "another copy of the lattice" in found.notes[0]


def true_frame(model: WindowModel, made: Changing) -> np.ndarray:
    """(4,) the rotation of the truth's frame into the model's, modulo the hand."""
    return compose(inverse_of(model.quaternions[0]), made.poses.quaternions[0])


def inverse_of(quaternion: np.ndarray) -> np.ndarray:
    return quaternion * np.array([1.0, -1.0, -1.0, -1.0])


@pytest.fixture(scope="module")
def astray(series) -> tuple[Changing, list[WindowModel]]:
    """Windows that meet 40 images late; these lie on two other copies of the lattice, about the model's centre."""
    made, rng = series(CLEAR), np.random.default_rng(3)
    left, right = model_of(made, 0, 135, rng), model_of(made, 135, 200, rng)
    quaternions, z = left.quaternions.copy(), left.z.copy()
    for stretch, copy in ((slice(95, 115), 5), (slice(115, 135), 17)):
        quaternions[stretch] = compose(quaternions[stretch], rotation_group("O")[copy])
    z[95:] *= 0.7
    return made, [replace(left, quaternions=quaternions, z=z), right]


def test_images_beyond_a_boundary_get_poses_to_the_atoms_they_show(astray):
    made, models = astray
    [tied], _ = tied_models(models)
    found = with_poses_at_boundaries(made.observations, tied.models)
    (left, right), (given_left, given_right) = (
        [matrices_from_quaternions(each.quaternions) for each in pair] for pair in (found, tied.models)
    )
    true = matrices_from_quaternions(made.poses.quaternions)
    near = []
    for hand in (np.diag([1.0, 1.0, 1.0]), np.diag([1.0, 1.0, -1.0])):
        # an orientation in the common frame is D R Q^T, with one Q for all images
        frame = right[20].T @ hand @ true[155]
        expected = hand @ true[95:135] @ frame.T
        trace = np.einsum("nij,nij->n", left[95:], expected)
        near.append(np.mean(trace > 1.0 + 2.0 * np.cos(np.deg2rad(8.0))))
    assert max(near) > 0.9
    # images in their own window stay, but for few that fit both models alike
    same = [
        np.isclose(*pair, atol=1e-6).all(axis=(1, 2)) for pair in ((left[:95], given_left[:95]), (right, given_right))
    ]
    assert np.concatenate(same).mean() > 0.95


def test_images_astray_do_not_hide_the_boundary(astray):
    made, models = astray
    found = settle_windows(made.observations, models, CONFIG)
    assert len(found.windows) == 2
    assert abs(found.windows[1].start - 95) <= 5
