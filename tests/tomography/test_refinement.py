"""Poses, atoms and which atoms there are, refined against images without the search before."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from atomotion.geometry.alignment import align
from atomotion.geometry.rotations import (
    angle_between,
    compose,
    matrices_from_quaternions,
    quaternions_from_matrices,
    random_quaternions,
    small_random_quaternions,
)
from atomotion.tomography.centres import smooth_path
from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.forward import AtomModel, Response, predicted
from atomotion.tomography.half_plane import half_plane
from atomotion.tomography.joint import curvature, fit_scale, misfit_and_slopes, refine_jointly
from atomotion.tomography.model_changes import AtomRules, added, pruned
from atomotion.tomography.pose_refinement import Placed, refine_poses
from atomotion.tomography.response import Optics, atomic_response

RULES = AtomRules(spacing=2.77)


@dataclass
class Problem:
    coefficients: Coefficients
    response: Response
    model: AtomModel
    quaternions: np.ndarray
    placed: Placed


def problem(phantom, *, n: int = 80, noise: float, seed: int = 0) -> Problem:
    """Images of a 70-atom particle whose coefficients have `noise` in units of an image's root mean square."""
    rng = np.random.default_rng(seed)
    plane = half_plane(60, 0.358, lowest=1 / 3.5, highest=1 / 1.2)
    response = atomic_response(plane, "Pt", Optics(), torch.ones(len(plane)))
    positions = phantom.irregular_particle(70, rng, removed=4, surface=0.12)
    model = AtomModel(
        positions=torch.from_numpy(positions).float(), occupancies=torch.ones(len(positions)), b_factor=4.0
    )
    quaternions = random_quaternions(n, rng)
    rotations = torch.from_numpy(matrices_from_quaternions(quaternions)).float()
    shifts = torch.from_numpy(rng.normal(scale=0.4, size=(n, 2))).float()
    clean = predicted(model, response, rotations, shifts)
    scale = float(clean.abs().square().mean() / 2) ** 0.5 * noise if noise else 1.0
    # in units of the noise
    response = replace(response, lens=response.lens / scale)
    random = torch.view_as_complex(torch.from_numpy(rng.normal(size=(*clean.shape, 2))).float())
    values = clean / scale + (random if noise else 0.0)
    coefficients = Coefficients(plane=plane, values=values, gain=torch.ones(len(plane)), filled=1.0, radius=10.0)
    placed = Placed(rotations=rotations, shifts=shifts, z=values.abs().square().sum(1).sqrt())
    return Problem(coefficients, response, model, quaternions, placed)


def perturbed(given: Problem, degrees: float, shift: float, seed: int = 1) -> Placed:
    rng = np.random.default_rng(seed)
    n = len(given.placed)
    turned = compose(small_random_quaternions(n, degrees, rng), given.quaternions)
    return Placed(
        rotations=torch.from_numpy(matrices_from_quaternions(turned)).float(),
        shifts=given.placed.shifts + torch.from_numpy(rng.normal(scale=shift, size=(n, 2))).float(),
        z=given.placed.z,
    )


def angles(given: Problem, placed: Placed) -> np.ndarray:
    return angle_between(quaternions_from_matrices(placed.rotations.double().numpy()), given.quaternions)


def test_poses_come_back_from_three_degrees(phantom):
    given = problem(phantom, noise=0.0)
    start = perturbed(given, 3.0, 0.15)
    found = refine_poses(given.coefficients, given.model, given.response, start.rotations, start.shifts, iterations=6)
    assert np.median(angles(given, start)) > 2.0
    assert np.mean(angles(given, found) < 0.05) > 0.95
    close = angles(given, found) < 0.05
    assert float((found.shifts - given.placed.shifts)[close].abs().max()) < 0.01


