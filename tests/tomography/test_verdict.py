"""What is right must be trusted, and noise, one view, mixed copies and mixed structures must not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from atomotion.data import DensityMap, Poses
from atomotion.geometry.rotations import (
    compose,
    quaternions_from_matrices,
    random_quaternions,
    small_random_quaternions,
)
from atomotion.geometry.symmetry import consistent_part
from atomotion.particles import fcc_sphere
from atomotion.structure import score_model
from atomotion.tomography import HalfAgreement, Reconstruction, ReconstructionConfig, reconstruct
from atomotion.tomography.fourier_shells import ShellCorrelation
from atomotion.tomography.model_evidence import ModelEvidence, model_evidence
from atomotion.tomography.observations import Observations
from atomotion.tomography.preparation import prepare
from atomotion.tomography.refinement import first_model, refine
from atomotion.tomography.verdict import Verdict, expected_maximum, judge_reconstruction, noise_z

SMALL = ReconstructionConfig(diameter=15.0, resolution=1.15, rounds=2, start="fcc", scan=False)
NOISE, VIEWS, COPIES, SETTLED = "pure noise reaches", "distinct directions", "mixed copies", "last search"
EXPLAINED, STRUCTURES = "check the boxes, or try", "more than one structure"
HALVES, DISTANCES = "two halves", "nearer to another"


def refused_for(verdict: Verdict) -> set[str]:
    kinds = (NOISE, VIEWS, COPIES, SETTLED, EXPLAINED, STRUCTURES, HALVES, DISTANCES)
    found = {kind for kind in kinds for reason in verdict.reasons if kind in reason}
    assert len(found) == len(verdict.reasons)
    assert verdict.is_trusted == (not found)
    return found


EVIDENCE = ModelEvidence(z=np.full(300, 29.4), possible_z=30.0, residual=1.0, beside=1.0, copy_margin=4.0)


@pytest.fixture(scope="module")
def good() -> Reconstruction:
    """As a good run gives it, but made up: 300 even views, errors of 0.02 Å per axis."""
    rng = np.random.default_rng(0)
    atoms = fcc_sphere("Pt", 18.0).positions
    n, count = 300, len(atoms)
    halves = np.linalg.norm(rng.normal(scale=0.04, size=(count, 3)), axis=1)
    k = np.linspace(0.3, 0.87, 10)
    return Reconstruction(
        element="Pt",
        positions=atoms,
        occupancies=1.0 + rng.normal(scale=0.05, size=count),
        sigmas=np.full(count, 0.02),
        b_factor=3.0,
        density=DensityMap(values=np.zeros((3, 3, 3), dtype=np.float32), voxel_size=0.5),
        poses=Poses(quaternions=random_quaternions(n, rng), shifts=np.zeros((n, 2)), score=np.full(n, 30.0)),
        copy_margins=np.full(n, 8.0),
        held_out_z=18.0,
        log_evidence=float("nan"),
        halves=HalfAgreement(
            distances=halves,
            rms=float(np.sqrt(np.mean(halves**2) / 4.0)),
            shells=ShellCorrelation(k=k, correlation=np.full(10, 0.9)),
        ),
        covariances=np.tile(0.02**2 * np.eye(3), (count, 1, 1)),
        evidence=EVIDENCE,
    )


def test_a_good_result_is_trusted(good: Reconstruction):
    verdict = judge_reconstruction(good)
    assert verdict.is_trusted
    assert verdict.reasons == verdict.warnings == ()
    assert verdict.facts["images"] == 300
    assert verdict.facts["log_evidence"] is None
    assert verdict.facts["missing_frequencies_fraction"] == 0.0
    assert verdict.facts["uncertain_atoms"] == 0


def test_each_defect_is_named(good: Reconstruction):
    assert good.halves is not None
    atoms, poses, rng = good.positions, good.poses, np.random.default_rng(1)
    one_view = compose(small_random_quaternions(300, 3.0, rng), poses.quaternions[0])
    thin = good.occupancies.copy()
    thin[::5] = 0.5
    unsettled = np.where(np.arange(300) < 100, -3.0, 8.0)
    torn = replace(good.halves, distances=5.0 * good.halves.distances, rms=5.0 * good.halves.rms)
    # an atom between the others for one in ten
    crowded = np.concatenate([atoms, atoms[:25] + 1.2])
    weaker = replace(EVIDENCE, z=np.full(300, 25.5))
    cases = {
        NOISE: replace(good, held_out_z=3.2),
        VIEWS: replace(good, poses=replace(poses, quaternions=one_view)),
        COPIES: replace(good, occupancies=thin, evidence=replace(EVIDENCE, copy_margin=-0.8)),
        SETTLED: replace(good, copy_margins=unsettled),
        EXPLAINED: replace(good, evidence=replace(EVIDENCE, z=np.full(300, 18.0), residual=2.0)),
        STRUCTURES: replace(good, occupancies=thin, evidence=weaker),
        HALVES: replace(good, halves=torn),
        DISTANCES: replace(good, positions=crowded, occupancies=np.ones(len(crowded)), covariances=None),
    }
    for expected, case in cases.items():
        assert refused_for(judge_reconstruction(case)) == {expected}


def test_noise_is_said_and_nothing_else(good: Reconstruction):
    noise = replace(good, held_out_z=3.2, copy_margins=np.full(300, -3.0))
    assert refused_for(judge_reconstruction(noise)) == {NOISE}


def test_copies_of_a_symmetric_particle_may_be_mixed(good: Reconstruction):
    assert judge_reconstruction(replace(good, evidence=replace(EVIDENCE, copy_margin=-0.8))).is_trusted


def test_atoms_that_left_on_the_way_are_no_reason(good: Reconstruction):
    # the same weak atoms as of two structures, but the model explains what there is
    thin = good.occupancies.copy()
    thin[::7] = 0.5
    verdict = judge_reconstruction(replace(good, occupancies=thin))
    assert verdict.is_trusted
    assert "as if they were there in a part of the images only" in verdict.warnings[0]
    assert verdict.facts["weak_atoms_fraction"] == pytest.approx(1 / 7, abs=0.01)


def test_weaker_atoms_within_their_errors_are_no_defect(good: Reconstruction):
    # the same spread of strengths is a defect with errors of 0.02 Å, and none with errors of 0.06 Å
    assert good.halves is not None
    spread = 1.0 + np.random.default_rng(2).normal(scale=0.15, size=len(good))
    sharp = replace(good, occupancies=spread, evidence=replace(EVIDENCE, z=np.full(300, 25.5)))
    blurred = replace(sharp, halves=replace(good.halves, distances=3.0 * good.halves.distances, rms=0.1))
    assert refused_for(judge_reconstruction(sharp)) == {STRUCTURES}
    assert judge_reconstruction(blurred).is_trusted


def test_warnings(good: Reconstruction):
    untested = judge_reconstruction(replace(good, copy_margins=np.full(300, np.nan), halves=None, evidence=None))
    assert untested.is_trusted
    assert len(untested.warnings) == 2
    assert untested.facts["ambiguous_images_fraction"] is None
    assert untested.facts["half_sets_rms_A"] is untested.facts["explained"] is None
    ambiguous = judge_reconstruction(replace(good, copy_margins=np.full(300, 1.0)))
    assert ambiguous.is_trusted
    assert "another lattice copy" in ambiguous.warnings[0]
    beside = judge_reconstruction(replace(good, evidence=replace(EVIDENCE, beside=1.6)))
    assert beside.is_trusted
    assert "something besides the particle" in beside.warnings[0]
    partly = judge_reconstruction(replace(good, evidence=replace(EVIDENCE, z=np.full(300, 25.5))))
    assert partly.is_trusted
    assert "try another seed or a longer window" in partly.warnings[0]
    unknown = judge_reconstruction(replace(good, held_out_z=float("nan")))
    assert "nothing was held out" in unknown.warnings[0]


def test_unseen_directions_are_reported_with_the_atoms_that_they_make_uncertain(good: Reconstruction):
    rng = np.random.default_rng(4)
    poses = replace(good.poses, quaternions=small_random_quaternions(300, 12.0, rng))
    covariances = np.tile(np.diag([0.02, 0.02, 0.1]) ** 2, (len(good), 1, 1))
    covariances[[40, 7]] *= [[[9.0]], [[16.0]]]
    verdict = judge_reconstruction(replace(good, poses=poses, covariances=covariances))
    assert verdict.is_trusted
    # views about z say little of where atoms are along z
    assert abs(verdict.facts["worst_seen_z"]) > 0.95
    assert verdict.facts["uncertain_atoms"] == 2
    assert verdict.facts["largest_error_A"] == pytest.approx(0.4)
    assert "of all frequencies were not seen" in verdict.warnings[0]
    assert "the atoms 7, 40 of the list" in verdict.warnings[1]


def test_the_resolution_of_the_half_maps_does_not_count(good: Reconstruction):
    assert good.halves is not None
    shells = ShellCorrelation(k=good.halves.shells.k, correlation=np.full(10, 0.1))
    assert judge_reconstruction(replace(good, halves=replace(good.halves, shells=shells))).is_trusted
    wrong = replace(good, held_out_z=3.0)
    assert wrong.halves is not None
    assert wrong.halves.shells.resolution() < 1.2
    assert not judge_reconstruction(wrong).is_trusted


@pytest.mark.parametrize("count", [10, 1000, 20_000])
def test_the_expected_maximum_of_normal_deviates(count: int):
    deviates = np.random.default_rng(0).normal(size=(200, count)).max(axis=1)
    error = deviates.std() / np.sqrt(200)
    assert expected_maximum(count) == pytest.approx(deviates.mean(), abs=3 * error + 0.02)


def test_larger_particles_have_more_orientations_to_fit_noise():
    assert noise_z(12.0) < noise_z(20.0) < noise_z(60.0) < noise_z(20.0) + 1.0
    assert noise_z(20.0) < noise_z(20.0, copies=1) < noise_z(20.0) + 1.0


@pytest.fixture(scope="module")
def right(tumbling) -> tuple[Observations, Reconstruction]:
    generator = torch.Generator().manual_seed(0)
    observations, _ = prepare(tumbling.images, SMALL, pixel_size=tumbling.pixel_size, generator=generator)
    return observations, reconstruct(tumbling.images, SMALL, pixel_size=tumbling.pixel_size)


def test_a_right_reconstruction_is_trusted(right):
    _, result = right
    assert 0.9 < result.evidence.explained < 1.1
    assert 0.8 < result.evidence.residual < 1.2
    assert result.evidence.copy_margin > 2.0
    verdict = judge_reconstruction(result, times=2.5e-3 * np.arange(100))
    assert verdict.is_trusted, verdict.reasons
    # steps of 6° in 2.5 ms: D = θ² / 6 t, which a walk of 100 steps tells to about a fifth
    assert verdict.facts["rotational_diffusion_rad2_per_s"] == pytest.approx(np.deg2rad(6.0) ** 2 / 0.015, rel=0.5)


def test_the_wrong_poses_explain_little(right):
    observations, result = right
    order = np.random.default_rng(0).permutation(100)
    wrong = replace(result, poses=replace(result.poses, quaternions=result.poses.quaternions[order]))
    wrong = replace(wrong, evidence=model_evidence(observations, wrong))
    assert wrong.evidence.explained < 0.6
    assert EXPLAINED in refused_for(judge_reconstruction(wrong))


def test_what_lies_beside_the_particle_is_seen(right, tumbling):
    observations, result = right
    rng = np.random.default_rng(0)
    empty = rng.normal(size=tumbling.images.shape).astype(np.float32)
    assert model_evidence(observations, result, images=empty[:50], background=empty[50:]).beside == pytest.approx(
        1.0, abs=0.03
    )
    full = empty.copy()
    full[:, :20, :20] *= 2.0
    assert model_evidence(observations, result, images=full[:50], background=empty[50:]).beside > 1.3


def test_a_run_stuck_on_mixed_copies_is_refused(right, tumbling, mixed_copies):
    observations, result = right
    mixed = mixed_copies.stuck(observations, result, mixed_copies.moved_to(result, np.arange(100) >= 50, copy=5))
    # nearly all atoms are there: their number does not tell
    assert score_model(mixed.positions, tumbling.positions).found > 0.8
    assert mixed.evidence.copy_margin < -1.0
    assert COPIES in refused_for(judge_reconstruction(mixed))


def test_images_on_mixed_copies_are_brought_together_before_refinement(right, tumbling, mixed_copies):
    observations, result = right
    start = mixed_copies.moved_to(result, np.arange(100) >= 60, copy=11)
    generator = torch.Generator().manual_seed(0)
    # the part of the images in which the path went to the other copy is sorted out by the first search
    refined = refine(observations, *first_model(observations, start), rounds=2, sweeps=2, generator=generator)
    found = quaternions_from_matrices(refined.placed.rotations.double().numpy())
    begun = quaternions_from_matrices(start.rotations.double().numpy())
    assert consistent_part(begun, tumbling.poses.quaternions) < 0.65
    assert consistent_part(found, tumbling.poses.quaternions) > 0.9
    score = score_model(refined.model.positions.double().numpy(), tumbling.positions)
    assert score.found > 0.98
    assert score.false < 0.02


def test_images_on_other_rows_are_brought_together_before_refinement(right, tumbling, mixed_copies):
    observations, result = right
    start = mixed_copies.moved_to(result, np.zeros(100, dtype=bool), copy=0)
    # every third image one lattice vector aside, in the frame of the particle
    vector = torch.tensor([1.965, 1.965, 0.0])
    shifts = start.shifts.clone()
    shifts[::3] += torch.einsum("nij,j->ni", start.rotations[::3], vector)[:, :2]
    start = replace(start, shifts=shifts)
    generator = torch.Generator().manual_seed(0)
    refined = refine(observations, *first_model(observations, start), rounds=1, sweeps=2, generator=generator)
    truth = torch.from_numpy(result.poses.shifts).float()
    assert float(((start.shifts - truth).norm(dim=1) > 1.0).float().mean()) > 0.25
    # the origin of the model, and with it all shifts, may have moved a little
    assert float(((refined.placed.shifts - truth).norm(dim=1) > 1.0).float().mean()) < 0.03
    assert score_model(refined.model.positions.double().numpy(), tumbling.positions).found > 0.98


BRIEF = replace(SMALL, rounds=1, sweeps=1, half_sets=False)


def test_noise_is_refused():
    images = np.random.default_rng(0).normal(size=(50, 64, 64)).astype(np.float32)
    result = reconstruct(images, BRIEF, pixel_size=0.358)
    assert refused_for(judge_reconstruction(result)) == {NOISE}
    assert result.held_out_z < noise_z(15.0)


def test_one_fixed_orientation_is_refused(phantom):
    still = phantom.simulate(60, atoms=120, size=64, seed=3, removed=8, step_deg=0.0)
    verdict = judge_reconstruction(reconstruct(still.images, BRIEF, pixel_size=still.pixel_size))
    # the images fit each other far better than noise does: held-out evidence alone does not tell
    assert VIEWS in refused_for(verdict)


LARGER = replace(SMALL, diameter=17.5)


def particle(phantom, seed: int, snr_db: float, images: int = 150):
    return phantom.simulate(images, atoms=200, size=72, seed=seed, removed=20, snr_db=snr_db)


def judged(images: np.ndarray, pixel_size: float) -> Verdict:
    return judge_reconstruction(reconstruct(images, LARGER, pixel_size=pixel_size))


@pytest.mark.slow
@pytest.mark.parametrize("snr_db", [10.0, 3.0, 0.0])
@pytest.mark.parametrize("seed", [21, 22])
def test_right_runs_are_trusted(phantom, seed: int, snr_db: float):
    simulated = particle(phantom, seed, snr_db)
    result = reconstruct(simulated.images, LARGER, pixel_size=simulated.pixel_size)
    score = score_model(result.positions, simulated.positions)
    assert score.found > 0.99
    assert score.false < 0.01
    verdict = judge_reconstruction(result)
    assert verdict.is_trusted, verdict.reasons


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("ordered", [True, False])
def test_noise_of_any_seed_is_refused(seed: int, ordered: bool):
    images = np.random.default_rng(seed).normal(size=(100, 72, 72)).astype(np.float32)
    config = replace(LARGER, ordered=ordered, starts=2)
    assert refused_for(judge_reconstruction(reconstruct(images, config, pixel_size=0.358, seed=seed))) == {NOISE}


@pytest.mark.slow
@pytest.mark.parametrize("snr_db", [10.0, 3.0])
@pytest.mark.parametrize("seed", [31, 32])
def test_two_structures_are_said(phantom, seed: int, snr_db: float):
    first, second = (particle(phantom, each, snr_db, images=75) for each in (seed, seed + 50))
    verdict = judged(np.concatenate([first.images, second.images]), first.pixel_size)
    said = any("in a part of the images only" in each for each in verdict.warnings)
    assert said or refused_for(verdict) & {STRUCTURES, COPIES, EXPLAINED}


@pytest.mark.slow
@pytest.mark.parametrize("snr_db", [10.0, 3.0])
def test_a_window_in_which_atoms_leave_is_trusted_and_said(phantom, snr_db: float):
    atoms = phantom.irregular_particle(200, np.random.default_rng(33), removed=20)
    kept = atoms[np.argsort(atoms @ [0.6, 0.64, 0.48])[: int(0.85 * len(atoms))]]
    # the same walk for the same seed
    whole, less = (phantom.simulate(150, size=72, seed=33, snr_db=snr_db, positions=each) for each in (atoms, kept))
    verdict = judged(np.concatenate([whole.images[:75], less.images[75:]]), whole.pixel_size)
    assert verdict.is_trusted, verdict.reasons
    assert any("in a part of the images only" in each for each in verdict.warnings)


@pytest.mark.slow
def test_two_particles_in_one_box_are_refused(phantom):
    first, second = (particle(phantom, seed, 10.0) for seed in (31, 81))
    moved = np.roll(second.images, (6, -8), axis=(1, 2))
    verdict = judged(first.images + moved, first.pixel_size)
    assert not verdict.is_trusted


@pytest.mark.slow
@pytest.mark.parametrize("copy", [3, 11, 23])
@pytest.mark.parametrize("from_image", [33, 50, 67])
def test_mixed_copies_are_refused(right, mixed_copies, copy: int, from_image: int):
    observations, result = right
    mixed = mixed_copies.stuck(
        observations, result, mixed_copies.moved_to(result, np.arange(100) >= from_image, copy=copy)
    )
    assert COPIES in refused_for(judge_reconstruction(mixed))
