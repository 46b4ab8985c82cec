"""What is left in the residual."""

import numpy as np
import pytest

from atomotion.quality import KnownNoise, residual_whiteness

ELECTRONS = KnownNoise(units_per_electron=1.0)


@pytest.fixture(scope="module")
def raw(small):
    return np.random.default_rng(0).poisson(small.scene(3.0, moving=False))


def test_truth_leaves_white_noise(small, raw):
    truth = small.scene(3.0, moving=False)
    hits = []
    for seed in range(20):
        movie = np.random.default_rng(seed).poisson(truth)
        found = residual_whiteness(movie, truth, noise=ELECTRONS, window=2, rng=np.random.default_rng(seed))
        hits.append(found.mean_square.low < 1.0 < found.mean_square.high)
        for each in (found.pixel_lag1, found.frame_lag1, found.left_over, found.with_denoised):
            hits.append(each.low < 0 < each.high)
            assert each.high - each.low < 0.05
    assert 0.9 <= np.mean(hits) <= 0.99
    found = residual_whiteness(raw, truth, noise=ELECTRONS)
    assert found.pixel_correlation.shape == (7, 7)
    assert found.pixel_correlation[3, 3] == pytest.approx(1.0)
    others = np.delete(found.pixel_correlation.ravel(), 24)
    assert np.abs(others).max() < 5 / np.sqrt(raw.size)
    np.testing.assert_allclose(found.pixel_correlation, found.pixel_correlation[::-1, ::-1], atol=1e-12)


def test_structure_that_was_smoothed_away_is_found(small):
    """A filter too wide for the fringes leaves them in the residual, however white it looks from pixel to pixel."""
    truth = small.scene(10.0, moving=False)
    raw = np.random.default_rng(0).poisson(truth)
    smooth = small.gaussian(raw, (0.5, 3.0, 3.0))
    found = residual_whiteness(raw, smooth, noise=ELECTRONS, window=2)
    assert found.left_over.low > 0
    mean = small.gaussian(truth, (0.5, 3.0, 3.0))
    expected = np.mean((truth - mean) ** 2 / mean) / np.mean((raw - smooth) ** 2 / smooth)
    assert found.left_over.low < expected < found.left_over.high
    assert found.left_over.high - found.left_over.low < expected


def test_contrast_too_weak_or_too_strong(small, raw):
    truth = small.scene(3.0, moving=False)
    weak = residual_whiteness(raw, 0.8 * (truth - 3) + 3, noise=ELECTRONS)
    strong = residual_whiteness(raw, 1.2 * (truth - 3) + 3, noise=ELECTRONS)
    assert weak.with_denoised.low > 0
    assert strong.with_denoised.high < 0


def test_noise_that_was_let_through_lowers_the_mean_square(small, raw):
    found = residual_whiteness(raw, 0.5 * raw + 0.5 * raw.mean(), noise=ELECTRONS)
    assert found.mean_square.high < 0.5


def test_short_movie_and_bad_frames(small, raw):
    flat = np.full(raw.shape, 3.0)
    found = residual_whiteness(raw, flat, noise=ELECTRONS, window=12)
    assert "no frames 25 apart" in found.left_over.refused
    spoiled = raw.copy()
    spoiled[5] = 10**6
    truth = small.scene(3.0, moving=False)
    assert residual_whiteness(spoiled, truth, noise=ELECTRONS, bad_frames=[5]).mean_square.value < 1.1
