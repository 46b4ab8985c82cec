"""The lattice: how much of it is there."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from atomotion.data import InputError
from atomotion.quality import SplitCounts, band_correlation, band_fidelity, psnr, ssim


def fringes(period, shape=(64, 64), phase=0.0):
    return np.cos(2 * np.pi * np.arange(shape[1]) / period + phase)[None] * np.ones(shape)


def test_band_picks_its_wavelengths():
    rng = np.random.default_rng(0)
    lattice, slow = fringes(6.4), 5 * fringes(32)
    a, b = lattice + slow, lattice - slow
    assert band_correlation(a, b, band=(5, 9)).value == pytest.approx(1.0, abs=0.01)
    assert band_correlation(a, b, band=(25, 45)).value == pytest.approx(-1.0, abs=0.01)
    assert band_correlation(lattice, fringes(6.4, phase=np.pi / 2), band=(5, 9)).value == pytest.approx(0.0, abs=0.02)
    noise = rng.normal(size=(2, 30, 64, 64))
    found = band_correlation(noise[0], noise[1], band=(5, 9))
    assert found.low < 0 < found.high
    # 6.4 px of 0.3 Å
    assert band_correlation(a, b, band=(1.5, 2.7), pixel_size=0.3).value == pytest.approx(1.0, abs=0.01)


def test_band_beyond_the_frame():
    with pytest.raises(InputError, match="has no frequency"):
        band_correlation(np.ones((16, 16)), np.ones((16, 16)), band=(0.5, 1.2), pixel_size=1.0)
    image = band_correlation(fringes(6.4), fringes(6.4), band=(5, 9))
    assert (image.low, image.high) == (None, None)


@pytest.mark.parametrize("sigma", [0.8, 1.5])
def test_amplitude_kept_by_a_filter_is_its_transfer(sigma):
    truth = np.repeat(fringes(6.4)[None], 4, axis=0)
    found = band_fidelity(gaussian_filter(truth, (0, sigma, sigma), mode="wrap"), truth, band=(6, 6.8))
    transfer = np.exp(-0.5 * (2 * np.pi * sigma / 6.4) ** 2)
    assert found.amplitude.value == pytest.approx(transfer, rel=0.05)
    assert found.energy.value == pytest.approx(transfer**2, rel=0.1)
    assert found.correlation.value == pytest.approx(1.0, abs=0.01)


def test_noisy_counts_tell_the_same_as_the_truth(small):
    """Against the removed part of a split, whose own noise is far larger than the lattice."""
    truth = small.scene(5.0, shape=(40, 64, 64))
    found = {"correlation": [], "amplitude": [], "energy": []}
    true = {key: [] for key in found}
    inside = 0
    for seed in range(15):
        split = SplitCounts(np.random.default_rng(seed).poisson(truth), 0.5, seed=seed)
        denoised = split.whole_dose(small.gaussian(split.kept, (1, 1, 1)))
        blind = band_fidelity(denoised, split.removed, band=(5, 9), reference_units=split.removed_units)
        clean = band_fidelity(denoised, truth, band=(5, 9))
        for key in found:
            one, two = getattr(blind, key), getattr(clean, key)
            found[key].append(one.value)
            true[key].append(two.value)
            inside += one.low <= two.value <= one.high
    for key in found:
        difference = np.array(found[key]) - true[key]
        assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(15), key
        assert difference.std() < 0.1
    assert inside >= 38  # of 45


def test_frames_of_a_reference_without_lattice_refuse():
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (24, 64, 64))
    split = SplitCounts(counts, 0.5)
    found = band_fidelity(split.kept, split.removed, band=(5, 9), reference_units=2 * split.removed_units)
    assert "denominator" in found.amplitude.refused


def test_psnr_and_ssim():
    truth = np.zeros((2, 16, 16))
    truth[:, 4:9] = 2.0
    assert psnr(truth, truth + 0.2) == pytest.approx(20.0)
    assert psnr(truth, truth) == float("inf")
    assert ssim(truth, truth) == pytest.approx(1.0)
    noisy = truth + np.random.default_rng(0).normal(size=truth.shape)
    assert ssim(truth, noisy) < ssim(truth, 0.5 * (truth + noisy)) < 1.0
    # squares of 7 x 7 px, and the range of the clean movie, not of a frame
    ramp = truth * np.array([1.0, 3.0])[:, None, None]
    frames = [structural_similarity(c, f, data_range=6.0) for c, f in zip(ramp, ramp + noisy, strict=True)]
    assert ssim(ramp, ramp + noisy) == pytest.approx(np.mean(frames))
    assert psnr(truth, noisy, data_range=1.0) == pytest.approx(psnr(truth, noisy) - 20 * np.log10(2))
