"""Diffusion from centres with errors, against walks whose step is known."""

import numpy as np
import pytest

from atomotion.track import fit_random_walk, mean_square_displacement

STEP, ERROR = 0.12, 0.6


def noisy_walk(n: int, seed: int, *, step: float = STEP, error: float = ERROR, memory: float = 0.0) -> np.ndarray:
    """(n, 2) a random walk, seen with errors whose neighbours are correlated by `memory`."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, error, (n, 2))
    for i in range(1, n):
        noise[i] = memory * noise[i - 1] + np.sqrt(1 - memory**2) * noise[i]
    return np.cumsum(rng.normal(0, step, (n, 2)), axis=0) + noise


@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_step_and_its_interval(memory):
    """Without bias; the 95 % interval holds the truth in nine of ten walks (89 and 94 % of 150), so in 49 of 60."""
    used = np.ones(600, dtype=bool)
    fits = [fit_random_walk(noisy_walk(600, seed, memory=memory), used, group=10) for seed in range(60)]
    assert np.mean([fit.step2 for fit in fits]) == pytest.approx(STEP**2, rel=0.1)
    covered = np.mean([fit.low <= STEP**2 <= fit.high for fit in fits])
    assert covered >= 49 / 60


def test_error_of_a_centre():
    used = np.ones(600, dtype=bool)
    errors = [fit_random_walk(noisy_walk(600, seed), used, group=1).error2 for seed in range(20)]
    assert np.mean(errors) == pytest.approx(ERROR**2, rel=0.05)


def test_gaps_are_not_used():
    centres, used = noisy_walk(600, 0), np.ones(600, dtype=bool)
    centres[200:260] = 1e3
    used[200:260] = False
    fit = fit_random_walk(centres, used, group=10)
    assert fit.low <= STEP**2 <= fit.high


def test_short_tracks_say_nothing():
    assert fit_random_walk(noisy_walk(40, 0), np.ones(40, dtype=bool), group=10) is None


def test_a_particle_that_stays_has_an_interval_down_to_nothing():
    fit = fit_random_walk(noisy_walk(600, 3, step=0.0), np.ones(600, dtype=bool), group=10)
    assert np.sqrt(fit.low) < 0.02
    assert np.sqrt(fit.high) < 0.06


def test_mean_square_displacement_is_that_of_the_true_path():
    """<|r|²> = 2 q² lag, whatever the errors; the mean of 40 walks, and its intervals in nine of ten walks."""
    used = np.ones(600, dtype=bool)
    curves, covered = [], []
    for seed in range(40):
        centres = noisy_walk(600, seed)
        walk = fit_random_walk(centres, used, group=10)
        found = mean_square_displacement(centres, used, walk, group=10)
        expected = 2 * STEP**2 * found.lag_frames
        curves.append(found.msd / expected)
        covered.append((found.low <= expected) & (expected <= found.high))
    np.testing.assert_allclose(np.mean(curves, axis=0), 1.0, atol=0.2)
    assert np.mean(covered) > 0.88