def test_a_pose_never_gets_worse(phantom):
    given = problem(phantom, noise=2.0)
    start = perturbed(given, 8.0, 0.5)
    z = []
    for iterations in (0, 1, 2, 4):
        z.append(
            refine_poses(
                given.coefficients, given.model, given.response, start.rotations, start.shifts, iterations=iterations
            ).z
        )
    for before, after in itertools.pairwise(z):
        assert (after >= before - 1e-3).all()


def test_a_centre_holds_shifts(phantom):
    given = problem(phantom, noise=20.0, n=40)
    start = perturbed(given, 1.0, 0.1)
    free, held = (
        refine_poses(
            given.coefficients,
            given.model,
            given.response,
            start.rotations,
            start.shifts,
            iterations=4,
            centre=given.placed.shifts,
            centre_error=error,
        )
        for error in (10.0, 0.05)
    )
    assert float((held.shifts - given.placed.shifts).std()) < 0.06
    assert float((free.shifts - given.placed.shifts).std()) > 2.0 * float((held.shifts - given.placed.shifts).std())


def test_slopes_of_the_misfit(phantom):
    given = problem(phantom, noise=1.0, n=10)
    weights = torch.ones(10)
    inputs = (given.coefficients, given.response, given.placed, weights)

    def misfit(model: AtomModel) -> float:
        residual = given.coefficients.values - predicted(
            model, given.response, given.placed.rotations, given.placed.shifts
        )
        return 0.5 * float(residual.abs().double().square().sum())

    _, slope, slope_o = misfit_and_slopes(inputs[0], given.model, *inputs[1:])
    for atom, axis in ((3, 0), (40, 2)):
        sides = []
        for sign in (1, -1):
            positions = given.model.positions.clone()
            positions[atom, axis] += sign * 0.02
            sides.append(misfit(replace(given.model, positions=positions)))
        scale = float(slope.abs().max())
        assert (sides[0] - sides[1]) / 0.04 == pytest.approx(float(slope[atom, axis]), abs=0.02 * scale)
    sides = []
    for sign in (1, -1):
        occupancies = given.model.occupancies.clone()
        occupancies[7] += sign * 0.02
        sides.append(misfit(replace(given.model, occupancies=occupancies)))
    assert (sides[0] - sides[1]) / 0.04 == pytest.approx(float(slope_o[7]), rel=0.02)


def test_scale_and_b_are_found_together(phantom):
    given = problem(phantom, noise=0.3, n=20)
    wrong = replace(given.model, occupancies=0.5 * given.model.occupancies, b_factor=3.2)
    weights = torch.ones(20)
    for _ in range(3):
        wrong = fit_scale(given.coefficients, wrong, given.response, given.placed, weights)
    assert wrong.b_factor == pytest.approx(4.0, abs=0.1)
    assert float(wrong.occupancies.mean()) == pytest.approx(1.0, abs=0.02)


def test_atoms_and_poses_are_refined_together_to_what_noise_allows(phantom):
    given = problem(phantom, noise=1.0, n=120)
    start = perturbed(given, 2.0, 0.1)
    rng = np.random.default_rng(5)
    shaken = replace(
        given.model,
        positions=given.model.positions + torch.from_numpy(rng.normal(scale=0.15, size=(70, 3))).float(),
    )
    model, placed = refine_jointly(given.coefficients, shaken, given.response, start, sweeps=8, closest=1.7, worst=0.0)
    motion = align(model.positions.double().numpy(), given.model.positions.double().numpy())
    error = torch.from_numpy(motion.apply(model.positions.double().numpy())) - given.model.positions
    stiff = curvature(given.model, given.response, placed.rotations, torch.ones(120)).positions
    expected = torch.linalg.inv(stiff).diagonal(dim1=1, dim2=2).mean().sqrt()
    # poses are fitted too, and neighbours overlap a little: somewhat more than noise alone leaves, with a statistical
    # error of 5 % from 210 coordinates
    assert 0.85 * float(expected) < float(error.square().mean().sqrt()) < 1.6 * float(expected)
    assert np.median(angles(given, placed)) < 0.6


