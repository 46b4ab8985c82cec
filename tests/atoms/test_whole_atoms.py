"""Which atoms are whole: by hand, under noise, and where all differ."""

import numpy as np
import pytest

from atomotion.atoms import whole_probabilities


def test_a_far_amplitude_is_partial_and_equal_ones_are_whole():
    amplitudes = np.array([1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 0.5])
    p, whole = whole_probabilities(3.0 * amplitudes, np.full(7, 0.06))
    assert whole == pytest.approx(3.0, rel=0.01)
    assert p[:6].min() > 0.9 and p[6] < 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_probabilities_are_true(seed):
    rng = np.random.default_rng(seed)
    partial = rng.random(2000) < 0.2
    true = np.where(partial, rng.uniform(0.0, 1.5, size=2000), 1.0)
    errors = rng.uniform(0.05, 0.15, size=2000)
    p, whole = whole_probabilities(true + errors * rng.normal(size=2000), errors)
    assert whole == pytest.approx(1.0, abs=0.015)
    assert p.mean() == pytest.approx(0.8, abs=0.03)
    # of atoms that are whole with 30 to 80 %, about so many are
    unsure = (p > 0.3) & (p < 0.8)
    assert unsure.sum() > 30
    assert np.mean(~partial[unsure]) == pytest.approx(p[unsure].mean(), abs=0.2)


def test_the_scale_does_not_matter_and_errors_do():
    rng = np.random.default_rng(1)
    amplitudes = 1.0 + 0.1 * rng.normal(size=300)
    p, whole = whole_probabilities(amplitudes, np.full(300, 0.1))
    again, scaled = whole_probabilities(1e-4 * amplitudes, np.full(300, 1e-5))
    np.testing.assert_allclose(p, again, rtol=1e-6)
    assert scaled == pytest.approx(1e-4 * whole) and p.mean() > 0.95
    # the same differences without noise are partial atoms
    sharp, _ = whole_probabilities(amplitudes, np.full(300, 0.001))
    assert sharp.mean() < 0.6
