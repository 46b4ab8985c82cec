"""The residual of a blind denoiser."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from atomotion.quality import KnownNoise, blind_residual

ELECTRONS = KnownNoise(units_per_electron=1.0)


def bias(values, errors):
    difference = np.array(values) - np.array(errors)
    error = difference.std() / np.sqrt(len(difference))
    return difference.mean() / error, error / np.mean(errors)


def test_by_hand():
    raw = np.tile([1.0, 3.0], (24, 32, 16)).reshape(24, 32, 32)
    noise = KnownNoise(units_per_electron=0.25, offset=1.0)
    found = blind_residual(raw, np.full_like(raw, 2.0), noise=noise, blind=True)
    # squares 1, mean above the offset 1
    assert found.value == pytest.approx(1 - 0.25)
    noise = KnownNoise(units_per_electron=0.25, offset=1.0, read_variance=0.1)
    half = blind_residual(raw, np.full_like(raw, 2.0), noise=noise, blind=False, centre_weight=0.25)
    assert half.value == pytest.approx(1 - 0.5 * (0.25 + 0.1))


@pytest.mark.parametrize("hole", [0, 1])
def test_unbiased_with_offset_gain_and_read_noise(small, hole):
    truth = small.scene(1.0)
    noise = KnownNoise(units_per_electron=20.0, offset=50.0, read_variance=25.0)
    values, errors = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        raw = 50 + 20 * rng.poisson(truth) + rng.normal(0, 5, truth.shape)
        denoised = small.with_hole(raw, (0.8, 0.8, 0.8), hole=hole)
        found = blind_residual(raw, denoised, noise=noise, blind=True, hole_px=hole)
        values.append(found.value)
        errors.append(np.mean((denoised - 50 - 20 * truth) ** 2))
    away, precision = bias(values, errors)
    assert abs(away) < 3
    assert precision < 0.05


def test_centre_weight_of_a_filter_that_sees_the_pixel(small):
    truth = small.scene(1.0)
    weight = small.centre_weight()
    values, naive, errors = [], [], []
    for seed in range(40):
        raw = np.random.default_rng(seed).poisson(truth)
        denoised = small.gaussian(raw)
        found = blind_residual(raw, denoised, noise=ELECTRONS, blind=False, centre_weight=weight)
        values.append(found.value)
        naive.append(blind_residual(raw, denoised, noise=ELECTRONS, blind=True).value)
        errors.append(np.mean((denoised - truth) ** 2))
    assert abs(bias(values, errors)[0]) < 3
    # taken as blind, it looks better than it is
    assert bias(naive, errors)[0] < -10


def test_gain_that_is_not_known_widens_the_interval(small):
    raw = np.random.default_rng(0).poisson(small.scene(1.0))
    denoised = small.with_hole(raw)
    exact = blind_residual(raw, denoised, noise=ELECTRONS, blind=True)
    noise = KnownNoise(units_per_electron=1.0, units_per_electron_interval=(0.9, 1.1))
    vague = blind_residual(raw, denoised, noise=noise, blind=True)
    assert vague.value == exact.value
    # 10 % of the noise's variance, which is the mean
    assert (vague.high - vague.low) / 2 == pytest.approx(0.1 * raw.mean(), rel=0.1)
    assert "taken as exact" in exact.warning
    assert vague.warning is None


def test_refusals(small):
    raw = np.random.default_rng(0).poisson(small.scene(1.0))

    def reason(*, blind=True, hole_px=0, **known):
        noise = KnownNoise(**{"units_per_electron": 1.0, **known})
        return blind_residual(raw, raw, noise=noise, blind=blind, hole_px=hole_px).refused

    assert "sees the pixel" in reason(blind=False)
    assert "units per electron" in reason(units_per_electron=None)
    assert "frames is correlated" in reason(white_frames=False)
    assert "pixels is correlated" in reason(white_pixels=False)
    table = np.zeros((7, 7))
    table[3, 3] = 1
    table[3, 4] = table[3, 2] = 0.1
    assert "hole of 1 x 1 px" in reason(pixel_correlation=table)
    assert reason(pixel_correlation=table, hole_px=1, white_pixels=False) is None


def test_correlated_noise_within_the_hole_is_no_bias_and_beyond_it_is(small):
    """Why there is a refusal: noise shared by neighbours is in the prediction."""
    truth = np.ones((24, 48, 48))
    known = KnownNoise(units_per_electron=0.0, read_variance=1.0)
    values, errors, leaked, leaked_errors = [], [], [], []
    for seed in range(20):
        noise = gaussian_filter(np.random.default_rng(seed).normal(size=truth.shape), (0, 0.5, 0.5), truncate=2)
        noise /= noise.std()
        raw = truth + noise
        for hole, found, error in ((1, values, errors), (0, leaked, leaked_errors)):
            denoised = small.with_hole(raw, hole=hole)
            found.append(blind_residual(raw, denoised, noise=known, blind=True).value)
            error.append(np.mean((denoised - truth) ** 2))
    assert abs(np.mean(values) - np.mean(errors)) < 0.1 * np.mean(errors)
    assert np.mean(leaked) < 0.5 * np.mean(leaked_errors)
