"""The two smoothers of a path, against what they must give exactly."""

import numpy as np
import pytest

from atomotion.track.path import jitter_step, most_probable, standard_deviation


def test_newton_step_is_the_posterior_mean_of_a_gaussian_problem():
    """Against the dense solution: prior covariance τ² ρ^|i-j| and likelihood precision H_i."""
    rng = np.random.default_rng(0)
    n, jitter, memory = 7, 0.8, 0.6
    root = rng.normal(size=(n, 2, 2))
    information = root @ root.transpose(0, 2, 1)
    slope, away = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    prior = np.kron(np.linalg.inv(jitter**2 * memory**lag), np.eye(2))
    likelihood = np.zeros((2 * n, 2 * n))
    for i in range(n):
        likelihood[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = information[i]
    expected = np.linalg.solve(prior + likelihood, slope.ravel() - prior @ away.ravel())
    moves, evidence = jitter_step(slope, information, away, jitter, memory)
    np.testing.assert_allclose(moves.ravel(), expected, atol=1e-10)
    covariance = np.linalg.inv(prior + likelihood)
    np.testing.assert_allclose(
        standard_deviation(information, jitter, memory).ravel(), np.sqrt(np.diag(covariance)), atol=1e-10
    )
    there = away.ravel() + expected
    exact = (
        slope.ravel() @ expected
        - 0.5 * expected @ likelihood @ expected
        - 0.5 * there @ prior @ there
        + 0.5 * np.linalg.slogdet(prior)[1]
        - 0.5 * np.linalg.slogdet(prior + likelihood)[1]
    )
    assert evidence == pytest.approx(exact, abs=1e-8)


def test_neighbours_overrule_a_fit_one_lattice_period_away():
    grid = np.arange(-10, 11.0)
    y, x = np.meshgrid(grid, grid, indexing="ij")
    here = -((x - 1) ** 2 + y**2)
    hop = -((x - 7) ** 2 + y**2)
    frames = np.array([here] * 4 + [np.logaddexp(here, hop + 1.0)] + [here] * 4)  # the fifth alone prefers the hop
    found, _ = most_probable(frames, grid, 0.5)
    np.testing.assert_allclose(found, [[1.0, 0.0]] * 9, atol=0.05)
    alone, _ = most_probable(frames[4:5], grid, 0.5)
    np.testing.assert_allclose(alone, [[7.0, 0.0]], atol=0.1)


def test_a_true_jump_is_followed():
    grid = np.arange(-10, 11.0)
    y, x = np.meshgrid(grid, grid, indexing="ij")
    frames = np.array([-10 * ((x + 5) ** 2 + y**2)] * 5 + [-10 * ((x - 5) ** 2 + y**2)] * 5)
    found, _ = most_probable(frames, grid, 0.5)
    np.testing.assert_allclose(found[:, 0], [-5] * 5 + [5] * 5, atol=0.01)


def test_frames_that_say_nothing_stay():
    found, _ = most_probable(np.zeros((6, 9, 9)), np.arange(-4, 5.0), 0.5)
    np.testing.assert_allclose(found, 0, atol=1e-9)
