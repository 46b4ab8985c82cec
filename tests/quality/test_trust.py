"""What comes out of nothing, where two denoisers disagree, and sum against sum."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from atomotion.data import InputError, UsageError
from atomotion.quality import disagreement, sum_against_sum, vacuum_in


@pytest.fixture(scope="module")
def vacuum():
    return np.random.default_rng(0).poisson(1.0, (24, 64, 64)).astype(float)


def fringes(phase=0.0):
    return np.cos(2 * np.pi * np.arange(64) / 6.4 + phase)[None] * np.ones((64, 64))


def test_smoothing_of_vacuum_by_hand(vacuum):
    found = vacuum_in(lambda movie: gaussian_filter(movie[:], (0, 2, 2), mode="wrap"), vacuum, band=(5, 9))
    # a Gaussian keeps 1 / (4 pi sigma²) of the variance
    assert found.noise_kept.value == pytest.approx(1 / np.sqrt(16 * np.pi), rel=0.1)
    transfer = np.exp(-0.5 * (2 * np.pi * 2 / np.array([5, 9])) ** 2)
    assert transfer[0] < found.band_noise_kept.value < transfer[1]
    assert found.fixed_pattern == pytest.approx(1 / np.sqrt(24), rel=0.2)
    assert found.mean_shift == pytest.approx(0.0, abs=1e-6)
    assert found.relative_to_contrast is None and found.band_relative is None


def test_invented_lattice_is_seen(vacuum):
    """A 'denoiser' that always sees the same faint fringes."""

    def invents(movie):
        return 1.0 + 0.1 * np.repeat(fringes()[None], movie.shape[0], axis=0)

    movie = 1.0 + 0.5 * np.repeat(fringes(1.0)[None], 12, axis=0)
    found = vacuum_in(invents, vacuum, denoised=movie, band=(5, 9))
    assert found.relative_to_contrast.value == pytest.approx(0.2, rel=0.02)
    assert found.band_relative.value == pytest.approx(0.2, rel=0.02)
    assert found.fixed_pattern == pytest.approx(1.0)
    honest = vacuum_in(lambda movie: np.ones(movie.shape), vacuum, denoised=movie, band=(5, 9))
    assert honest.noise_kept.value == 0.0
    assert honest.fixed_pattern == 0.0


def test_disagreement_by_hand():
    first = np.zeros((3, 4, 4))
    second = np.zeros((3, 4, 4))
    first[:, :, :2], second[:, :, :2] = 2.0, 2.0
    second[1, 0, 0] += 4.0
    found = disagreement(first, second)
    assert found.rms_map[0, 0] == pytest.approx(np.sqrt(16 / 3))
    assert found.rms_map[1:].max() == 0
    np.testing.assert_allclose(found.per_frame, [0, 1, 0])
    assert found.overall == pytest.approx(np.sqrt(1 / 3))
    mean = 0.5 * (first + second)
    assert found.relative == pytest.approx(found.overall / np.sqrt(np.mean(mean.var(axis=(1, 2)))))
    without = disagreement(first, second, bad_frames=[1])
    assert without.overall == 0 and np.isnan(without.per_frame[1])
    mask = np.ones((4, 4), dtype=bool)
    mask[0, 0] = False
    assert disagreement(first, second, mask=mask).overall == 0
    with pytest.raises(InputError, match="no good frame"):
        disagreement(first, second, bad_frames=[0, 1, 2])


def test_sum_against_sum(small):
    truth = small.scene(2.0, shape=(60, 64, 64), moving=False)
    raw = np.random.default_rng(0).poisson(truth)
    found = sum_against_sum(raw, truth, 30, units_per_electron=1.0, line=((10, 32), (50, 32)), width_px=5)
    assert found.frames == range(15, 45)
    np.testing.assert_allclose(found.raw_sum, raw[15:45].sum(axis=0))
    assert found.slope.low < 1.0 < found.slope.high
    # the correlation of 4096 pixels has a standard error of 0.01
    assert found.correlation.value == pytest.approx(found.correlation_limit, abs=0.03)
    assert found.line.shape == (41, 3)
    np.testing.assert_allclose(found.line[:, 0], np.arange(41))
    np.testing.assert_allclose(found.line[5, 2], truth[0, 30:35, 15].sum() * 30 / 5)
    weak = sum_against_sum(raw, 0.5 * truth, 30)
    assert weak.slope.value == pytest.approx(2.0, rel=0.05)
    assert weak.correlation_limit is None and weak.line is None


def test_sum_edges(small):
    movie = small.scene(1.0)
    assert sum_against_sum(movie, movie, 100, bad_frames=[0]).frames == range(24)
    with pytest.raises(UsageError, match="frames 20 to 29"):
        sum_against_sum(movie, movie, 10, start=20)
