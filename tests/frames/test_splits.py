import numpy as np
import pytest
from scipy import ndimage

from atomotion.frames.splits import calibrated_changes, long_run_covariance, long_run_sd

SEARCH = {"min_length": 50, "block": 25, "alpha": 0.01, "resamples": 150}


def correlated(rng, count=500, curves=2):
    noise = ndimage.gaussian_filter1d(rng.normal(size=(count, curves)), 2.5, axis=0, mode="wrap")
    return noise / noise.std(axis=0)


def test_the_long_run_scatter_is_that_of_averages():
    rng = np.random.default_rng(0)
    curves = np.concatenate([correlated(rng) for _ in range(20)])
    means = curves[: len(curves) // 100 * 100].reshape(-1, 100, 2).mean(axis=1)
    np.testing.assert_allclose(long_run_sd(curves, 25), means.std(axis=0) * 10, rtol=0.2)
    mixed = curves[:, :1] * [1.0, 2.0]
    covariance = long_run_covariance(mixed, 25)
    assert covariance[0, 1] == pytest.approx(0.9 * np.sqrt(covariance[0, 0] * covariance[1, 1]))


def test_nothing_is_found_where_nothing_changes():
    found = [
        calibrated_changes(correlated(rng), rng=rng, **SEARCH).at
        for rng in (np.random.default_rng(seed) for seed in range(25))
    ]
    # one in a hundred is allowed
    assert sum(bool(each) for each in found) <= 2


@pytest.mark.parametrize("seed", range(4))
def test_planted_steps_are_found(seed):
    rng = np.random.default_rng(seed)
    curves = correlated(rng, curves=3)
    curves[180:330] += 2.0
    curves[330:] += 4.0
    found = calibrated_changes(curves, rng=rng, **SEARCH)
    assert len(found.at) == 2
    np.testing.assert_allclose(found.at, [180, 330], atol=8)
    assert min(found.gains) > found.price


def test_a_short_series_is_left_whole():
    rng = np.random.default_rng(0)
    assert calibrated_changes(rng.normal(size=(80, 2)), rng=rng, **SEARCH).at == ()