def test_a_missing_atom_is_put_back_and_a_false_one_taken_out(phantom):
    given = problem(phantom, noise=1.0, n=120)
    keep = torch.ones(70, dtype=torch.bool)
    keep[[10, 33]] = False
    fewer = given.model.of(keep)
    completed = added(given.coefficients, fewer, given.response, given.placed, RULES, radius=12.0, worst=0.0)
    assert len(completed) == 70
    new = completed.positions[68:]
    assert float(torch.cdist(new, given.model.positions[~keep]).min(dim=1).values.max()) < 0.15
    outermost = given.model.positions[given.model.positions.norm(dim=1).argmax()]
    false = outermost * (1.0 + 2.6 / outermost.norm())
    more = AtomModel(
        positions=torch.cat([given.model.positions, false[None]]),
        occupancies=torch.ones(71),
        b_factor=4.0,
    )
    refined, _ = refine_jointly(
        given.coefficients, more, given.response, given.placed, sweeps=4, closest=1.7, worst=0.0
    )
    kept = pruned(refined, RULES)
    assert len(kept) == 70
    assert float(torch.cdist(kept.positions, given.model.positions).min(dim=1).values.max()) < 0.3


def test_an_atom_that_stands_for_two_is_parted(phantom):
    given = problem(phantom, noise=1.0)
    # the outermost atom has a neighbour 1.9 Å further in
    positions = given.model.positions
    outermost = int(positions.norm(dim=1).argmax())
    inner = positions[outermost] * (1.0 - 1.9 / float(positions[outermost].norm()))
    keep = (positions - inner).norm(dim=1) > 1.8
    truth = given.model.of(keep)
    truth = replace(
        truth, positions=torch.cat([truth.positions, inner[None]]), occupancies=torch.ones(int(keep.sum()) + 1)
    )
    places = (given.placed.rotations, given.placed.shifts)
    noise = given.coefficients.values - predicted(given.model, given.response, *places)
    images = replace(given.coefficients, values=predicted(truth, given.response, *places) + noise)
    pair = (truth.positions - positions[outermost]).norm(dim=1) < 2.0
    middle = truth.positions[pair].mean(dim=0)
    one = replace(
        truth,
        positions=torch.cat([truth.positions[~pair], middle[None]]),
        occupancies=torch.cat([torch.ones(int((~pair).sum())), torch.tensor([1.5])]),
    )
    parted = added(images, one, given.response, given.placed, RULES, radius=12.0, worst=0.0)
    assert len(parted) == len(truth)
    refined, _ = refine_jointly(images, parted, given.response, given.placed, sweeps=3, closest=0.6 * 2.77)
    refined = pruned(refined, RULES)
    nearest = torch.cdist(truth.positions[pair], refined.positions).amin(dim=1)
    assert float(nearest.max()) < 0.05
    # a strong atom that is one stays one
    strong = replace(truth, occupancies=torch.where(pair, 1.5, 1.0))
    assert len(added(images, strong, given.response, given.placed, RULES, radius=12.0, worst=0.0)) == len(truth)


def test_a_smooth_path_passes_over_hops():
    rng = np.random.default_rng(0)
    true = np.cumsum(rng.normal(scale=0.1, size=(300, 2)), axis=0)
    seen = true + rng.normal(scale=0.2, size=true.shape)
    hops = rng.choice(300, 45, replace=False)
    seen[hops] += rng.choice([-2.3, 2.3], size=(45, 2))
    path = smooth_path(seen, error=0.25, step=0.1, gaps=np.ones(299))
    error = np.sqrt(np.mean((path - true) ** 2))
    assert error < 0.15
    # over a gap the path may go far
    jump = np.concatenate([np.zeros((20, 2)), np.full((20, 2), 5.0)])
    gaps = np.ones(39)
    gaps[19] = 2500.0
    stepped = smooth_path(jump, error=0.25, step=0.1, gaps=gaps)
    np.testing.assert_allclose(stepped, jump, atol=0.2)
