"""The square root of counts and the way back, and the strength of noise."""

import numpy as np
import pytest
from scipy.stats import poisson

from atomotion.denoise import DenoiseConfig, NoiseScale, anscombe, inverse_anscombe, measure_noise_scale
from atomotion.denoise.methods import uses_anscombe


@pytest.mark.parametrize(("mean", "tolerance"), [(2.0, 0.05), (4.0, 0.02), (10.0, 0.01), (100.0, 0.01)])
def test_noise_of_counts_becomes_even(mean, tolerance):
    counts = np.arange(400)
    weights = poisson.pmf(counts, mean)
    values = anscombe(counts)
    variance = weights @ values**2 - (weights @ values) ** 2
    assert np.sqrt(variance) == pytest.approx(1, abs=tolerance)


@pytest.mark.parametrize("mean", [0.05, 0.25, 0.5, 1.0, 2.0, 5.0, 20.0, 150.0])
def test_inverse_is_unbiased(mean):
    counts = np.arange(400)
    expected = poisson.pmf(counts, mean) @ anscombe(counts)
    # the closed form is within 0.03 electrons of the exact inverse
    assert inverse_anscombe(np.array([expected]))[0] == pytest.approx(mean, abs=0.035)
    if mean in (1.0, 2.0, 5.0):
        assert expected**2 / 4 - 0.375 < mean - 0.15  # the plain inverse is not


def test_nothing_comes_back_as_nothing():
    assert inverse_anscombe(np.array([0.0, 1.0, 2 * np.sqrt(0.375)])).max() < 0.03
    assert (np.diff(inverse_anscombe(np.linspace(0.0, 20.0, 500))) >= 0).all()


@pytest.mark.parametrize("dose", [0.25, 3.0])
def test_noise_scale_of_poisson_frames(dose):
    for seed in range(3):
        frames = 30 * np.random.default_rng(seed).poisson(dose, (20, 96, 96))
        frames[3] = 0  # an odd frame does not count
        scale = measure_noise_scale(frames, 30.0)
        assert scale.sd == pytest.approx(30 * np.sqrt(dose), rel=0.03)
        assert scale.mean == pytest.approx(30 * dose, rel=0.03)


def test_averages_count_as_more_electrons():
    frames = np.random.default_rng(0).poisson(0.5, (4, 200, 200))
    scale = NoiseScale(sd=np.sqrt(0.5), mean=0.5, units_per_electron=1.0)
    assert not scale.can_stabilise()
    averaged = scale.averaged(0.25)
    mean = frames.mean(axis=0)
    assert mean.std() == pytest.approx(averaged.sd, rel=0.03)
    assert (mean / averaged.units_per_electron).var() == pytest.approx(
        (mean / averaged.units_per_electron).mean(), rel=0.05
    )
    assert averaged.can_stabilise()
    assert not NoiseScale(sd=1.0, mean=102.0, units_per_electron=1.0, offset=101.0).can_stabilise()


def test_when_anscombe_is_used():
    few = NoiseScale(sd=0.5, mean=0.25, units_per_electron=1.0)
    some = NoiseScale(sd=1.0, mean=1.0, units_per_electron=1.0)
    unknown = NoiseScale(sd=1.0, mean=1.0, units_per_electron=None)
    assert not uses_anscombe(some, DenoiseConfig(method="gaussian", stabilise="on"))
    assert not uses_anscombe(few, DenoiseConfig(method="tv"))
    assert uses_anscombe(some, DenoiseConfig(method="tv"))  # averaged over time it has 3.5 electrons
    assert not uses_anscombe(some, DenoiseConfig(method="tv", sigma_frames=0.0))
    assert uses_anscombe(few, DenoiseConfig(method="tv", stabilise="on"))
    assert not uses_anscombe(unknown, DenoiseConfig(method="tv", stabilise="on"))
    assert not uses_anscombe(some, DenoiseConfig(method="nlmeans", stabilise="off"))
